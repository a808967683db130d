"""The verbs of `store.api.Store`, one file per concern: see there for what all of them promise."""
