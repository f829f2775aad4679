"""Expectation suites: read, checked, and the one in force on a night's date (SPEC 3.4)."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import TYPE_CHECKING, Any

from creditaudit.book.files import storage
from creditaudit.errors import UsageError, Where
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.resources.abc import Traversable

    from creditaudit.book.layout import Book

SEVERITIES = ("critical", "warning", "info")

_VERSION = re.compile(r"v([1-9][0-9]*)\.json", re.ASCII)
_SUITE_KEYS = {"name", "id", "expectations", "meta", "notes", "suite_parameters"}
_EXPECTATION_KEYS = {"type", "kwargs", "meta", "notes", "severity", "id", "description"}


@dataclass(frozen=True)
class Expectation:
    """One expectation, as Great Expectations writes it.

    Parameters
    ----------
    type : str
        ``expect_…``.
    kwargs : dict
        Its arguments, parameters not filled in.
    severity : str
        One of ``SEVERITIES``.
    content : dict
        The whole object of the file.
    """

    type: str
    kwargs: dict[str, Any]
    severity: str
    content: dict[str, Any]


@dataclass(frozen=True)
class Suite:
    """One version of a feed's contract, or of a reference table's.

    Parameters
    ----------
    feed : str
        The feed, or the table.
    version : int
    in_force_from : date
        First night it is asked of.
    in_force_to : date or None
        Last night; None: no end.
    expectations : tuple of Expectation
    content : dict
        The whole file.
    data : bytes
        The file's bytes.
    place : str
        Where it lies, for people.
    """

    feed: str
    version: int
    in_force_from: date
    in_force_to: date | None
    expectations: tuple[Expectation, ...]
    content: dict[str, Any]
    data: bytes
    place: str

    @property
    def sha256(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def ours(self) -> dict[str, Any]:
        """What the file's ``meta`` says to this program."""
        meta: dict[str, Any] = self.content["meta"]["creditaudit"]
        return meta

    def refused(self, why: str) -> UsageError:
        """Return the error that this suite cannot be used."""
        return _bad(self.place, why)


def suites_in_force(book: Book, night: date) -> dict[str, Suite]:
    """Return the suite of every feed that is in force on a date.

    The book's ``reference/contracts/<feed>/v<n>.json`` stand beside the shipped ones, and replace those of the same
    number. Of several in force the one with the latest ``in_force_from`` is taken.

    Raises
    ------
    UsageError
        A suite cannot be read, none is in force, or two begin on one day.
    """
    return {feed: _in_force(_versions(book, feed), feed, night) for feed in FEEDS}


def table_suites(book: Book, night: date, tables: Iterable[str]) -> dict[str, Suite]:
    """Return the suites in force of the reference tables that have one, as :func:`suites_in_force` chooses them."""
    versions = {table: _versions(book, table) for table in tables}
    return {table: _in_force(found, table, night) for table, found in versions.items() if found}


def shipped_suites() -> Traversable:
    """Return the folder of the suites that come with the program."""
    return resources.files("creditaudit.contracts") / "suites"


def read_suite(data: bytes, feed: str, version: int, place: str) -> Suite:
    """Read one suite.

    Parameters
    ----------
    data : bytes
        The file.
    feed : str
        Feed of its folder.
    version : int
        Number in its name.
    place : str
        Where it lies, for messages.

    Raises
    ------
    UsageError
        It is not a suite of this feed and version as Great Expectations writes one, or lacks dates or a severity.
    """
    try:
        content = json.loads(data.decode("utf-8"))
        ours = content["meta"]["creditaudit"]
        begin = date.fromisoformat(ours["in_force_from"])
        end = None if ours.get("in_force_to") is None else date.fromisoformat(ours["in_force_to"])
        listed = list(content["expectations"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = (
            f"it is not a suite with meta.creditaudit.in_force_from and expectations ({type(error).__name__}: {error})"
        )
        raise _bad(place, why) from error
    unknown = sorted(set(content) - _SUITE_KEYS)
    if unknown:
        raise _bad(place, f"{unknown[0]!r} is no part of a suite")
    if (ours.get("feed"), ours.get("version")) != (feed, version):
        raise _bad(place, f"its meta.creditaudit does not say feed {feed!r} and version {version}, as its path does")
    if content.get("suite_parameters"):
        raise _bad(place, "suite_parameters are filled in by the night, not by the file")
    expectations = tuple(_expectation(place, number, item) for number, item in enumerate(listed, start=1))
    return Suite(feed, version, begin, end, expectations, content, data, place)


def _expectation(place: str, number: int, item: Any) -> Expectation:
    named = f"expectation {number}"
    if not isinstance(item, dict) or not isinstance(item.get("type"), str) or not isinstance(item.get("kwargs"), dict):
        raise _bad(place, f"{named} is not an object with type and kwargs")
    unknown = sorted(set(item) - _EXPECTATION_KEYS)
    if unknown:
        raise _bad(place, f"{named} ({item['type']}): {unknown[0]!r} is no part of an expectation")
    if item.get("severity") not in SEVERITIES:
        # The library would take it as critical, and a mere surprise in the data would stop the night.
        raise _bad(place, f"{named} ({item['type']}) has no severity; give one of {', '.join(SEVERITIES)}")
    return Expectation(item["type"], item["kwargs"], item["severity"], item)


def _versions(book: Book, feed: str) -> list[Suite]:
    found: dict[int, Suite] = {}
    own = book.reference / "contracts" / feed
    for folder, where in ((shipped_suites() / feed, "contracts/suites"), (own, "reference/contracts")):
        if not folder.is_dir():
            continue
        with storage(own):
            files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name.endswith(".json")}
        for name in sorted(files):
            place = f"{where}/{feed}/{name}"
            number = _VERSION.fullmatch(name)
            if number is None:
                raise _bad(place, "its name is not v<number>.json")
            version = int(number[1])
            found[version] = read_suite(files[name], feed, version, place)
    return [found[version] for version in sorted(found)]


def _in_force(versions: list[Suite], feed: str, night: date) -> Suite:
    valid = [s for s in versions if s.in_force_from <= night and (s.in_force_to is None or night <= s.in_force_to)]
    if not valid:
        raise _bad(f"contracts of {feed}", f"no suite is in force on {night}")
    begin = max(s.in_force_from for s in valid)
    latest = [s for s in valid if s.in_force_from == begin]
    if len(latest) > 1:
        raise _bad(latest[1].place, f"it begins on {begin}, as {latest[0].place} does")
    return latest[0]


def _bad(place: str, why: str) -> UsageError:
    return UsageError(
        "an expectation suite cannot be used",
        why=why,
        next_step="mend the file, or take it away from the book's reference/contracts; docs/contracts.md says how",
        where=Where(place),
    )
