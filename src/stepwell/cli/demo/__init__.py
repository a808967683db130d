"""`stepwell demo`: a worker is killed in the middle of the orders of examples/orders, and another one finishes them.

Everything that is shown is done by the commands that are shown: the example's own script starts the workflows, two
ordinary `stepwell worker` processes execute them. The demo only watches, kills, and compares what the database
recorded with what the ledger outside says was done.

    command.py     the command
    story.py       what happens, from the first order to the proof
    stage.py       a temporary directory with the example, a database, processes
    evidence.py    what was recorded and what was done, at one moment
    proof.py       before the kill against the end: what ran again, and what must not have
    screen.py      what is shown meanwhile
"""
