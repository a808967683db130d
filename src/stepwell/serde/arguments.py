"""The arguments of a call as one JSON object that people can read: {"args": [...], "kwargs": {...}}."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from stepwell.errors import NotSerializable, UnreadablePayload
from stepwell.serde.coder import Coder
from stepwell.serde.envelope import Envelope
from stepwell.serde.leaves import is_text
from stepwell.serde.text import quote


class _Stored(msgspec.Struct):
    args: list[msgspec.Raw] = []
    kwargs: dict[str, msgspec.Raw] = {}


_split = msgspec.json.Decoder(_Stored).decode


class ArgumentsCoder:
    """Encodes and decodes calls of one function, each argument by its parameter's annotation."""

    __slots__ = ("_any", "_by_name", "_coders", "_envelope", "_names", "_rest")

    def __init__(
        self,
        parameters: Sequence[inspect.Parameter],
        coder_of: Callable[[str], Coder],
        any_coder: Coder,
        envelope: Envelope,
    ) -> None:
        self._envelope = envelope
        self._names: list[str] = []
        self._coders: list[Coder] = []
        self._by_name: dict[str, Coder] = {}
        self._rest: Coder | None = None
        rest_by_name: Coder | None = None
        for parameter in parameters:
            coder = coder_of(parameter.name)
            if parameter.kind is parameter.VAR_POSITIONAL:
                self._rest = coder
            elif parameter.kind is parameter.VAR_KEYWORD:
                rest_by_name = coder
            else:
                if parameter.kind is not parameter.KEYWORD_ONLY:
                    self._names.append(parameter.name)
                    self._coders.append(coder)
                if parameter.kind is not parameter.POSITIONAL_ONLY:
                    self._by_name[parameter.name] = coder
        self._any = rest_by_name or any_coder

    def encode(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, str | None]:
        """The text to store for a call, and the codec's id. The caller has checked that it binds.

        Raises:
            NotSerializable: `path` begins with the name of the parameter.
            PayloadTooLarge: the text is over the payload cap.
        """
        # Not strict: there may be fewer arguments (defaults), or more (*args).
        known = zip(self._coders, self._names, args, strict=False)
        texts = [coder.text(value, name) for coder, name, value in known]
        for place in range(len(texts), len(args)):
            texts.append(self._at(place).text(args[place], self._called(place)))
        text = f'{{"args":[{",".join(texts)}]'
        if kwargs:
            pairs = ",".join(self._keyword(name, value) for name, value in kwargs.items())
            text = f'{text},"kwargs":{{{pairs}}}'
        return self._envelope.wrap(text + "}", "the input")

    def decode(self, text: str, codec_id: str | None = None) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a stored call.

        Raises:
            UnreadablePayload: as `Coder.decode`; the message names the parameter.
        """
        if codec_id is not None:
            text = self._envelope.unwrap(text, codec_id)
        try:
            stored = _split(text)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise UnreadablePayload('The stored input is not {"args": [...], "kwargs": {...}}.') from error
        args = [self._read(self._at(place), raw, self._called(place)) for place, raw in enumerate(stored.args)]
        by_name, rest = self._by_name, self._any
        kwargs = {name: self._read(by_name.get(name, rest), raw, name) for name, raw in stored.kwargs.items()}
        return args, kwargs

    def _at(self, place: int) -> Coder:
        return self._coders[place] if place < len(self._coders) else self._rest or self._any

    def _called(self, place: int) -> str:
        return self._names[place] if place < len(self._names) else f"args[{place}]"

    def _keyword(self, name: str, value: Any) -> str:
        if not is_text(name):
            raise NotSerializable("A keyword argument's name has lone surrogates.", path="kwargs")
        return f"{quote(name)}:{self._by_name.get(name, self._any).text(value, name)}"

    def _read(self, coder: Coder, raw: msgspec.Raw, what: str) -> Any:
        try:
            return coder.read(bytes(raw).decode())
        except UnreadablePayload as error:
            raise UnreadablePayload(f"The argument {what!r}: {error}") from error
