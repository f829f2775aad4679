"""Source profiles as they are configured: how the files of one sender are read (SPEC 3.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# In `dates` and `sentinels`: all columns that no entry of their own names.
EVERY_COLUMN = "*"

# Personal credit reports: read whether a profile names them or not, from a folder of their own, always in one way.
REPORT_FORMAT = "pbc2-report-xml"
_REPORT_PLACE = {"feed": "reports", "files": "*.xml"}

# The name of the reading of SPEC 3.2 for files that no profile is for.
DEFAULT_NAME = "default"

_LINE_ENDS = "\r\n"
_LAST_ASCII = 127
_TOKEN = re.compile("YYYY|MM|DD|HH|SS|M|D|H|.", re.DOTALL)
_DIGITS = {"YYYY": "[0-9]{4}", "M": "[0-9]{1,2}", "D": "[0-9]{1,2}", "H": "[0-9]{1,2}"}
_PARTS = {
    "YYYY": "year",
    "MM": "month",
    "M": "month",
    "DD": "day",
    "D": "day",
    "HH": "hour",
    "H": "hour",
    "SS": "second",
}


class KnownColumn(Protocol):
    """What a profile must know of a column."""

    @property
    def codes(self) -> tuple[str, ...]:
        """Closed list; empty: none."""
        ...

    @property
    def is_dated(self) -> bool:
        """Whether its cells are dates or instants."""
        ...


class KnownFeed(Protocol):
    """What a profile must know of a feed."""

    @property
    def by_name(self) -> Mapping[str, KnownColumn]:
        """Columns by header name."""
        ...


class SourceSettings(BaseModel):
    """One source profile.

    Parameters
    ----------
    format : str
        ``table``, or ``pbc2-report-xml``, which leaves nothing else to set.
    feed : str
        Whose files they are.
    files : str
        Glob on the file name, with or without its ``.gz``; capitals matter.
    encoding : str or None
        The only one tried; None: UTF-8, then GB18030.
    delimiter : str
        One to three characters, control characters too.
    quote : str
        One ASCII character; empty: the file has no quotes.
    multiline : bool
        A quoted cell may hold line ends.
    columns : tuple of str or None
        Names of the columns of a file without header line; None: the first line has them.
    widths : tuple of int or None
        Fixed widths of the cells, instead of a delimiter.
    width_unit : str
        ``characters``, or ``bytes`` of the file's encoding.
    renames : dict
        The file's column name to ours.
    constants : dict
        Our column to the value it has in every row of a file that lacks it.
    dates : dict
        Column (``*``: the others) to the formats that replace those of SPEC 3.2.
    codes : dict
        Column to the file's code to ours; a code that is not there is ``bad_code``.
    sentinels : dict
        Column (``*``: the others) to further texts that mean *missing*.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["table", "pbc2-report-xml"] = "table"
    feed: str
    files: Annotated[str, Field(min_length=1, pattern=r"^[^/]+$")]
    encoding: Literal["utf-8", "gb18030", "gbk"] | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=3)] = ","
    quote: Annotated[str, Field(max_length=1)] = '"'
    multiline: bool = False
    columns: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    widths: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] | None = None
    width_unit: Literal["characters", "bytes"] = "characters"
    renames: dict[str, str] = {}
    constants: dict[str, Annotated[str, Field(min_length=1)]] = {}
    dates: dict[str, tuple[str, ...]] = {}
    codes: dict[str, Annotated[dict[str, str], Field(min_length=1)]] = {}
    sentinels: dict[str, tuple[str, ...]] = {}

    @model_validator(mode="before")
    @classmethod
    def _reports_lie_in_one_place(cls, value: object) -> object:
        if not isinstance(value, dict) or value.get("format") != REPORT_FORMAT:
            return value
        if any(_REPORT_PLACE.get(key) != text for key, text in value.items() if key != "format"):
            raise ValueError(f"{REPORT_FORMAT} reads reports/*.xml and has no other key")
        return {**value, **_REPORT_PLACE}

    @field_validator("dates", "sentinels", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {column: [texts] if isinstance(texts, str) else texts for column, texts in value.items()}

    @field_validator("dates")
    @classmethod
    def _readable(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for formats in value.values():
            for text in formats:
                date_pattern(text)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        conflict = next(_conflicts(self), None)
        if conflict is not None:
            raise ValueError(conflict)
        return self


def date_pattern(text: str) -> re.Pattern[str]:
    """Return what cells of a date format match; groups: year, month, day and, with a time, hour, minute, second.

    Parameters
    ----------
    text : str
        ``YYYY``, ``MM``, ``DD``, ``HH``, ``SS`` (``M``, ``D``, ``H``: without leading zero, too); an ``MM`` behind the
        hour is the minute; all else stands for itself, but letters A to Z other than ``T`` are refused.

    Raises
    ------
    ValueError
        It is no such format.
    """
    pattern, parts = "", list[str]()
    for token in _TOKEN.findall(text):
        part = "minute" if token == "MM" and "hour" in parts else _PARTS.get(token)  # noqa: S105 - no password
        if part is not None:
            if part in parts:
                raise ValueError(f"date format {text!r}: {part} stands twice")
            parts.append(part)
            pattern += f"(?P<{part}>{_DIGITS.get(token, '[0-9]{2}')})"
        elif token.isascii() and token.isalnum() and token != "T":  # noqa: S105 - no password
            raise ValueError(f"date format {text!r}: {token!r} is none of YYYY MM DD HH SS M D H T or a separator")
        else:
            pattern += re.escape(token)
    day, clock = {"year", "month", "day"}, {"hour", "minute"}
    if not day <= set(parts) or set(parts) - day not in (set(), clock, {*clock, "second"}):
        raise ValueError(f"date format {text!r}: it needs year, month and day, and of a time hour and minute")
    return re.compile(pattern)


def _conflicts(source: SourceSettings) -> Iterator[str]:
    """Say what in a profile contradicts something else in it."""
    given = source.model_fields_set
    if source.widths is not None:
        for key in ("delimiter", "quote", "multiline"):
            if key in given:
                yield f"widths and {key} are two ways of finding the cells; keep one"
        if source.columns is not None and len(source.columns) != len(source.widths):
            yield f"{len(source.columns)} columns, but {len(source.widths)} widths"
    elif "width_unit" in given:
        yield "width_unit says nothing without widths"
    if source.multiline and not source.quote:
        yield "multiline needs a quote: only quotes can keep a record together"
    yield from _bad_letters(source)
    yield from _bad_columns(source)


def _bad_columns(source: SourceSettings) -> Iterator[str]:
    columns, targets = source.columns or (), list(source.renames.values())
    twice = {name for name in columns if columns.count(name) > 1}
    if twice:
        yield f"columns: {min(twice)!r} stands twice"
    doubled = {name for name in targets if targets.count(name) > 1}
    if doubled:
        yield f"renames: two columns become {min(doubled)!r}"
    for name in source.constants:
        if name in targets or name in columns:
            yield f"constants: {name!r} is a column of the file"
        if name in source.codes:
            yield f"constants: {name!r} has a code map, too; write the constant as our own code"
    for name in source.codes:
        if name in source.dates:
            yield f"{name!r} has both a code map and date formats"


def _bad_letters(source: SourceSettings) -> Iterator[str]:
    if any(letter in _LINE_ENDS for letter in source.delimiter + source.quote):
        yield "a line end cannot be a delimiter or a quote: it ends the row"
    if source.quote and source.quote in source.delimiter:
        yield "the delimiter holds the quote"
    if source.quote and not 0 < ord(source.quote) <= _LAST_ASCII:
        yield "the quote must be one ASCII character"
    if "\ufeff" in source.delimiter:
        yield "a byte order mark cannot be a delimiter"


def unknown_names(
    sources: Mapping[str, SourceSettings], feeds: Mapping[str, KnownFeed]
) -> Iterator[tuple[list[str], Iterable[str]]]:
    """Name every feed and column that a profile speaks of and that is not there.

    Yields
    ------
    place : list of str
        Path of the key in the configuration; its last part is the name.
    known : iterable of str
        The names that could have been meant.
    """
    for name, source in sources.items():
        if source.format == REPORT_FORMAT:
            continue
        if source.feed not in feeds:
            yield ["sources", name, "feed", source.feed], feeds
            continue
        columns = feeds[source.feed].by_name
        spoken = {
            "renames": source.renames.values(),
            "constants": source.constants,
            "dates": (c for c in source.dates if c != EVERY_COLUMN),
            "codes": source.codes,
            "sentinels": (c for c in source.sentinels if c != EVERY_COLUMN),
        }
        for key, names in spoken.items():
            yield from ((["sources", name, key, c], columns) for c in names if c not in columns)


def misfits(sources: Mapping[str, SourceSettings], feeds: Mapping[str, KnownFeed]) -> Iterator[tuple[list[str], str]]:
    """Say what profiles want of columns that those cannot do; all names are known.

    Yields
    ------
    place : list of str
        Path of the key in the configuration.
    why : str
    """
    patterns: dict[tuple[str, str], str] = {}
    tables = {name: source for name, source in sources.items() if source.format != REPORT_FORMAT}
    for name, source in tables.items():
        columns = feeds[source.feed].by_name
        other = patterns.setdefault((source.feed, source.files), name)
        if name == DEFAULT_NAME:
            yield ["sources", name], "this name belongs to the reading of files that no profile is for"
        if other != name:
            yield ["sources", name, "files"], f"the profile {other!r} is for the same files"
        for column, codes in source.codes.items():
            closed = columns[column].codes
            bad = [code for code in codes.values() if closed and code not in closed]
            if bad:
                yield ["sources", name, "codes", column], f"{bad[0]!r} is none of {', '.join(closed)}"
        for column, value in source.constants.items():
            closed = columns[column].codes
            if closed and value not in closed:
                yield ["sources", name, "constants", column], f"{value!r} is none of {', '.join(closed)}"
        for column in source.dates:
            if column != EVERY_COLUMN and not columns[column].is_dated:
                yield ["sources", name, "dates", column], "the column holds no dates"
