"""Filters on events: a small safe language, in the words of Python, over JSON values.

    amount > 100 and customer.country in ("DE", "AT")
    'vip' in tags or not paid
    items[0].sku == 'anvil'

Comparisons, `and`, `or`, `not`, `in`, names, fields, constants and lists of constants: nothing is ever called, nothing
is computed, and no attribute of a Python object is read. The text is parsed once, by `ast`, and becomes closures.

What is not there, or is of another type than what it is compared with, makes its comparison false, never an error:
`amount > 100` is false without an amount, and so is `amount != 100`. Booleans are no numbers; whatever is there may be
compared with null.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

from stepwell.errors import InvalidArgument
from stepwell.serde.leaves import READ_LEAF, TAG

#: Characters of one expression, and how deep it may be nested.
LONGEST = 1000
DEEPEST = 30
#: Texts whose parsed form is kept: filters of subscriptions, and of waits, many of which differ in an id only.
_KEPT = 2048

#: What a field gives that is not there.
MISSING: Any = object()
_CONSTANTS = {"true": True, "false": False, "null": None}
_PLAIN_TEXT = re.compile(r"""(?:[^\\]|\\[\\'"abfnrtvxuU])*""", re.DOTALL)
_ORDERED: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}

Names = Mapping[str, Any]
Value = Callable[[Names], Any]


class Expression:
    """One parsed filter. Equal texts give the same object."""

    __slots__ = ("_value", "names", "text")

    def __init__(self, text: str, names: frozenset[str], value: Value) -> None:
        self.text = text
        #: The names that it looks up; what it reads of their values is not among them.
        self.names = names
        self._value = value

    def __call__(self, names: Names) -> bool:
        """Whether it holds where the names have these values, which are JSON data. Never raises."""
        return _is_true(self._value(names))


class _Refused(Exception):
    """Why, and where."""

    def __init__(self, why: str, node: ast.AST | None = None) -> None:
        super().__init__(why if node is None else f"{why} (at column {getattr(node, 'col_offset', 0) + 1})")


def parse(text: str, what: str) -> Expression:
    """The filter of a text; `what` says whose it is, for the error.

    Raises InvalidArgument: it is no such expression, is too long, or is nested too deeply.
    """
    if not isinstance(text, str):
        raise InvalidArgument(f"{what} must be a str, not {type(text).__name__}")
    try:
        return _parsed(text)
    except _Refused as refused:
        raise InvalidArgument(f"{what} {text[:200]!r}: {refused}") from None


def names_of(payload: object) -> Names:
    """The fields of a JSON value as names; of what is no object, none."""
    seen = _seen(payload)
    return seen if isinstance(seen, dict) else {}


@lru_cache(_KEPT)
def _parsed(text: str) -> Expression:
    if len(text) > LONGEST:
        raise _Refused(f"an expression has at most {LONGEST} characters, and this one {len(text)}")
    if _PLAIN_TEXT.fullmatch(text) is None:
        raise _Refused("a backslash that begins no escape sequence")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        raise _Refused(f"it cannot be read: {why}") from None
    value = _compiled(tree.body, 0)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return Expression(text, frozenset(names - _CONSTANTS.keys()), value)


# -- what may be written -------------------------------------------------------------------------------------------


def _compiled(node: ast.expr, depth: int) -> Value:
    if depth > DEEPEST:
        raise _Refused(f"it is nested more than {DEEPEST} deep", node)
    match node:
        case ast.Constant() | ast.List() | ast.Tuple() | ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            constant = _constant(node)
            return lambda names: constant
        case ast.Name(id=name) if name in _CONSTANTS:
            known = _CONSTANTS[name]
            return lambda names: known
        case ast.Name(id=name):
            return lambda names: _seen(names.get(name, MISSING))
        case ast.Attribute(value=of, attr=field):
            return partial(_field, _compiled(of, depth + 1), field)
        case ast.Subscript(value=of, slice=index):
            at = _constant(index)
            if type(at) not in (str, int):
                raise _Refused("what stands in [] is a text or a number", index)
            return partial(_field, _compiled(of, depth + 1), at)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            negated = _compiled(operand, depth + 1)
            return lambda names: not _is_true(negated(names))
        case ast.BoolOp(op=op, values=values):
            parts = [_compiled(each, depth + 1) for each in values]
            together = all if isinstance(op, ast.And) else any
            return lambda names: together(_is_true(part(names)) for part in parts)
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [_compiled(each, depth + 1) for each in (left, *others)]
            tests = [_test(op, node) for op in ops]
            return partial(_compare, sides, tests)
    raise _Refused(f"{_called(node)} is not part of these expressions", node)


def _constant(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=str() | bool() | int() | float() | None as value):
            return value
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=ast.Constant(value=int() | float() as number)) if (
            type(number) is not bool
        ):
            return -number if isinstance(op, ast.USub) else number
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_constant(item) for item in items]
    raise _Refused(f"{_called(node)} stands where only a constant may", node)


def _called(node: ast.AST) -> str:
    kinds = {"Call": "a call", "BinOp": "arithmetic", "Lambda": "a lambda", "IfExp": "if ... else", "Name": "a name"}
    return kinds.get(type(node).__name__, f"this ({type(node).__name__})")


# -- what it means -------------------------------------------------------------------------------------------------


def _seen(value: Any) -> Any:
    """What an expression sees of a stored value: of one that carries its type, the value."""
    while type(value) is dict and TAG in value:
        if value[TAG] in ("decimal", "int", "float"):
            try:
                return READ_LEAF[value[TAG]](value)
            except Exception:
                return MISSING
        value = value.get("v", MISSING)
    return value


def _field(of: Value, at: str | int, names: Names) -> Any:
    value = of(names)
    try:
        if isinstance(value, dict) and isinstance(at, str):
            return _seen(value[at])
        if isinstance(value, list) and isinstance(at, int):
            return _seen(value[at])
    except (KeyError, IndexError):
        pass
    return MISSING


def _is_true(value: Any) -> bool:
    return value is not MISSING and bool(value)


def _compare(sides: list[Value], tests: list[Callable[[Any, Any], bool]], names: Names) -> bool:
    left = sides[0](names)
    for side, test in zip(sides[1:], tests, strict=True):
        right = side(names)
        if left is MISSING or right is MISSING:
            return False
        try:
            if not test(left, right):
                return False
        except (TypeError, ArithmeticError, RecursionError):
            return False
        left = right
    return True


def _test(op: ast.cmpop, node: ast.AST) -> Callable[[Any, Any], bool]:
    if isinstance(op, ast.Eq | ast.NotEq):
        return partial(_same, isinstance(op, ast.Eq))
    if isinstance(op, ast.In | ast.NotIn):
        return partial(_within, isinstance(op, ast.In))
    if type(op) in _ORDERED:
        return partial(_ordered, _ORDERED[type(op)])
    raise _Refused("compare with == and !=, not with is", node)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float | Decimal) else type(value).__name__


def _same(wanted: bool, left: Any, right: Any) -> bool:
    if left is None or right is None:
        return (left is right) is wanted
    return _kind(left) == _kind(right) and (left == right) is wanted


def _ordered(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    return _kind(left) == _kind(right) and _kind(left) in ("number", "str") and bool(compare(left, right))


def _within(wanted: bool, left: Any, right: Any) -> bool:
    if isinstance(right, list):
        return any(_same(True, left, item) for item in _items(right)) is wanted
    if isinstance(right, str | dict) and isinstance(left, str):
        return (left in right) is wanted
    return False


def _items(values: list[Any]) -> Iterator[Any]:
    return (_seen(value) for value in values)
