"""A module with more than one engine."""

from stepwell import Stepwell, workflow

first = Stepwell("sqlite:///first.db")
second = Stepwell("sqlite:///second.db")
number = 7


@workflow
def nothing() -> None:
    pass
