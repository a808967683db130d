"""The engine's log during a simulation: hundreds of expected warnings, and errors that somebody must read."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.found.append(f"logged: {record.getMessage()}" + ("" if error is None else f": {error!r}"))


@contextmanager
def errors_logged() -> Iterator[list[str]]:
    """Within the block the engine's log goes nowhere; what it says at level ERROR is in the list."""
    logger = logging.getLogger("stepwell")
    errors = _Errors()
    before = logger.propagate, logger.level, logger.handlers[:]
    logger.propagate, logger.handlers = False, [errors]
    logger.setLevel(logging.ERROR)
    try:
        yield errors.found
    finally:
        logger.propagate, logger.handlers = before[0], before[2]
        logger.setLevel(before[1])
