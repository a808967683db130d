-- Who sent the message of this key. Called by: answered_by, when a token's answer met an earlier one.
-- Index: messages_pkey. Locks: nothing.
select m.reply_to from stepwell.messages m where m.run_id = $1::uuid and m.key = $2::text
