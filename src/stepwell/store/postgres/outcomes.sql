-- The outcomes of transactions in a database that is not the engine's. Rows of runs that have ended are removed.
-- Called by: @transaction with a source, once. Locks: none but its own.
create table if not exists stepwell_transactions (
    run_id       uuid not null,
    recorded_at  timestamptz not null default clock_timestamp(),
    fingerprint  bigint not null,
    seq          integer not null,
    epoch        integer not null,
    branch       text not null,
    name         text not null,
    output       text,
    codec_id     text,
    primary key (run_id, branch, seq)
)
