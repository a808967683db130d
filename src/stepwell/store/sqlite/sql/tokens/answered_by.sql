-- Who sent the message of this key. Called by answered_by, when a token's answer met an earlier one. Index: primary key.
SELECT reply_to FROM messages WHERE run_id = ? AND key = ?
