"""Every setting of an engine, with its unit and default, checked when it is made."""

from dataclasses import dataclass, fields

from stepwell.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an engine behaves. Durations are seconds. Raises ConfigurationError for values that make no sense.

    Example::

        Stepwell("postgresql://localhost/shop", settings=Settings(lease=30, max_threads=64))
    """

    #: How long a process may be silent before others may take its runs. At least 5.
    lease: float = 15.0
    #: Between two sweeps for what dead processes left.
    sweep_interval: float = 5.0
    #: Between two looks for work, and for cancellations of what runs here, where no hint comes.
    poll_interval: float = 1.0
    #: Tell other processes at once what was done here, and listen to them; without that everybody looks for itself.
    notify: bool = True
    #: Threads for `def` workflows and steps; also how many `def` runs are claimed at once.
    max_threads: int = 40
    #: Async runs that this process executes at once; waiting ones count.
    max_async: int = 20_000
    #: Runs claimed by one statement; a backlog is claimed in batches that grow to four times as many.
    claim_batch: int = 100
    #: Connections for @transaction, of each kind and to each database; the engine's own five are not among them.
    transaction_connections: int = 10
    #: A `def` workflow that waits longer than this gives its thread back. At least 5 (tests may set less).
    park_after: float = 5.0
    #: How long cleanup may run after a cancellation before it is forced.
    cancel_grace: float = 60.0
    #: How long a call from outside a workflow waits for an unreachable database before StoreUnavailable.
    call_patience: float = 60.0
    #: Deadline of every single database call; then its connection is cut.
    call_deadline: float = 10.0
    #: How long leaving the block waits for running workflows before it releases them.
    drain: float = 30.0
    #: How long a replay may stand still while new steps wait for recorded ones, before the run is BLOCKED.
    replay_patience: float = 60.0
    #: Encoded size of one payload at most, bytes.
    payload_cap: int = 16 * 2**20
    #: How many ticks a schedule with catch_up="all" makes up for after a time in which nobody was up: the newest.
    catch_up_limit: int = 100
    #: How long ended runs are kept; None keeps them for ever.
    retention: float | None = 30 * 86_400.0
    #: Create the database itself at launch when it is missing and the role may (Postgres).
    create_database: bool = False
    #: Apply missing migrations at launch. False runs no DDL at all.
    migrate: bool = True
    #: A step outside any workflow raises instead of warning while an engine runs.
    strict_steps: bool = False
    #: What tokens are signed with. None: a secret that is made once and kept in the database, for all who share it.
    token_secret: str | None = None
    #: Where people answer tokens: a URL with {token} in the place of the id. None: `token().url` is None.
    token_url: str | None = None
    #: Values JSON cannot carry are pickled, and such rows are read. Only for databases that nobody else writes.
    pickle: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type in ("float", float) and (
                isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf")
            ):
                raise ConfigurationError(f"Settings.{field.name} must be a positive number of seconds, not {value!r}")
            if field.type in ("int", int) and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ConfigurationError(f"Settings.{field.name} must be a positive integer, not {value!r}")
        if self.lease < 5:
            raise ConfigurationError(f"Settings.lease must be at least 5 seconds, not {self.lease!r}")
        if self.token_secret is not None and (not isinstance(self.token_secret, str) or len(self.token_secret) < 16):
            raise ConfigurationError("Settings.token_secret must be a text of at least 16 characters, or None")
        if self.token_url is not None and "{token}" not in str(self.token_url):
            raise ConfigurationError(f"Settings.token_url must contain {{token}}, and is {self.token_url!r}")
        if self.retention is not None and not self.retention > 0:
            raise ConfigurationError(f"Settings.retention must be positive or None, not {self.retention!r}")
