"""One module per row of the table. Each has `ROW`, and the tasks that its children run."""

from bench.rows import (
    a_step_latency,
    b_steps_async,
    b_steps_threads,
    c_one_step_run,
    d_transactions,
    e_recovery,
    f_sleepers,
    g_cost_per_step,
    h_long_and_old,
    i_sqlite,
    import_time,
    j_messages,
    q_queues,
)
from bench.rows.row import Row

ROWS: dict[str, Row] = {
    row.key: row
    for row in (
        a_step_latency.ROW,
        b_steps_async.ROW,
        b_steps_threads.ROW,
        c_one_step_run.ROW,
        d_transactions.ROW,
        e_recovery.ROW,
        f_sleepers.ROW,
        g_cost_per_step.ROW,
        h_long_and_old.ROW,
        i_sqlite.ROW,
        j_messages.ROW,
        q_queues.ROW,
        q_queues.ROW_PGQUEUER,
        import_time.ROW,
    )
}
