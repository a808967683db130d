"""Pickles, for engines that ask for them with `Serializer(pickle=True)` and for no others.

Reading a pickle runs whatever it says: the option trusts everyone who can write to the database. It covers
values only; exceptions are never pickled and never unpickled, and no row can turn the option on.
"""

import base64
import pickle
from typing import Any

from stepwell.serde.leaves import Unencodable


def pickled(value: Any) -> str:
    """Base64 of a pickle that has been read back once: what cannot be read must fail now, not at a replay."""
    try:
        data = pickle.dumps(value, protocol=5)
        copy = pickle.loads(data)
    except Exception as error:
        raise Unencodable(f"{type(value).__qualname__} cannot be pickled ({type(error).__name__})") from error
    if type(copy) is not type(value):
        other = type(copy).__qualname__
        raise Unencodable(f"{type(value).__qualname__} comes back from its pickle as {other}")
    return base64.b64encode(data).decode("ascii")


def unpickled(text: str) -> Any:
    """The value of `pickled`."""
    return pickle.loads(base64.b64decode(text, validate=True))
