-- The oldest messages of a run and a topic that no receive has consumed. Called by unconsumed. Index: messages_waiting.
SELECT key, nullif(topic, ''), body, codec_id, number
FROM messages WHERE run_id = :run_id AND topic = :topic AND consumed_seq IS NULL
ORDER BY number
LIMIT :limit
