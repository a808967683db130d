"""What a body must not do with the connection that it is given."""

from typing import NoReturn

from stepwell.errors import TransactionMisuse


def refuse(what: str) -> NoReturn:
    """Raise TransactionMisuse: the transaction is not the body's to end."""
    raise TransactionMisuse(
        f"{what} in the body of a @transaction: it is committed when the body returns, together with its outcome, and "
        "rolled back when the body raises. For a part that may fail alone use a savepoint"
    )
