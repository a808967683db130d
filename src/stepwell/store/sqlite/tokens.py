"""What tokens need: the secret that they are signed with, and whose answer was there first."""

from uuid import UUID

from stepwell.store.sqlite.connection import Session


def secret(db: Session, name: str, proposal: str) -> str:
    """See `Store.secret`."""
    return str(db.value("tokens/keep_secret", (db.identity.namespace, name, proposal, db.now())))


def answered_by(db: Session, run_id: UUID, key: str) -> str | None:
    """See `Store.answered_by`."""
    found = db.one("tokens/answered_by", (run_id.bytes, key))
    return None if found is None else found[0]
