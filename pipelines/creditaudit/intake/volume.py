"""Deliveries that are much smaller than the last ones of their provider: the feed is incomplete (SPEC 3.1).

Deltas are compared with the median of their provider's last nights, full files with its last full delivery of the
same scope. What is compared are delivered rows, whatever became of them.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditaudit.book.files import storage
from creditaudit.book.state import DELTA_ROWS, FULL_DELIVERIES
from creditaudit.book.state_files import state_rows
from creditaudit.feeds import FEEDS
from creditaudit.intake.coverage import full_deliveries
from creditaudit.intake.faults import ROW_QUARANTINED
from creditaudit.intake.labels import masked
from creditaudit.intake.landing import ReportFile
from creditaudit.intake.readmission import ReadmittedFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.book.layout import Book
    from creditaudit.intake.receive import FileReport
    from creditaudit.settings import Settings

# Nights of a provider that count, and with how few of them nothing is said: there is no usual night yet.
LAST_NIGHTS = 7
LEAST_NIGHTS = 3

# Of the median of the last nights, and of the last full delivery.
SHARE_OF_USUAL = 0.5
SHARE_OF_FULL = 0.9

# What a provider's code looks like. A row whose cells are shifted may have a person's number or name there; the
# counts of such rows would name nobody, and their text may be in no message.
_CODE = "^[0-9A-Za-z]{1,14}$"
_PHONE = "^1[3-9][0-9]{9}$"

# The provider of feeds without one where no control names one: the feed as a whole.
WHOLE_FEED = ""

_SCOPE = ("feed", "provider_code", "region_code", "all_regions", "business_codes", "all_business")


def delta_rows(reports: Sequence[FileReport], night: date) -> pa.Table:
    """Count the rows that each provider delivered tonight in delta files.

    The provider is the one that the control names, else that of each row (whether the row stands or not; a row that did
    not split has none); of a feed without providers the feed is one. Readmitted rows, which people and not providers
    deliver, and credit reports, which speak for one person, do not count, nor do refused files.

    Parameters
    ----------
    reports : sequence of FileReport
        Of all feeds; their parts are still there.
    night : date

    Returns
    -------
    pyarrow.Table
        Schema ``DELTA_ROWS``, one row per feed and provider, sorted by its columns. 0 rows: a delivery of nothing.
    """
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for report in reports:
        if report.refused is None and report.control.kind == "delta" and _is_of_provider(report):
            for provider, number in _by_provider(report).items():
                counts[report.file.feed, provider] += number
    rows = [
        {"night": night, "feed": feed, "provider_code": provider, "delivered": number}
        for (feed, provider), number in counts.items()
    ]
    table = pa.Table.from_pylist(rows, schema=DELTA_ROWS.schema)
    return table.sort_by([(name, "ascending") for name in DELTA_ROWS.schema.names])


def _is_of_provider(report: FileReport) -> bool:
    return not isinstance(report.file, ReadmittedFile | ReportFile)


def _by_provider(report: FileReport) -> dict[str, int]:
    stated = report.control.provider_code
    if stated:
        return {stated: report.delivered or 0}
    if "provider_code" not in FEEDS[report.file.feed].by_name:
        return {WHOLE_FEED: report.delivered or 0}
    return counted_providers(_provider_codes(report))


def counted_providers(columns: Sequence[pa.ChunkedArray]) -> dict[str, int]:
    """Count rows by the provider that each names; what does not look like a provider's code counts for nobody."""
    counts: dict[str, int] = defaultdict(int)
    for codes in columns:
        is_code = pc.and_(pc.match_substring_regex(codes, _CODE), pc.invert(pc.match_substring_regex(codes, _PHONE)))
        for found in pc.value_counts(codes.filter(is_code)).to_pylist():
            counts[found["values"]] += found["counts"]
    return counts


