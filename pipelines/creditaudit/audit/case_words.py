"""Cells of a case: days, instants and mappings, as an auditor writes them in YAML."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

DAY = 86_400
_EPOCH = date(1970, 1, 1)
_MINUTE = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}\Z")

Row = dict[str, Any]


class CaseError(ValueError):
    """A case says something that cannot be read; the casebook adds the place."""


def day_number(value: object) -> int | None:
    """Return days since 1970-01-01, or None for a date that is not given."""
    if value is None:
        return None
    if type(value) is not date:
        raise CaseError(f"{value!r} is not a date (YYYY-MM-DD)")
    return (value - _EPOCH).days


def seconds(value: object) -> tuple[int | None, int | None]:
    """Return the closed interval of an instant in seconds since 1970-01-01 (SPEC 4)."""
    if value is None:
        return None, None
    if type(value) is date:
        first = (value - _EPOCH).days * DAY
        return first, first + DAY - 1
    if isinstance(value, str) and _MINUTE.match(value):
        first = _second(datetime.fromisoformat(value))
        return first, first + 59
    if isinstance(value, datetime) and value.tzinfo is None and not value.microsecond:
        return (_second(value),) * 2
    raise CaseError(f"{value!r} is not a day, a minute in quotes, or a second")


def _second(value: datetime) -> int:
    return (value - datetime.combine(_EPOCH, datetime.min.time())) // timedelta(seconds=1)


def mapping_of(value: object, what: str, words: tuple[str, ...]) -> dict[str, Any]:
    """Return a value that must be a mapping with no other words than these."""
    if not isinstance(value, dict):
        raise CaseError(f"{what} must be a mapping")
    unknown = [str(word) for word in value if word not in words]
    if unknown:
        raise CaseError(f"{what}: unknown {', '.join(unknown)}; known are {', '.join(words)}")
    return value
