"""The command line: one file per group of commands, and a few small modules that they share.

main.py            the program: its groups, its help, and how errors become messages
workflow.py, change.py, executor.py, db.py, doctor.py, worker.py, run.py, completion.py, demo/
queue.py, enqueue.py, top.py
options.py         --database, --schema, --namespace, --json
frame.py, keys.py  what `top` draws, and its keys
lines.py           calls from JSON lines
limits.py          limits of queues in words
chosen.py          which engine starts the runs
ask.py             from these options to a client that can be asked
output.py          tables for people, one JSON document for programs
exits.py           exit codes
"""