def _provider_codes(report: FileReport) -> list[pa.ChunkedArray]:
    """Return the providers of a file's rows: of those that stand, and of those that do not."""
    codes: list[pa.ChunkedArray] = []
    if report.typed_part is not None:
        codes.append(_read(report.typed_part, ["provider_code"])["provider_code"])
    if report.quarantine_part is not None:
        listed = _read(report.quarantine_part, ["disposition", "provider_code"])
        codes.append(listed.filter(pc.equal(listed["disposition"], ROW_QUARANTINED))["provider_code"])
    return codes


def shrunken(
    book: Book, reports: Sequence[FileReport], tonight: pa.Table, settings: Settings, night: date
) -> dict[str, tuple[str, ...]]:
    """Name the feeds that are incomplete because a provider delivered much less than it did before.

    Parameters
    ----------
    book : Book
        As the last sealed night left it.
    reports : sequence of FileReport
        Tonight's, of all feeds.
    tonight : pyarrow.Table
        As :func:`delta_rows` gives it.
    settings : Settings
        ``min_share_of_last`` per feed.
    night : date

    Returns
    -------
    dict
        Feed to sentences, in the order of feeds and providers. A provider's code is masked where it may be a person's.
    """
    said: dict[str, list[str]] = defaultdict(list)
    fulls = full_deliveries([r for r in reports if _is_of_provider(r)], night)
    for feed, provider, why in (*_small_deltas(book, tonight, settings), *_small_fulls(book, fulls, settings)):
        said[feed].append(f"incomplete: {f'{masked(provider)}: ' if provider else ''}{why}")
    return {feed: tuple(said[feed]) for feed in FEEDS if feed in said}


def _small_deltas(book: Book, tonight: pa.Table, settings: Settings) -> list[tuple[str, str, str]]:
    nights: dict[tuple[str, str], dict[date, int]] = defaultdict(dict)
    here = {(r["feed"], r["provider_code"]): r["delivered"] for r in tonight.to_pylist()}
    for row in state_rows(book, DELTA_ROWS).to_pylist():
        nights[row["feed"], row["provider_code"]][row["night"]] = row["delivered"]
    found = []
    for (feed, provider), delivered in here.items():
        earlier = nights[feed, provider]
        last = [earlier[day] for day in sorted(earlier)[-LAST_NIGHTS:]]
        share = settings.min_share_of_last(feed, by_default=SHARE_OF_USUAL)
        if len(last) >= LEAST_NIGHTS and _is_less(delivered, share, usual := median(last)):
            why = f"{delivered} rows, less than {share:g} of {usual:g}, the median of its last {len(last)} nights"
            found.append((feed, provider, why))
    return found


def _small_fulls(book: Book, tonight: pa.Table, settings: Settings) -> list[tuple[str, str, str]]:
    nights = _by_scope(state_rows(book, FULL_DELIVERIES))
    found = []
    for scope, delivered in _by_scope(tonight).items():
        if scope not in nights:
            continue
        day = max(nights[scope])
        before, now = nights[scope][day], sum(delivered.values())
        feed, provider = str(scope[0]), str(scope[1])
        share = settings.min_share_of_last(feed, by_default=SHARE_OF_FULL)
        if _is_less(now, share, before):
            why = f"{now} rows in full, less than {share:g} of the {before} of {day.isoformat()}"
            found.append((feed, provider, why))
    return found


def _by_scope(fulls: pa.Table) -> dict[tuple[object, ...], dict[date, int]]:
    """Return scope → night → rows: the full files of one night and scope are one delivery (SPEC 8.3).

    A file whose control names no provider is left out: nobody knows that the next one is of the same.
    """
    found: dict[tuple[object, ...], dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for row in fulls.to_pylist():
        if row["provider_code"]:
            found[tuple(row[name] for name in _SCOPE)][row["night"]] += row["delivered"]
    return {scope: found[scope] for scope in sorted(found, key=repr)}


def _is_less(rows: int, share: float, of: float) -> bool:
    # By its decimal digits: 0.9 as a binary fraction lies a little off, and a delivery can lie just between.
    return rows < Fraction(str(share)) * Fraction(of)


def _read(path: Path, columns: Sequence[str]) -> pa.Table:
    with storage(path):
        return pq.read_table(path, columns=list(columns))
