"""The rules of durable execution: no SQL, no driver, no wall clock. The world comes in through `Env` and `Store`."""
