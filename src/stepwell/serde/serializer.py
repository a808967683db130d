"""The serializer of an engine: hands out coders for functions and types."""

import inspect
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from stepwell.serde.arguments import ArgumentsCoder
from stepwell.serde.codec import Codec
from stepwell.serde.coder import Coder, Formats
from stepwell.serde.envelope import Envelope
from stepwell.serde.exceptions import decode_exception, encode_exception
from stepwell.serde.hints import hints_of
from stepwell.serde.pickle import pickled, unpickled
from stepwell.serde.tags import Tagger
from stepwell.serde.untag import Untagger

#: Coders of types that are kept; a program that makes types without end starts anew.
_MAX_TYPES = 4096


class Serializer:
    """JSON by annotations, for `Stepwell(serializer=...)`.

    Args:
        codec: what every payload goes through on its way into a row (encryption, compression, offload).
        readers: codecs of older rows, which are read but no longer written.
        pickle: store values that JSON cannot carry as pickles, and read such values. Reading a pickle runs
            what it says: only where everyone who can write to the database is trusted.
        payload_cap: the largest text to store for one value, in bytes.
    """

    def __init__(
        self,
        *,
        codec: Codec | None = None,
        readers: Sequence[Codec] = (),
        pickle: bool = False,
        payload_cap: int = 16 * 2**20,
    ) -> None:
        self._envelope = Envelope(codec, readers, payload_cap)
        self._formats = Formats(
            self._envelope, Tagger(pickled if pickle else None), Untagger(unpickled if pickle else None)
        )
        self._any = Coder(Any, self._formats)
        # Concurrent look-ups may make a coder twice, and one stays: they are all alike.
        self._types: dict[Any, Coder] = {}
        self._results: MutableMapping[Callable[..., Any], Coder] = WeakKeyDictionary()
        self._arguments: dict[int, MutableMapping[Callable[..., Any], ArgumentsCoder]] = {}

    @property
    def payload_cap(self) -> int:
        """The largest text to store for one value, in bytes."""
        return self._envelope.cap

    @property
    def seals(self) -> bool:
        """Whether payloads go through a codec."""
        return self._envelope.codec_id is not None

    def result(self, fn: Callable[..., Any]) -> Coder:
        """The coder for what `fn` returns; without an annotation that can be resolved, for any value."""
        try:
            return self._results[fn]
        except KeyError:
            coder = self._results[fn] = self.value(hints_of(fn).get("return", Any))
            return coder
        except TypeError:  # no weak references to it: some builtins and callables with slots
            return self.value(hints_of(fn).get("return", Any))

    def value(self, tp: Any) -> Coder:
        """The coder for values of a type or annotation (unions and `Any` too)."""
        if tp is Any or tp is inspect.Parameter.empty:
            return self._any
        try:
            coder = self._types.get(tp)
        except TypeError:  # not hashable
            return Coder(tp, self._formats)
        if coder is None:
            if len(self._types) >= _MAX_TYPES:
                self._types = {}
            coder = self._types[tp] = Coder(type(None) if tp is None else tp, self._formats)
        return coder

    def arguments(self, fn: Callable[..., Any], skip: int = 0) -> ArgumentsCoder:
        """The coder for calls of `fn`, without its first `skip` parameters (self, a connection)."""
        cache = self._arguments.setdefault(skip, WeakKeyDictionary())
        try:
            return cache[fn]
        except KeyError:
            coder = cache[fn] = self._arguments_coder(fn, skip)
            return coder
        except TypeError:
            return self._arguments_coder(fn, skip)

    def seal(self, text: str) -> tuple[str, str | None]:
        """JSON text through the codec, whatever its size: what to store, and the codec's id."""
        return self._envelope.seal(text), self._envelope.codec_id

    def wrap(self, text: str, what: str) -> tuple[str, str | None]:
        """The same within the payload cap; `what`: how the error begins. Raises PayloadTooLarge."""
        return self._envelope.wrap(text, what)

    def plain(self, text: str, codec_id: str | None = None) -> str:
        """The JSON text of a stored one.

        Raises:
            UnreadablePayload: the codec is not configured here.
        """
        return self._envelope.unwrap(text, codec_id)

    def failure(self, error: BaseException) -> tuple[str, str | None]:
        """What to store for a failure, and the codec's id. Raises nothing but CodecFault."""
        return self.seal(encode_exception(error))

    def read_failure(self, text: str, codec_id: str | None = None) -> BaseException:
        """The exception of a stored failure, to be raised."""
        return decode_exception(self.plain(text, codec_id))

    def _arguments_coder(self, fn: Callable[..., Any], skip: int) -> ArgumentsCoder:
        hints = hints_of(fn)
        parameters = list(inspect.signature(fn).parameters.values())[skip:]
        return ArgumentsCoder(parameters, lambda name: self.value(hints.get(name, Any)), self._any, self._envelope)
