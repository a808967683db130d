"""Background loops of an engine: one concern, one file, one class, one loop. All of them are level-triggered:
nothing is remembered only in memory, an error is logged and the loop goes on."""
