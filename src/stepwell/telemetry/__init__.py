"""What happens, as events: one bus, and handlers that hang on it."""
