"""Known-answer rows as a profile's files would have them: its column names, date formats, codes, sentinels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from creditaudit.known_answers.declared import Moment
from creditaudit.source_settings import EVERY_COLUMN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from creditaudit.feeds import Column, TableSpec
    from creditaudit.intake.profile import Profile
    from creditaudit.known_answers.declared import Meant

# SPEC 3.2's own spellings and SPEC 4's sentinels: what is said where the profile says nothing else.
_DAYS: Final = ("YYYY-MM-DD", "YYYYMMDD")
_SECONDS: Final = ("YYYY-MM-DD HH:MM:SS", "YYYY-MM-DDTHH:MM:SS")
_SENTINELS: Final = ("1900-01-01", "9999-12-31", "00000000")

# A loan; and the types whose moment is another one (SPEC 4).
_USUAL_TYPE: Final = "D1"
_JUDGED_OTHERWISE: Final = frozenset({"C1", "R4"})

_TOKEN: Final = re.compile("YYYY|MM|DD|HH|SS|M|D|H|.", re.DOTALL)
_PARTS: Final = {
    **{"YYYY": "year", "MM": "month", "M": "month", "DD": "day", "D": "day"},
    **{"HH": "hour", "H": "hour", "SS": "second"},
}

# The institution is known by its reserved code, whatever a profile makes of the column (a constant, mostly).
OWN_COLUMN: Final = "provider_code"


class UnsayableError(Exception):
    """A profile has no words for a cell: whoever needs it is not asked in its words."""


def columns_of(spec: TableSpec, profile: Profile) -> list[str]:
    """Return the names of the columns of a file of the profile, in its order."""
    if profile.source.columns is not None:
        return list(profile.source.columns)
    theirs = {ours: name for name, ours in profile.source.renames.items()}
    return [theirs.get(c.name, c.name) for c in spec.columns if c.name not in profile.source.constants]


def usual_type(profile: Profile) -> str:
    """Return an account type that files of the profile can have, and that is judged as most are."""
    constant = profile.source.constants.get("account_type")
    said = [constant] if constant else sorted(set(profile.source.codes.get("account_type", {}).values()))
    usual = [one for one in said if one not in _JUDGED_OTHERWISE]
    return _USUAL_TYPE if not usual or _USUAL_TYPE in usual else usual[0]


def rendered(spec: TableSpec, profile: Profile, row: Mapping[str, Meant], turn: int) -> list[str]:
    """Return the cells of one row of a file of the profile.

    Parameters
    ----------
    spec : TableSpec
    profile : Profile
    row : mapping
        Our columns to what is meant; a column that is not there is empty.
    turn : int
        Where the profile has several spellings, this one: from row to row another.

    Raises
    ------
    UnsayableError
        The profile cannot say it.
    """
    names = columns_of(spec, profile)
    ours = [profile.renamed(name) for name in names]
    constants = profile.source.constants
    for name, meant in row.items():
        if name == OWN_COLUMN:
            continue
        if name in constants:
            if constants[name] != meant:
                raise UnsayableError(f"{name} is always the same")
        elif name not in ours and meant is not None:
            raise UnsayableError(f"{name} is no column")
    by_name = spec.by_name
    return [_cell(by_name[name], profile, row[name], turn) if name in row else "" for name in ours]


def _cell(column: Column, profile: Profile, meant: Meant, turn: int) -> str:
    source = profile.source
    if meant is None:
        own = source.sentinels.get(column.name, source.sentinels.get(EVERY_COLUMN, ()))
        return _turned(own or (_SENTINELS if column.is_dated else ("",)), turn)
    if isinstance(meant, Moment):
        return _dated(source.dates.get(column.name, source.dates.get(EVERY_COLUMN, ())), meant, turn)
    codes = source.codes.get(column.name)
    if codes is None:
        return meant
    theirs = sorted(text for text, ours in codes.items() if ours == meant or column.name == OWN_COLUMN)
    if not theirs:
        raise UnsayableError(f"{column.name} has no code for it")
    return _turned(theirs, turn)


def _dated(formats: Sequence[str], meant: Moment, turn: int) -> str:
    if meant.is_second:
        fitting = [text for text in formats if "SS" in text] if formats else _SECONDS
        if not fitting:
            raise UnsayableError("no format has seconds")
        return _spelled(_turned(fitting, turn), meant)
    # A day where a day can be said; else any second of it.
    fitting = [text for text in formats if "H" not in text] if formats else _DAYS
    return _spelled(_turned(fitting or formats, turn), meant)


def _spelled(form: str, meant: Moment) -> str:
    """Write a day or second in a date format of a profile (SPEC 3.1): an ``MM`` behind the hour is the minute."""
    at = meant.at if meant.is_second else meant.at.replace(hour=12)
    said, has_hour = "", False
    for token in _TOKEN.findall(form):
        part = "minute" if token == "MM" and has_hour else _PARTS.get(token)  # noqa: S105 - no password
        has_hour = has_hour or part == "hour"
        said += token if part is None else f"{getattr(at, part):0{len(token)}d}"
    return said


def _turned(texts: Sequence[str], turn: int) -> str:
    return texts[turn % len(texts)]
