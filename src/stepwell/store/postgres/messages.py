"""Messages: sending them, and reading those that wait. A receive consumes one in the group commit."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from stepwell.model.messaging import Delivery, Message, NewMessage, Sent
from stepwell.store.postgres import binding, params
from stepwell.store.postgres.lanes import Lanes, refusing_bad_values
from stepwell.store.postgres.params import Statement
from stepwell.store.postgres.waits import Waits
from stepwell.store.postgres.wire import rows

#: An id can pass from one run to the next while its row is locked: look once more before saying that it has none.
_ROUNDS = 2


class Messages(Waits):
    """The messaging verbs of a store."""

    _lanes: Lanes

    async def send(self, messages: Sequence[NewMessage]) -> list[Sent]:
        """See `Store.send`."""
        sent: dict[int, Sent] = {}
        parked: set[UUID] = set()
        with refusing_bad_values():
            for _ in range(_ROUNDS):
                missing = [index for index in range(len(messages)) if index not in sent]
                if missing:
                    await self._send_round(messages, missing, sent, parked)
            await self._look_for_earlier(messages, sent)
        woken = await self._wake_these(sorted(parked, key=lambda run: run.int)) if parked else set()
        nowhere = Sent(Delivery.NOT_FOUND, None)
        return [_told(sent.get(index, nowhere), woken) for index in range(len(messages))]

    async def _send_round(
        self, messages: Sequence[NewMessage], missing: Sequence[int], sent: dict[int, Sent], parked: set[UUID]
    ) -> None:
        (result,) = await self._lanes.starts.transact(self._send_statement([messages[index] for index in missing]))
        for ordinal, run_id, ended, is_parked, inserted in rows(result):
            sent[missing[ordinal - 1]] = Sent(_delivery(ended, inserted), run_id)
            if is_parked:
                parked.add(run_id)

    async def _look_for_earlier(self, messages: Sequence[NewMessage], sent: dict[int, Sent]) -> None:
        """Whoever repeats a send whose answer was lost must not learn that its destination has ended since."""
        ended = [(index, one.run_id) for index, one in sent.items() if one.delivery is Delivery.ENDED]
        if not ended:
            return
        runs = [run_id for _, run_id in ended if run_id is not None]
        query = binding.columns(
            self._lanes.sql("messages/sent_before"),
            params.uuids(runs),
            params.texts([messages[index].key for index, _ in ended]),
        )
        (result,) = await self._lanes.misc.run(query)
        for (ordinal,) in rows(result):
            index, run_id = ended[ordinal - 1]
            sent[index] = Sent(Delivery.DUPLICATE, run_id)

    async def unconsumed(self, wanted: Sequence[tuple[UUID, str | None]], limit: int) -> list[Message]:
        """See `Store.unconsumed`."""
        pairs = list(dict.fromkeys((run_id, topic or "") for run_id, topic in wanted))
        if not pairs or limit <= 0:
            return []
        with refusing_bad_values():
            (result,) = await self._lanes.misc.run(self._unconsumed_statement(pairs, limit))
        return [Message(*row) for row in rows(result)]

    def _send_statement(self, messages: Sequence[NewMessage]) -> Statement:
        return binding.columns(
            self._lanes.sql("messages/send"),
            self._lanes.identity.namespace.encode(),
            params.texts([message.workflow_id for message in messages]),
            params.texts([message.key for message in messages]),
            params.texts([message.topic or "" for message in messages]),
            params.texts([message.body for message in messages]),
            params.optional_texts([message.codec_id for message in messages]),
            params.optional_uuids([message.sender_run for message in messages]),
            params.optional_texts([message.reply_to for message in messages]),
        )

    def _unconsumed_statement(self, pairs: Sequence[tuple[UUID, str]], limit: int) -> Statement:
        return params.statement(
            self._lanes.sql("messages/unconsumed"),
            params.uuids([run_id for run_id, _ in pairs]),
            params.texts([topic for _, topic in pairs]),
            limit,
        )


def _delivery(ended: Any, inserted: Any) -> Delivery:
    if ended:
        return Delivery.ENDED
    return Delivery.SENT if inserted else Delivery.DUPLICATE


def _told(sent: Sent, woken: set[UUID]) -> Sent:
    return Sent(sent.delivery, sent.run_id, woke=True) if sent.run_id in woken else sent
