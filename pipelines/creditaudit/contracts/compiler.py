"""A suite as SQL: what to count of the rows, and how to find the bad ones. Nothing here asks the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.contracts.predicates import ROW_TYPES, Kwargs, UnusableError, bounds, condition
from creditaudit.feeds import FEEDS, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from creditaudit.contracts.suite import Expectation, Suite
    from creditaudit.feeds import TableSpec


class Shape(Enum):
    """How an expectation is decided."""

    ROWS = "rows"  # by the share of bad rows
    DUPLICATES = "duplicates"  # the same, where a row is bad that has its key with another
    NUMBER = "number"  # by one number of the whole table
    SCHEMA = "schema"  # before any row is read


@dataclass(frozen=True)
class Check:
    """One expectation, ready to be asked.

    Parameters
    ----------
    expectation : Expectation
        As the suite has it.
    kwargs : dict
        Its arguments with parameters filled in.
    shape : Shape
    columns : tuple of str
        What it is about; empty: the whole table.
    about : str
        SQL, TRUE for the rows that are counted at all (``row_condition``).
    considered : str
        SQL, TRUE for counted rows that are judged; the others are missing.
    bad : str
        SQL, TRUE for a bad row (``DUPLICATES``: the key's columns; ``NUMBER``: TRUE where the number is bad).
    observed : str
        ``NUMBER``: SQL of the number, over the whole table.
    mostly : float
        The share of considered rows that must be good.
    counts_missing : bool
        Whether its result says how many values are missing.
    """

    expectation: Expectation
    kwargs: dict[str, Any]
    shape: Shape
    columns: tuple[str, ...] = ()
    about: str = "TRUE"
    considered: str = "TRUE"
    bad: str = "FALSE"
    observed: str = ""
    mostly: float = 1.0
    counts_missing: bool = True

    @property
    def name(self) -> str:
        """Type and columns, for people."""
        return f"{self.expectation.type}({', '.join(self.columns)})"


@dataclass(frozen=True)
class Compiled:
    """A suite whose every expectation can be asked."""

    suite: Suite
    checks: tuple[Check, ...]
    parameters: dict[str, str] = field(default_factory=dict)


def parameters_of(night: date) -> dict[str, str]:
    """Return what ``{"$PARAMETER": …}`` may name: the night, and the last day and second that a date may have."""
    last = (night + timedelta(days=1)).isoformat()
    return {"night": night.isoformat(), "last_day": last, "last_second": f"{last} 23:59:59"}


def days(spec: TableSpec) -> dict[str, str]:
    """Return the columns that a suite sees beside the typed ones: ``<stem>_on``, the day of each instant."""
    stems = [c.stem for c in spec.columns if c.kind is Kind.INSTANT]
    return {f"{stem}_on": f"CAST({stem}_from AS DATE)" for stem in stems if f"{stem}_on" not in spec.schema.names}


def seen_schema(spec: TableSpec) -> pa.Schema:
    """Return the columns that a suite of a feed may name."""
    return pa.schema([*spec.schema, *(pa.field(name, pa.date32()) for name in days(spec))])


def rows_seen(spec: TableSpec, source: str) -> str:
    """Return a query of the rows that a suite speaks of; an instant lies within one day, so it has one day."""
    added = "".join(f", {sql} AS {name}" for name, sql in days(spec).items())
    return f"SELECT *{added} FROM {source}"


def compile_suite(suite: Suite, night: date, spec: TableSpec | None = None) -> Compiled:
    """Compile every expectation of a suite, or refuse the suite.

    Parameters
    ----------
    suite : Suite
    night : date
    spec : TableSpec, optional
        What the suite speaks of; None: the feed of its name.

    Raises
    ------
    UsageError
        Names the file, the expectation and what is wrong: an unknown type or argument, a column that is not there.
    """
    parameters = parameters_of(night)
    schema = seen_schema(spec or FEEDS[suite.feed])
    checks = []
    for number, expectation in enumerate(suite.expectations, start=1):
        try:
            checks.append(_compile(expectation, schema, parameters))
        except UnusableError as error:
            raise suite.refused(f"expectation {number} ({expectation.type}): {error}") from error
        except RecursionError as error:
            raise suite.refused(f"expectation {number} ({expectation.type}): it is nested too deeply") from error
    return Compiled(suite, tuple(checks), parameters)


def _compile(expectation: Expectation, schema: pa.Schema, parameters: Mapping[str, str]) -> Check:
    filled = {name: _filled(value, parameters) for name, value in expectation.kwargs.items()}
    kwargs = Kwargs(filled, schema)
    if expectation.type in ROW_TYPES:
        check = _of_rows(expectation, filled, kwargs)
    elif expectation.type in _OTHERS:
        check = _OTHERS[expectation.type](expectation, filled, kwargs, schema)
    else:
        raise UnusableError(f"this type is not known; known are {', '.join(known_types())}")
    kwargs.end()
    return check


def known_types() -> tuple[str, ...]:
    """Return the expectation types that can be compiled."""
    return tuple(sorted({*ROW_TYPES, *_OTHERS}))


def _filled(value: Any, parameters: Mapping[str, str]) -> Any:
    if isinstance(value, dict) and "$PARAMETER" in value:
        name = value["$PARAMETER"]
        if set(value) != {"$PARAMETER"} or not isinstance(name, str) or name not in parameters:
            raise UnusableError(f"parameter {name!r} is not one of {', '.join(parameters)}")
        return parameters[name]
    return value


def _of_rows(expectation: Expectation, filled: dict[str, Any], kwargs: Kwargs) -> Check:
    columns, considered, bad = ROW_TYPES[expectation.type](kwargs)
    # Whether a value is there at all has no missing values beside it.
    nullness = expectation.type in {"expect_column_values_to_not_be_null", "expect_column_values_to_be_null"}
    return Check(
        expectation,
        filled,
        Shape.ROWS,
        columns,
        about=condition(kwargs),
        considered=considered,
        bad=f"({bad})",
        mostly=kwargs.share("mostly", 1.0),
        counts_missing=not nullness,
    )


def _unique(expectation: Expectation, filled: dict[str, Any], kwargs: Kwargs, schema: pa.Schema) -> Check:
    del schema
    column = kwargs.column()
    return Check(
        expectation,
        filled,
        Shape.DUPLICATES,
        (column,),
        about=condition(kwargs),
        considered=f"{column} IS NOT NULL",
        bad=column,
        mostly=kwargs.share("mostly", 1.0),
    )


def _compound_unique(expectation: Expectation, filled: dict[str, Any], kwargs: Kwargs, schema: pa.Schema) -> Check:
    del schema
    listed = kwargs.take("column_list")
    if not isinstance(listed, list) or len(listed) < 2:  # noqa: PLR2004 - one alone is no sum
        raise UnusableError("column_list is not a list of two or more columns")
    columns = tuple(kwargs.named(column) for column in listed)
    ignored = ("all_values_are_missing", "any_value_is_missing", "never")
    chosen = kwargs.one_of("ignore_row_if", "all_values_are_missing", ignored)
    considered = {
        "all_values_are_missing": "(" + " OR ".join(f"{c} IS NOT NULL" for c in columns) + ")",
        "any_value_is_missing": "(" + " AND ".join(f"{c} IS NOT NULL" for c in columns) + ")",
        "never": "TRUE",
    }[chosen]
    return Check(
        expectation,
        filled,
        Shape.DUPLICATES,
        columns,
        about=condition(kwargs),
        considered=considered,
        bad=", ".join(columns),
        mostly=kwargs.share("mostly", 1.0),
    )


def _row_count(expectation: Expectation, filled: dict[str, Any], kwargs: Kwargs, schema: pa.Schema) -> Check:
    del schema
    about = condition(kwargs)
    kwargs_of = {"min_value": kwargs.count("min_value"), "max_value": kwargs.count("max_value")}
    strict = {name: kwargs.take(name, default=False) for name in ("strict_min", "strict_max")}
    observed = _filtered("count(*)", about)
    bad = " OR ".join(bounds(Kwargs({**kwargs_of, **strict}, pa.schema([])), observed, str))
    return Check(expectation, filled, Shape.NUMBER, about=about, bad=bad, observed=observed)


def _row_count_equal(expectation: Expectation, filled: dict[str, Any], kwargs: Kwargs, schema: pa.Schema) -> Check:
    del schema
    about = condition(kwargs)
    value = kwargs.count("value")
    if value is None:
        raise UnusableError("value is not given")
    observed = _filtered("count(*)", about)
    return Check(expectation, filled, Shape.NUMBER, about=about, bad=f"{observed} <> {value}", observed=observed)


def _given_share(expectation: Expectation, filled: dict[str, Any], kwargs: Kwargs, schema: pa.Schema) -> Check:
    del schema
    column = kwargs.column()
    about = condition(kwargs)
    limits = {name: kwargs.share(name, -1.0) for name in ("min_value", "max_value") if filled.get(name) is not None}
    strict = {name: kwargs.take(name, default=False) for name in ("strict_min", "strict_max")}
    share = f"{_filtered(f'count({column})', about)} / CAST(NULLIF({_filtered('count(*)', about)}, 0) AS DOUBLE)"
    observed = f"({share})"
    bad = " OR ".join(bounds(Kwargs({**limits, **strict}, pa.schema([])), observed, repr))
    return Check(expectation, filled, Shape.NUMBER, (column,), about=about, bad=bad, observed=observed)


def _exists(expectation: Expectation, filled: dict[str, Any], kwargs: Kwargs, schema: pa.Schema) -> Check:
    column = kwargs.take("column")
    index = kwargs.count("column_index")
    is_there = column in schema.names and index in {None, schema.names.index(column)}
    return Check(expectation, filled, Shape.SCHEMA, (str(column),), bad="FALSE" if is_there else "TRUE")


def _filtered(aggregate: str, about: str) -> str:
    return aggregate if about == "TRUE" else f"{aggregate} FILTER (WHERE {about})"


_OTHERS = {
    "expect_column_values_to_be_unique": _unique,
    "expect_compound_columns_to_be_unique": _compound_unique,
    "expect_table_row_count_to_be_between": _row_count,
    "expect_table_row_count_to_equal": _row_count_equal,
    "expect_column_proportion_of_non_null_values_to_be_between": _given_share,
    "expect_column_to_exist": _exists,
}
