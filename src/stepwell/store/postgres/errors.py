"""The one table from SQLSTATE to the kind of trouble. What is done about a kind is decided in `core`."""

import re

import psycopg
from psycopg import pq

from stepwell.store.faults import FaultKind, StoreFault

#: Longest matching prefix wins: whole codes before classes.
KINDS: dict[str, FaultKind] = {
    # The server is away, ending, out of something, or a standby now: reconnect and retry for ever.
    "08": FaultKind.CONNECTION,
    "53": FaultKind.CONNECTION,
    "57P": FaultKind.CONNECTION,
    "58": FaultKind.CONNECTION,
    "25006": FaultKind.CONNECTION,  # read-only transaction: a failover that has not settled
    "25P03": FaultKind.CONNECTION,  # idle_in_transaction_session_timeout
    "25P04": FaultKind.CONNECTION,  # transaction_timeout
    # Somebody else was faster, or holds a lock.
    "40": FaultKind.CONTENTION,
    "55P03": FaultKind.CONTENTION,
    "57014": FaultKind.CONTENTION,  # statement_timeout, or an operator's pg_cancel_backend
    # Prepared statements met a pooler.
    "26000": FaultKind.POOLER,
    "42P05": FaultKind.POOLER,
    # The installation: nothing that a retry of ours mends.
    "28": FaultKind.ENVIRONMENT,
    "3D": FaultKind.ENVIRONMENT,
    "3F": FaultKind.ENVIRONMENT,
    "42501": FaultKind.ENVIRONMENT,
    "42P01": FaultKind.ENVIRONMENT,
    "42703": FaultKind.ENVIRONMENT,
    "42883": FaultKind.ENVIRONMENT,
    "42P10": FaultKind.ENVIRONMENT,
    # The value itself.
    "54": FaultKind.PAYLOAD,
    "21000": FaultKind.UNKNOWN,
    "22": FaultKind.PAYLOAD,
}

# Failures to connect carry no SQLSTATE, only the server's words.
_CONNECT_WORDS = re.compile(
    r"password|no pg_hba|role \".*\" does not exist|database \".*\" does not exist|permission denied|"
    r"authentication|certificate|not permitted to log in",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"(?<=password=)('(?:[^'\\]|\\.)*'|[^\s&]+)|(?<=://)([^:/@\s]*):[^@\s]*(?=@)", re.IGNORECASE)


#: A lock that did not come in time: we ask for none but rows'.
_ROW_HELD = "55P03"


def kind_of(sqlstate: str, *, prepared: bool = False) -> FaultKind:
    """The kind of a SQLSTATE. `prepared`: the statement was a prepared one, so that 08P01 means a pooler."""
    if prepared and sqlstate == "08P01":
        return FaultKind.POOLER
    for length in (5, 3, 2):
        kind = KINDS.get(sqlstate[:length])
        if kind is not None:
            return kind
    return FaultKind.UNKNOWN


def mask_password(text: str) -> str:
    """`text` (a URL, a conninfo, a driver's message) without the passwords in it."""
    return _PASSWORD.sub(lambda found: f"{found[2]}:***" if found[2] is not None else "***", text)


def fault_of_result(result: pq.abc.PGresult, *, prepared: bool = False, committing: bool = False) -> StoreFault:
    """The fault that a failed statement's result reports.

    The primary message names constraints and relations, never a value of ours: parameters are bound in
    binary form, and detail, hint and context are left out. `committing`: a commit may hide
    behind the failure.
    """
    code = _text(result.error_field(pq.DiagnosticField.SQLSTATE)) or "XX000"
    message = _text(result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY)) or "no message"
    kind = kind_of(code, prepared=prepared)
    ambiguous = committing or kind is FaultKind.CONNECTION
    return StoreFault(kind, f"{message} [{code}]", code=code, ambiguous=ambiguous, row_held=code == _ROW_HELD)


def fault_of_connect(error: BaseException) -> StoreFault:
    """The fault for a connection that could not be made; nothing was sent, so never ambiguous."""
    message = mask_password(str(error)).strip().replace("\n", "; ")
    code = error.sqlstate or "" if isinstance(error, psycopg.Error) else ""
    if code:
        return StoreFault(kind_of(code), message, code=code)
    kind = FaultKind.ENVIRONMENT if _CONNECT_WORDS.search(message) else FaultKind.CONNECTION
    return StoreFault(kind, f"cannot connect: {message}", code="")


def fault_of_driver(error: psycopg.Error) -> StoreFault:
    """The fault for an exception of the driver (migrations run through its ordinary interface)."""
    code = error.sqlstate or ""
    message = mask_password(error.diag.message_primary or str(error)).strip()
    if not code:
        return StoreFault(FaultKind.CONNECTION, message, ambiguous=True)
    return StoreFault(kind_of(code), f"{message} [{code}]", code=code, ambiguous=True)


def connection_lost(why: str, *, ambiguous: bool = True) -> StoreFault:
    """The connection broke, or a call's deadline passed, while an answer was awaited."""
    return StoreFault(FaultKind.CONNECTION, f"connection lost: {why}", code="08006", ambiguous=ambiguous)


def _text(field: bytes | None) -> str:
    return field.decode("utf-8", "replace") if field else ""
