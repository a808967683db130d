"""What the parts of a SQLite store have in common: the two lanes to its file."""

from stepwell.store.sqlite.lanes import Reader, Writer


class Verbs:
    """A part of a store; the store itself has the lanes while it is open."""

    @property
    def _write(self) -> Writer:
        raise NotImplementedError

    @property
    def _read(self) -> Reader:
        raise NotImplementedError
