"""Tokens: a person, or another system, completes a durable step of a workflow with a signed id, once.

A token's answer is a message to its run under a topic and a key that nobody else can use. Its id names the run and an
expiry and is signed, so that a forged or expired one is refused without a look at any run.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from stepwell.core import async_ops, effects, sealing, thread_ops
from stepwell.core.context import Branch, frame
from stepwell.core.execution import Execution
from stepwell.core.keys import Key, sent_key
from stepwell.core.locked_file import refuse_while_file_is_locked
from stepwell.core.recall import Reader
from stepwell.core.receive import Receive
from stepwell.core.sending import refuse
from stepwell.core.verbs import async_branch, def_branch, draw
from stepwell.errors import (
    InvalidArgument,
    TokenExpired,
    TokenFailed,
    TokenInvalid,
    TokenUsed,
    WorkflowEnded,
)
from stepwell.model.durations import Duration, seconds
from stepwell.model.ids import RESERVED
from stepwell.model.messaging import Delivery, NewMessage
from stepwell.serde.exceptions import encode_exception
from stepwell.serde.fingerprint import fingerprint

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

_FORM = struct.Struct(">B16sQ16s")  # version, run, expiry in ms (0: never), nonce
_VERSION = 1
_SIGNATURE_BYTES = 16
_LONGEST = 200
_PURPOSE = b"stepwell-token-1"


#: (id, text, codec_id, no child)
Made = tuple[str, str, str | None, None]


class Claim(msgspec.Struct, frozen=True):
    """What an id says."""

    run_id: UUID
    expires: float | None
    nonce: str

    @property
    def topic(self) -> str:
        """Where its answer is received; also the message's key, so there is one."""
        return f"{RESERVED}token:{self.nonce}"


def sign(secret: bytes, claim: Claim) -> str:
    """The id."""
    expires = 0 if claim.expires is None else max(1, round(claim.expires * 1000))
    body = _FORM.pack(_VERSION, claim.run_id.bytes, expires, bytes.fromhex(claim.nonce))
    return base64.urlsafe_b64encode(body + _signature(secret, body)).decode().rstrip("=")


def read(secret: bytes, token_id: str) -> Claim:
    """What a signed id says. Raises TokenInvalid."""
    if not isinstance(token_id, str) or len(token_id) > _LONGEST:
        raise TokenInvalid("this is no token")
    try:
        raw = base64.b64decode(token_id + "=" * (-len(token_id) % 4), altchars=b"-_", validate=True)
        body, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
        version, run_id, expires, nonce = _FORM.unpack(body)
    except (binascii.Error, struct.error, ValueError):
        raise TokenInvalid("this is no token") from None
    if version != _VERSION or not hmac.compare_digest(signature, _signature(secret, body)):
        raise TokenInvalid("the token was not signed here")
    return Claim(UUID(bytes=run_id), expires / 1000 if expires else None, nonce.hex())


