"""What each expectation type asks of a row: SQL that is TRUE for a bad one. A type that is not here is refused.

Equal to Great Expectations on pandas, expectation by expectation (a test holds it): rows that a condition leaves out
are not counted at all, missing values are counted but not considered, the rest is considered and good or bad.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.engines import quoted
from creditaudit.feeds import ID_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Columns with a person's data: a suite is copied and printed, so it may not hold values of them.
PERSONAL = frozenset({*ID_COLUMNS, *(norm for norm, _ in ID_COLUMNS.values()), "name", "name_norm", "phone"})

_FORMS = {"date": re.compile(r"\d{4}-\d{2}-\d{2}"), "instant": re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")}
# Constructs that RE2 and Python's re read differently, or that one of them lacks.
_UNEQUAL = re.compile(r"\\[dDwWsSbBAZz0-9]|\(\?")


class UnusableError(Exception):
    """An expectation cannot be compiled; its text says why."""


class Kwargs:
    """The arguments of one expectation, taken one by one: what nobody takes is refused.

    Parameters
    ----------
    given : mapping
        Arguments with parameters filled in.
    schema : pa.Schema
        Columns of the rows that the suite speaks of.
    """

    def __init__(self, given: Mapping[str, Any], schema: pa.Schema) -> None:
        self._left = {name: value for name, value in given.items() if value is not None}
        self._schema = schema

    def take(self, name: str, default: Any = None) -> Any:
        """Return one argument."""
        return self._left.pop(name, default)

    def column(self, name: str = "column") -> str:
        """Return an argument that names a column."""
        return self.named(self.take(name))

    def named(self, column: Any) -> str:
        """Return a column's name, if it is one."""
        if not isinstance(column, str) or column not in self._schema.names:
            raise UnusableError(f"there is no column {column!r}")
        return column

    def kind(self, column: str) -> str:
        """Return a column's kind: text, date, instant, int, bool."""
        found = self._schema.field(column).type
        if pa.types.is_timestamp(found):
            return "instant"
        return {pa.string(): "text", pa.date32(): "date", pa.int64(): "int", pa.bool_(): "bool"}[found]

    def literal(self, column: str, value: Any) -> str:
        """Return a value as SQL of its column's kind."""
        kind = self.kind(column)
        fits = {
            "text": isinstance(value, str),
            "int": isinstance(value, int) and not isinstance(value, bool),
            "bool": isinstance(value, bool),
        }
        if column in PERSONAL:
            raise UnusableError(f"{column} holds persons' data: a suite may not hold values of it")
        if fits.get(kind):
            return quoted(value) if kind == "text" else str(value).upper()
        if kind in _FORMS and isinstance(value, str) and _FORMS[kind].fullmatch(value):
            read: Callable[[str], object] = date.fromisoformat if kind == "date" else datetime.fromisoformat
            try:
                read(value)
            except ValueError as error:
                raise UnusableError(f"{value!r} is no day of the calendar") from error
            return f"{'DATE' if kind == 'date' else 'TIMESTAMP'} {quoted(value)}"
        form = {"date": "'YYYY-MM-DD'", "instant": "'YYYY-MM-DD HH:MM:SS'"}.get(kind, kind)
        raise UnusableError(f"{value!r} cannot be compared with {column}: give {form}")

    def one_of(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """Return an argument that is one of a few words."""
        value = self.take(name, default)
        if value not in allowed:
            raise UnusableError(f"{name} {value!r} is not one of {', '.join(allowed)}")
        return str(value)

    def share(self, name: str, default: float) -> float:
        """Return an argument from 0 to 1."""
        value = self.take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise UnusableError(f"{name} {value!r} is not a share from 0 to 1")
        return float(value)

    def count(self, name: str) -> int | None:
        """Return an argument that is a whole number, or None."""
        value = self.take(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise UnusableError(f"{name} {value!r} is not a whole number")
        return value

    def end(self) -> None:
        """Refuse what nobody took."""
        if self._left:
            raise UnusableError(f"argument {min(self._left)!r} is not known here")


# type → (arguments) → (columns, SQL that is TRUE for a row that is considered, SQL that is TRUE for a bad row)
Rule = tuple[tuple[str, ...], str, str]


def _not_null(kwargs: Kwargs) -> Rule:
    column = kwargs.column()
    return (column,), "TRUE", f"{column} IS NULL"


def _null(kwargs: Kwargs) -> Rule:
    column = kwargs.column()
    return (column,), "TRUE", f"{column} IS NOT NULL"


def _in_set(kwargs: Kwargs, *, bad: str) -> Rule:
    column = kwargs.column()
    values = kwargs.take("value_set")
    if not isinstance(values, list) or not values:
        raise UnusableError("value_set is not a list with values")
    if kwargs.kind(column) in _FORMS:
        raise UnusableError(f"{column} is a {kwargs.kind(column)}: ask expect_column_values_to_be_between")
    listed = ", ".join(kwargs.literal(column, value) for value in values)
    return (column,), f"{column} IS NOT NULL", f"{column} {bad} ({listed})"


def _between(kwargs: Kwargs) -> Rule:
    column = kwargs.column()
    if kwargs.kind(column) not in {"int", *_FORMS}:
        raise UnusableError(f"{column} is {kwargs.kind(column)}, not a number, date or instant")
    parts = bounds(kwargs, column, lambda value: kwargs.literal(column, value))
    return (column,), f"{column} IS NOT NULL", " OR ".join(parts)


def bounds(kwargs: Kwargs, value: str, literal: Callable[[Any], str]) -> list[str]:
    """Return SQL conditions that are TRUE outside ``min_value`` … ``max_value``."""
    low, high = kwargs.take("min_value"), kwargs.take("max_value")
    strict_low, strict_high = kwargs.take("strict_min", default=False), kwargs.take("strict_max", default=False)
    if low is None and high is None:
        raise UnusableError("neither min_value nor max_value is given")
    if not isinstance(strict_low, bool) or not isinstance(strict_high, bool):
        raise UnusableError("strict_min and strict_max are true or false")
    parts = []
    if low is not None:
        parts.append(f"{value} {'<=' if strict_low else '<'} {literal(low)}")
    if high is not None:
        parts.append(f"{value} {'>=' if strict_high else '>'} {literal(high)}")
    if low is not None and high is not None and low > high:
        raise UnusableError("min_value is greater than max_value")
    return parts


def _regex(kwargs: Kwargs, *, bad: str) -> Rule:
    column = _text(kwargs)
    pattern = kwargs.take("regex")
    if not isinstance(pattern, str):
        raise UnusableError("regex is not a text")
    unequal = _UNEQUAL.search(pattern)
    if unequal:
        raise UnusableError(f"{unequal[0]!r} in a regex means something else in each engine: write [0-9] and the like")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise UnusableError(f"the regex cannot be read ({error})") from error
    return (column,), f"{column} IS NOT NULL", f"{bad}regexp_matches({column}, {quoted(pattern)})"


def _lengths(kwargs: Kwargs) -> Rule:
    column = _text(kwargs)
    parts = bounds(kwargs, f"length({column})", lambda value: str(_whole(value)))
    return (column,), f"{column} IS NOT NULL", " OR ".join(parts)


def _length(kwargs: Kwargs) -> Rule:
    column = _text(kwargs)
    return (column,), f"{column} IS NOT NULL", f"length({column}) <> {_whole(kwargs.take('value'))}"


def _text(kwargs: Kwargs) -> str:
    column = kwargs.column()
    if kwargs.kind(column) != "text":
        raise UnusableError(f"{column} is not text")
    return column


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnusableError(f"{value!r} is not a whole number")
    return value


def _pair(kwargs: Kwargs) -> tuple[str, str, str]:
    a, b = kwargs.column("column_A"), kwargs.column("column_B")
    ignored = ("both_values_are_missing", "either_value_is_missing", "neither")
    considered = {
        "both_values_are_missing": f"({a} IS NOT NULL OR {b} IS NOT NULL)",
        "either_value_is_missing": f"({a} IS NOT NULL AND {b} IS NOT NULL)",
        "neither": "TRUE",
    }[kwargs.one_of("ignore_row_if", "both_values_are_missing", ignored)]
    return a, b, considered


def _greater(kwargs: Kwargs) -> Rule:
    a, b, considered = _pair(kwargs)
    if kwargs.kind(a) != kwargs.kind(b):
        raise UnusableError(f"{a} and {b} are of two kinds; an instant's day is <name>_on")
    or_equal = kwargs.take("or_equal", default=False)
    # A comparison with a missing value is not true, and what is not true is bad: as pandas has it.
    return (a, b), considered, f"NOT COALESCE({a} {'>=' if or_equal is True else '>'} {b}, FALSE)"


def _pair_in_set(kwargs: Kwargs) -> Rule:
    a, b, considered = _pair(kwargs)
    pairs = kwargs.take("value_pairs_set")
    if not isinstance(pairs, list) or not pairs or not all(isinstance(p, list) and len(p) == 2 for p in pairs):  # noqa: PLR2004 - a pair
        raise UnusableError("value_pairs_set is not a list of pairs")
    if {kwargs.kind(a), kwargs.kind(b)} & set(_FORMS):
        raise UnusableError(f"{a} or {b} is a date: pairs are of text, numbers, true and false")
    beside: dict[str, list[str]] = {}  # grouped by the first: one comparison a group, not one a pair
    for x, y in pairs:
        beside.setdefault(kwargs.literal(a, x), []).append(kwargs.literal(b, y))
    same = " OR ".join(f"({a} = {x} AND {b} IN ({', '.join(ys)}))" for x, ys in beside.items())
    return (a, b), considered, f"NOT COALESCE({same}, FALSE)"


ROW_TYPES: dict[str, Callable[[Kwargs], Rule]] = {
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_null": _null,
    "expect_column_values_to_be_in_set": lambda kwargs: _in_set(kwargs, bad="NOT IN"),
    "expect_column_values_to_not_be_in_set": lambda kwargs: _in_set(kwargs, bad="IN"),
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_match_regex": lambda kwargs: _regex(kwargs, bad="NOT "),
    "expect_column_values_to_not_match_regex": lambda kwargs: _regex(kwargs, bad=""),
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_value_lengths_to_equal": _length,
    "expect_column_pair_values_a_to_be_greater_than_b": _greater,
    "expect_column_pair_values_to_be_in_set": _pair_in_set,
}


def condition(kwargs: Kwargs) -> str:
    """Return SQL of ``row_condition``: TRUE for the rows that an expectation is about."""
    given = kwargs.take("row_condition")
    return "TRUE" if given is None else _condition(kwargs, given)


def _condition(kwargs: Kwargs, given: Any) -> str:
    """Compile a condition object; a condition in an engine's own language is refused.

    Only what reads a missing value in one way is taken: pandas and SQL disagree on ``!=`` and ``NOT IN``.
    """
    if not isinstance(given, dict):
        raise UnusableError("row_condition is not a condition object")
    kind = given.get("type")
    if kind == "and" and set(given) == {"type", "conditions"} and isinstance(given["conditions"], list):
        if not given["conditions"]:
            raise UnusableError("an 'and' of no conditions")
        return "(" + " AND ".join(_condition(kwargs, part) for part in given["conditions"]) + ")"
    column = given.get("column")
    name = kwargs.named(column.get("name") if isinstance(column, dict) else None)
    if kind == "nullity" and set(given) == {"type", "column", "is_null"}:
        return f"{name} IS {'NULL' if given['is_null'] is True else 'NOT NULL'}"
    if kind == "comparison" and set(given) == {"type", "column", "operator", "parameter"}:
        operator, value = given["operator"], given["parameter"]
        if operator == "==" and kwargs.kind(name) == "text":
            return f"({name} IS NOT NULL AND {name} = {kwargs.literal(name, value)})"
        if operator == "IN" and kwargs.kind(name) == "text" and isinstance(value, list) and value:
            return f"({name} IS NOT NULL AND {name} IN ({', '.join(kwargs.literal(name, v) for v in value)}))"
    raise UnusableError("row_condition may be: comparison == or IN on text, nullity, and 'and' of these")
