"""Who owned which runs when, without a gap: written down by the database itself, in the order in which it happened."""

from collections import Counter
from collections.abc import Sequence

from tests.faults.kit.places import Place

# A number is drawn after the claim has counted, and before the end of ownership is committed: so the numbers are in an
# order in which every limit must hold.
_INSTALL = """
create table public.ownership (number bigserial, workflow_id text, queue text, partition_key text, owner uuid,
                               change integer, status text);
create function public.note_ownership() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old.owner is not null then
        insert into public.ownership (workflow_id, queue, partition_key, owner, change, status)
        values (old.workflow_id, old.queue, old.partition_key, old.owner, -1, new.status);
    end if;
    if new.owner is not null then
        insert into public.ownership (workflow_id, queue, partition_key, owner, change, status)
        values (new.workflow_id, new.queue, new.partition_key, new.owner, 1, new.status);
    end if;
    return null;
end $$;
create trigger note_insert after insert on stepwell.workflow_status
for each row when (new.owner is not null) execute function public.note_ownership();
create trigger note_update after update on stepwell.workflow_status
for each row when (old.owner is distinct from new.owner) execute function public.note_ownership();
"""


class Ledger:
    """Of a migrated Postgres database, from now on."""

    def __init__(self, place: Place) -> None:
        self._place = place
        place.sql(_INSTALL)

    def most(self, queue: str, of: str = "queue") -> int:
        """The most runs of the queue that were owned at once: in all, or of one `partition_key` or `owner`."""
        now: Counter[str] = Counter()
        most = 0
        for whose, change in self._place.sql(
            f"select {of}, change from public.ownership where queue = '{queue}' order by number"
        ):
            now[whose] += change
            most = max(most, now[whose])
        return most

    def given_back(self) -> Counter[str]:
        """How often each run was released by its owner, or taken from it, and waited again."""
        rows = self._place.sql("select workflow_id from public.ownership where change < 0 and status = 'ENQUEUED'")
        return Counter(run for (run,) in rows)


def most_within(instants: Sequence[float], seconds: float) -> int:
    """The most of these instants in any window of that length."""
    ordered = sorted(instants)
    return max((sum(first <= each < first + seconds for each in ordered) for first in ordered), default=0)


def starts(place: Place, queue: str, partition: str | None = None) -> list[float]:
    """When the runs of a queue, or of a partition of it, were first claimed: unix seconds of the database's clock."""
    whose = "" if partition is None else f" and partition_key = '{partition}'"
    rows = place.sql(
        "select extract(epoch from started_at) from workflow_status"
        f" where queue = '{queue}' and started_at is not null{whose}"
    )
    return [float(at) for (at,) in rows]