def _signature(secret: bytes, body: bytes) -> bytes:
    return hmac.new(secret, _PURPOSE + body, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


# -- in the workflow -----------------------------------------------------------------------------------------------


class Issue:
    """One checked call of `token`."""

    def __init__(self, branch: Branch, tp: Any, expires: Duration | None) -> None:
        self.branch = branch
        self.type = tp
        self.type_name = str(getattr(tp, "__name__", tp))[:100]
        self._expires = None if expires is None else seconds(expires, "expires", allow_zero=False)
        self._name = f"token({self.type_name})"

    async def _make(self, execution: Execution) -> Made:
        runtime = execution.runtime
        secret = await runtime.secret.get(outside=False)
        expires = None if self._expires is None else runtime.clock.now() + self._expires
        token_id = sign(secret, Claim(execution.run_id, expires, runtime.env.uuid4().hex))
        text, codec_id = runtime.serializer.value(str).encode(token_id)
        return token_id, text, codec_id, None

    def in_thread(self) -> str:
        """For a def workflow: the recorded id."""
        runtime = self.branch.execution.runtime
        token_id: str = thread_ops.operation(
            self.branch,
            draw(self.branch),
            "token",
            self._name,
            fingerprint(self._name, (), {}),
            runtime.serializer.value(str),
            lambda execution, key, mark: runtime.inbox.run(self._make(execution)),
        )
        return token_id

    def on_loop(self) -> Coroutine[Any, Any, str]:
        """For an async workflow; numbered now."""

        async def live(execution: Execution, key: Key) -> Made:
            return await self._make(execution)

        coder = self.branch.execution.runtime.serializer.value(str)
        mark = fingerprint(self._name, (), {})
        return async_ops.run_operation(self.branch, draw(self.branch), "token", self._name, mark, coder, live)


class _Answer(Reader):
    """Reads a token's message: its value by the token's type, or raises what it was failed with."""

    def __init__(self, execution: Execution, tp: Any) -> None:
        self._serializer = execution.runtime.serializer
        self._coder = self._serializer.value(tp)

    def decode(self, text: str, codec_id: str | None = None) -> Any:
        """The value. Raises UnreadablePayload, or the recorded failure."""
        parts = msgspec.json.decode(self._serializer.plain(text, codec_id), type=dict[str, msgspec.Raw])
        if "error" in parts:
            raise self._serializer.read_failure(bytes(parts["error"]).decode())
        return self._coder.receive(bytes(parts["value"]).decode())


def receive(
    branch: Branch, token_id: str, tp: Any, type_name: str, limit: Duration | None
) -> tuple[Receive, float | None]:
    """The receive behind `wait`, and its timeout: the given one or what is left until the token expires."""
    execution = branch.execution
    runtime = execution.runtime
    claim = _unsigned(token_id)
    timeout = None if limit is None else seconds(limit, "timeout")
    if claim.expires is not None:
        # An answer that was accepted in the last moment is on its way.
        left = max(0.0, claim.expires + runtime.settings.call_deadline - runtime.clock.now())
        timeout = left if timeout is None else min(timeout, left)
    return Receive(branch, claim.topic, _Answer(execution, tp), f"wait({type_name})", "recv"), timeout


def _unsigned(token_id: str) -> Claim:
    """What an id of our own says."""
    raw = base64.urlsafe_b64decode(token_id + "=" * (-len(token_id) % 4))
    _, run_id, expires, nonce = _FORM.unpack(raw[: _FORM.size])
    return Claim(UUID(bytes=run_id), expires / 1000 if expires else None, nonce.hex())


# -- from anywhere -------------------------------------------------------------------------------------------------


class Completion:
    """One checked call of `complete` or `fail`."""

    def __init__(self, runtime: "Runtime", token_id: str, verb: str, answer: object) -> None:
        self.runtime = runtime
        self._id = token_id
        self.verb = verb
        serializer = runtime.serializer
        if verb == "complete":
            text = serializer.value(Any).text({"value": answer}, "value")
        else:
            if isinstance(answer, str):
                answer = TokenFailed(answer)
            if not isinstance(answer, Exception):
                raise InvalidArgument(f"error must be an exception or a text, not {type(answer).__name__}")
            text = f'{{"error":{encode_exception(answer)}}}'
        self._body = sealing.Payload(serializer, text, "value" if verb == "complete" else "error")
        self.mark = fingerprint(verb, (token_id,), {})

    async def deliver(self, by: str, outside: bool) -> None:
        """`by` tells an answer of our own, whose acknowledgement was lost, from one that came before."""
        runtime = self.runtime
        body, codec_id = self._body.stored()
        claim = read(await runtime.secret.get(outside), self._id)
        if claim.expires is not None and runtime.clock.now() >= claim.expires:
            raise TokenExpired("the token's time is over")
        row = await runtime.patient(runtime.store.get_run, claim.run_id, outside=outside)
        current = (
            None if row is None else await runtime.patient(runtime.store.find_run, row.workflow_id, outside=outside)
        )
        if row is None or current is None:
            raise TokenInvalid("the token's workflow is not in this database and namespace")
        if current.run_id != claim.run_id:
            raise WorkflowEnded(f"workflow {row.workflow_id!r} has ended, and another run has its id")
        message = NewMessage(
            workflow_id=row.workflow_id,
            key=claim.topic,
            body=body,
            topic=claim.topic,
            codec_id=codec_id,
            reply_to=by,
        )
        sent = await runtime.post.send(message, outside)
        if sent.delivery is Delivery.DUPLICATE:
            first = await runtime.patient(runtime.store.answered_by, claim.run_id, claim.topic, outside=outside)
            if first != by:
                raise TokenUsed(f"the token of workflow {row.workflow_id!r} was used before")
        refuse(row.workflow_id, sent)

    async def from_workflow(self, execution: Execution, key: Key) -> None:
        """The effect of the operation at this place."""
        await self.deliver(sent_key(execution.run_id, key), outside=False)

    def directly(self) -> Coroutine[Any, Any, None]:
        """From outside or within a step."""
        here = frame.get()
        if here is None or isinstance(here, Branch):
            return self._sealed_and_delivered(str(self.runtime.env.uuid4()), outside=True)
        by = sent_key(here.execution.run_id, (here.branch.path, here.seq), next(here.effects))
        return self._sealed_and_delivered(by, outside=False)

    async def _sealed_and_delivered(self, by: str, outside: bool) -> None:
        await sealing.patiently(self.runtime, self._body.stored)
        await self.deliver(by, outside)


def complete(runtime: "Runtime", verb: str, token_id: str, answer: object) -> None:
    """From def code, wherever it is."""
    made = Completion(runtime, token_id, verb, answer)
    if isinstance(frame.get(), Branch):
        effects.in_thread(def_branch(verb), verb, verb, made.mark, made.from_workflow)
    else:
        refuse_while_file_is_locked(runtime, verb)
        effects.now_in_thread(runtime, verb, made.directly())


async def complete_async(runtime: "Runtime", verb: str, token_id: str, answer: object) -> None:
    """From async code."""
    made = Completion(runtime, token_id, verb, answer)
    if isinstance(frame.get(), Branch):
        await effects.on_loop(async_branch(verb), verb, verb, made.mark, made.from_workflow)
    else:
        refuse_while_file_is_locked(runtime, verb)
        await effects.now_on_loop(runtime, made.directly())
