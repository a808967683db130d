-- What was declared of a queue last. Called by declare_queues. Index: primary key.
SELECT declared FROM queues WHERE namespace = :namespace AND name = :queue
