"""Plain values that every layer shares: statuses, rows, options, ids. No I/O, no clock."""
