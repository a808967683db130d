"""SQL functions that SQLite lacks: JSON containment, as Postgres' `@>` judges it."""

import json


def contains(whole: str | None, part: str) -> bool:
    """Whether the JSON text `whole` contains the JSON text `part`; nothing contains what is not there."""
    return whole is not None and _within(json.loads(part), json.loads(whole))


def _within(part: object, whole: object) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and _within(v, whole[k]) for k, v in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(_within(p, w) for w in whole) for p in part)
    if isinstance(part, bool) or isinstance(whole, bool):  # True == 1 in Python, not in JSON
        return part is whole
    return part == whole
