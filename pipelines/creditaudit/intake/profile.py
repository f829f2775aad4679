"""How the files of one sender are read: the configured profile, made ready for use (SPEC 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from creditaudit.errors import UsageError, Where
from creditaudit.intake.lines import Dialect
from creditaudit.source_settings import DEFAULT_NAME, EVERY_COLUMN, SourceSettings, date_pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping

    from creditaudit.feeds import Column

# Spellings of days that mean "not given" wherever a date may stand, whatever the profile's own formats (SPEC 4).
_SENTINEL_DAYS = frozenset(
    {"19000101", "1900-01-01", "99991231", "9999-12-31", "00000000", "0000-00-00", "长期"}
)  # fmt: skip

MISSING = ""

# Tried in this order, strictly, where a profile names none.
ENCODINGS = ("utf-8", "gb18030")
GZIP_SUFFIX = ".gz"


@dataclass(frozen=True)
class Profile:
    """One source profile.

    Parameters
    ----------
    name : str
        As configured.
    source : SourceSettings
        What the configuration says.
    """

    name: str
    source: SourceSettings

    @cached_property
    def dialect(self) -> Dialect:
        """How cells are told apart where they have no fixed widths."""
        return Dialect(self.source.delimiter, self.source.quote, self.source.multiline)

    @property
    def encodings(self) -> tuple[str, ...]:
        """Encodings to try, in order."""
        return ENCODINGS if self.source.encoding is None else (self.source.encoding,)

    @property
    def has_header(self) -> bool:
        """Whether the first row of a file names its columns."""
        return self.source.columns is None

    def is_for(self, feed: str, name: str) -> bool:
        """Whether a file of this name, in the folder of this feed, is read by this profile."""
        names = {name, name.removesuffix(GZIP_SUFFIX)}
        return feed == self.source.feed and any(fnmatchcase(n, self.source.files) for n in names)

    def renamed(self, column: str) -> str:
        """Return our name of a column of the file."""
        return self.source.renames.get(column, column)

    def byte_encoding(self, encoding: str) -> str | None:
        """Return the encoding whose bytes the widths count; None: they count characters."""
        return encoding if self.source.width_unit == "bytes" else None

    def change(self, column: Column) -> Callable[[str], str | None] | None:
        """Return what turns a cell of the file into one of ours.

        Returns
        -------
        callable or None
            Text to text; ``MISSING`` for a sentinel, None for a text that the code map or the date formats do not
            know. None in place of it: the column's cells are as SPEC 3.2 has them.
        """
        source = self.source
        sentinels = frozenset(source.sentinels.get(column.name, source.sentinels.get(EVERY_COLUMN, ())))
        formats = source.dates.get(column.name, source.dates.get(EVERY_COLUMN, ())) if column.is_dated else ()
        codes = source.codes.get(column.name)
        if not sentinels and not formats and codes is None:
            return None
        patterns = [date_pattern(text) for text in formats]

        def changed(text: str) -> str | None:
            if text in sentinels:
                return MISSING
            if codes is not None:
                return codes.get(text)
            return _iso_date(text, patterns) if patterns else text

        return changed


def _iso_date(text: str, patterns: list[re.Pattern[str]]) -> str | None:
    """Return a date or instant as SPEC 3.2 spells it; whether there is such a day is asked later."""
    for pattern in patterns:
        found = pattern.fullmatch(text)
        if found is None:
            continue
        part = found.groupdict()
        day = f"{part['year']}-{part['month']:0>2}-{part['day']:0>2}"
        clock = [f"{part[name]:0>2}" for name in ("hour", "minute", "second") if name in part]
        return f"{day} {':'.join(clock)}" if clock else day
    return text if text in _SENTINEL_DAYS else None


DEFAULT_PROFILE = Profile(DEFAULT_NAME, SourceSettings(feed=EVERY_COLUMN, files=EVERY_COLUMN))


def profiles_of(sources: Mapping[str, SourceSettings]) -> tuple[Profile, ...]:
    """Return the configured profiles, by name."""
    return tuple(Profile(name, sources[name]) for name in sorted(sources))


def profile_for(profiles: tuple[Profile, ...], feed: str, name: str) -> Profile | None:
    """Return the profile that reads a file; None: no configured one does.

    Raises
    ------
    UsageError
        More than one does.
    """
    found = [profile for profile in profiles if profile.is_for(feed, name)]
    if len(found) > 1:
        raise UsageError(
            "a delivered file has more than one source profile",
            why=f"the patterns of {' and '.join(p.name for p in found)} both match its name",
            next_step="make `files` of the profiles so narrow that no name matches two",
            where=Where(f"{feed}/{name}"),
        )
    return found[0] if found else None
