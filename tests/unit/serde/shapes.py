"""Classes that the tests send through the serializer. At module level: a reader must find them."""

import dataclasses
import enum
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, TypedDict

import msgspec


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mode(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Odd(enum.Enum):
    PAIR = (1, 2)
    NOTHING = None


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    id: str
    placed: datetime
    points: list[Point]
    note: Any = None


@dataclasses.dataclass
class Careless:
    """Its instances need not be what the annotations say."""

    count: int = None  # type: ignore[assignment]
    tags: tuple[str, ...] = ()


@dataclasses.dataclass
class Counted:
    """Changes itself when it is made: making it again from its fields would not give the same."""

    n: int
    doubled: int = dataclasses.field(init=False, default=0)

    def __post_init__(self) -> None:
        self.n += 1
        self.doubled = self.n * 2
        self.extra = [self.n]

    @cached_property
    def cached(self) -> int:
        return self.n * 3


@dataclasses.dataclass
class Stamped:
    n: int

    def __post_init__(self) -> None:
        self.n += 1


@dataclasses.dataclass
class Node:
    value: int
    next: "Node | None" = None


@dataclasses.dataclass
class Hidden:
    _secret: int
    shown: int


class Money(msgspec.Struct, frozen=True):
    cents: int
    currency: str = "EUR"


class Renamed(msgspec.Struct, rename="camel"):
    first_name: str
    anything: Any = None


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Shrinking(msgspec.Struct):
    n: int

    def __post_init__(self) -> None:
        self.n -= 1


class Pair(NamedTuple):
    left: int
    right: str = "r"


class Movie(TypedDict, total=False):
    title: str
    year: int


class Opaque:
    """Nothing that Stepwell could take apart."""


class Text(str):
    """A str, but not exactly."""
