-- The outcomes of transactions in a database that is not the engine's. Rows of runs that have ended are removed.
-- Called by: @transaction with a source, once.
CREATE TABLE IF NOT EXISTS stepwell_transactions (
    run_id       BLOB NOT NULL,
    branch       TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,
    name         TEXT NOT NULL,
    fingerprint  INTEGER NOT NULL,
    output       TEXT,
    codec_id     TEXT,
    recorded_at  TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (run_id, branch, seq)
) WITHOUT ROWID
