-- What time the database says it is, unix seconds. Called by everything that compares instants in Python.
SELECT stepwell_clock()
