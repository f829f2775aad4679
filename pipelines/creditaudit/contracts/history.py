"""Volume and mix of a delivery against the last sealed nights of the same provider: warnings, nothing else (SPEC 3.4).

Each night seals a small profile of what it accepted (``contracts/profile.parquet``): rows per feed, provider and kind
of file, and how often each code of a few columns came. Thresholds stand in the suites, ``meta.creditaudit.history``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.files import write_parquet
from creditaudit.contracts.predicates import PERSONAL
from creditaudit.engines import quoted
from creditaudit.feeds import FEEDS, ID_COLUMNS, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.contracts.suite import Suite
    from creditaudit.engines import Engine

PROFILE = pa.schema(
    [
        pa.field("night", pa.date32()),
        pa.field("feed", pa.string()),
        pa.field("provider_code", pa.string()),  # empty: a feed without this column; OTHER_FORM: see there
        pa.field("kind", pa.string()),  # full, delta: of the file
        pa.field("measure", pa.string()),  # a column whose codes are counted; empty: all rows
        pa.field("code", pa.string()),  # empty: missing
        pa.field("accepted", pa.int64()),  # rows
    ]
)
PROFILE_NAME = "profile.parquet"

# A shifted row may have a person's number or name where the code should be: only what looks like a code is kept.
OTHER_FORM = "other form"
_CODE = "^[0-9A-Z]{1,14}$"
_PHONE = "^1[0-9]{10}$"

# Sealed nights in which the last ones of a provider are looked for.
LOOK_BACK = 60


@dataclass(frozen=True)
class Limits:
    """What a suite says of volume and mix.

    Parameters
    ----------
    nights : int
        How many of a provider's last nights are compared with.
    at_least_nights : int
        Fewer say nothing.
    at_least_rows : int
        Smaller deliveries say nothing: chance moves their shares.
    rows_below, rows_above : float
        Rows as a multiple of the median, below and above which it is told.
    mix : dict
        Column to distance: half the sum of the differences of all shares (0: same mix, 1: nothing in common).
    shares : tuple
        (column, values, by): the share of these values has grown by more than ``by``.
    """

    nights: int = 7
    at_least_nights: int = 3
    at_least_rows: int = 50
    rows_below: float = 0.5
    rows_above: float = 3.0
    mix: dict[str, float] = field(default_factory=dict)
    shares: tuple[tuple[str, tuple[str, ...], float], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns whose values are counted."""
        return tuple(dict.fromkeys([*self.mix, *(column for column, _, _ in self.shares)]))


def limits_of(suite: Suite) -> Limits | None:
    """Read ``meta.creditaudit.history`` of a suite; None where it has none.

    Raises
    ------
    UsageError
        An unknown word, a bound that is no number, or a column that is not a closed list of codes.
    """
    given = suite.ours.get("history")
    if given is None:
        return None
    try:
        shares = tuple((s["column"], tuple(s["values"]), float(s["by"])) for s in given.get("shares", []))
        limits = Limits(**{**given, "mix": dict(given.get("mix", {})), "shares": shares})
        numbers = [limits.rows_below, limits.rows_above, *limits.mix.values(), *(by for _, _, by in shares)]
        whole = [limits.nights, limits.at_least_nights, limits.at_least_rows]
        is_sound = all(isinstance(n, int | float) and n >= 0 for n in [*numbers, *whole])
        is_sound = is_sound and all(isinstance(n, int) for n in whole)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise suite.refused(f"meta.creditaudit.history cannot be read ({type(error).__name__}: {error})") from error
    if not is_sound:
        raise suite.refused("meta.creditaudit.history has a bound that is no number, or below 0")
    for column in limits.columns:
        if column not in _closed(suite.feed):
            why = f"meta.creditaudit.history: {column!r} is not one of {', '.join(_closed(suite.feed))}"
            raise suite.refused(f"{why}; the profile is sealed, so it may hold codes of closed lists alone")
    return limits


def _closed(feed: str) -> list[str]:
    spec = FEEDS[feed]
    codes = [c.name for c in spec.columns if c.kind is Kind.CODE]
    return [*codes, *(ID_COLUMNS[c][1] for c in spec.id_columns if ID_COLUMNS[c][1] not in PERSONAL)]


def profile(
    engine: Engine,
    suites: Mapping[str, Suite],
    *,
    parts: Mapping[str, Sequence[Path]],
    kinds: Mapping[str, str],
    night: date,
) -> pa.Table:
    """Count what a night accepted.

    Parameters
    ----------
    engine : Engine
    suites : mapping
        Feed to the suite in force.
    parts : mapping
        Feed to its accepted rows; feeds of which nothing was delivered are not named.
    kinds : mapping
        ``<feed>/<file>`` to full or delta.
    night : date

    Returns
    -------
    pyarrow.Table
        Schema ``PROFILE``, sorted by its columns.
    """
    tables = [PROFILE.empty_table()]
    for feed, paths in parts.items():
        limits = limits_of(suites[feed])
        if limits is None:
            continue
        full = [file for of, _, file in (n.partition("/") for n in sorted(kinds) if kinds[n] == "full") if of == feed]
        engine.scan("profiled", paths, FEEDS[feed].schema)
        found = _counted(engine, feed, limits.columns, full)
        engine.drop("profiled_codes", "profiled")
        dated = found.append_column("night", pa.repeat(pa.scalar(night, pa.date32()), found.num_rows))
        tables.append(dated.select(PROFILE.names).cast(PROFILE))
    whole = pa.concat_tables(tables)
    return whole.sort_by([(name, "ascending") for name in PROFILE.names]).combine_chunks()


def _counted(engine: Engine, feed: str, columns: Sequence[str], full: Sequence[str]) -> pa.Table:
    """Count the rows of ``profiled`` per provider, kind of file, measure and code."""
    has_provider = "provider_code" in FEEDS[feed].schema.names
    # Grouped by what was delivered first: the form of a code is then asked once per provider, not once per row.
    names = ", ".join([*(["provider_code"] if has_provider else []), "file", *columns])
    engine.table("profiled_codes", f"SELECT {names}, count(*) AS n FROM profiled GROUP BY {names}")
    code = "''"
    if has_provider:
        is_phone = f"regexp_matches(provider_code, {quoted(_PHONE)})"
        is_code = f"regexp_matches(provider_code, {quoted(_CODE)}) AND NOT {is_phone}"
        code = f"CASE WHEN {is_code} THEN provider_code ELSE {quoted(OTHER_FORM)} END"
    kind = f"CASE WHEN file IN ({', '.join(map(quoted, full))}) THEN 'full' ELSE 'delta' END" if full else "'delta'"
    measures = " UNION ALL ".join(
        f"SELECT {code} AS provider_code, {kind} AS kind, {quoted(column)} AS measure,"
        f" COALESCE({column or 'NULL'}, '') AS code, n FROM profiled_codes"
        for column in ("", *columns)
    )
    return engine.fetch(
        f"SELECT {quoted(feed)} AS feed, provider_code, kind, measure, code, CAST(sum(n) AS BIGINT) AS accepted"
        f" FROM ({measures}) AS m GROUP BY provider_code, kind, measure, code"
    )


def write_profile(path: Path, table: pa.Table) -> None:
    """Write a night's profile."""
    write_parquet(path, PROFILE, [table])


def compare(
    engine: Engine, suites: Mapping[str, Suite], tonight: pa.Table, before: Sequence[Path]
) -> dict[str, list[str]]:
    """Say where tonight is far from the last nights.

    Parameters
    ----------
    engine : Engine
    suites : mapping
        Feed to the suite in force.
    tonight : pyarrow.Table
        Schema ``PROFILE``.
    before : sequence of Path
        Profiles of the last sealed nights, in any order.

    Returns
    -------
    dict
        Feed to sentences, in a fixed order.
    """
    if not tonight.num_rows or not before:
        return {}
    engine.scan("profiles_before", before, PROFILE)
    # No more nights than are compared with: of 60 nights of many institutions that is little.
    asked = [limits_of(suites[feed]) for feed in sorted(set(tonight["feed"].to_pylist()))]
    most = max((max(one.nights, one.at_least_nights) for one in asked if one is not None), default=0)
    columns = ", ".join(PROFILE.names)
    known = engine.fetch(
        f"SELECT {columns} FROM (SELECT p.*, dense_rank() OVER (PARTITION BY feed, provider_code, kind"
        " ORDER BY night DESC) AS place FROM profiles_before AS p) AS placed"
        f" WHERE place <= {most} ORDER BY feed, provider_code, kind, night, measure, code"
    )
    engine.drop("profiles_before")
    said: dict[str, list[str]] = defaultdict(list)
    past, now = _Series.read(known), _Series.read(tonight)
    for (feed, provider, kind), nights in now.items():
        limits = limits_of(suites[feed])
        if limits is None:
            continue
        earlier = past.get((feed, provider, kind), {})
        last = [earlier[n] for n in sorted(earlier)[-limits.nights :]]
        if len(last) >= limits.at_least_nights:
            who = f"{provider or 'all rows'} ({kind})"
            said[feed] += [f"{feed}: {who}: {what}" for what in _far(limits, next(iter(nights.values())), last)]
    for feed, lines in _silent(suites, past, now).items():
        said[feed] += lines
    return dict(said)


@dataclass
class _Series:
    """One provider's delivery of one feed in one night."""

    rows: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    @classmethod
    def read(cls, table: pa.Table) -> dict[tuple[str, str, str], dict[date, _Series]]:
        """Return (feed, provider, kind) → night → delivery."""
        found: dict[tuple[str, str, str], dict[date, _Series]] = defaultdict(dict)
        for row in table.to_pylist():
            key = (row["feed"], row["provider_code"], row["kind"])
            series = found[key].setdefault(row["night"], cls())
            if row["measure"]:
                series.counts[row["measure"]][row["code"]] = row["accepted"]
            else:
                series.rows = row["accepted"]
        return found

    def share(self, column: str, values: tuple[str, ...]) -> Fraction:
        """Return the share of some values among all rows."""
        return Fraction(sum(self.counts[column].get(value, 0) for value in values), self.rows)


def _exact(bound: float) -> Fraction:
    """Return a bound by its decimal digits: 0.2 as a binary fraction lies a little off, where a share can lie."""
    return Fraction(str(bound))


def _far(limits: Limits, now: _Series, last: list[_Series]) -> list[str]:
    said = []
    usual = median(s.rows for s in last)
    if usual >= limits.at_least_rows and now.rows < _exact(limits.rows_below) * Fraction(usual):
        said.append(f"{now.rows} rows, fewer than {limits.rows_below:g} of the usual {usual:g}")
    if now.rows >= limits.at_least_rows and now.rows > _exact(limits.rows_above) * Fraction(usual):
        said.append(f"{now.rows} rows, more than {limits.rows_above:g} times the usual {usual:g}")
    together = _together(last)
    if min(now.rows, together.rows) < limits.at_least_rows:
        return said
    counted = set(now.counts).intersection(*(s.counts for s in last))  # an older suite may have counted less
    for column, most in limits.mix.items():
        if column not in counted:
            continue
        values = sorted({*now.counts[column], *together.counts[column]})
        moved = {v: now.share(column, (v,)) - together.share(column, (v,)) for v in values}
        distance = Fraction(sum(map(abs, moved.values()))) / 2
        if distance > _exact(most):
            value = max(values, key=lambda v: abs(moved[v]))
            before = together.share(column, (value,))
            said.append(
                f"the mix of {column} has moved by {float(distance):.2f}, most of all {value or 'missing'}:"
                f" {float(before):.1%} before, {float(before + moved[value]):.1%} now"
            )
    for column, chosen, by in limits.shares:
        if column not in counted:
            continue
        before, after = together.share(column, chosen), now.share(column, chosen)
        if after - before > _exact(by):
            said.append(f"{column} {' or '.join(chosen)}: {float(before):.1%} before, {float(after):.1%} now")
    return said


def _together(last: list[_Series]) -> _Series:
    whole = _Series(sum(s.rows for s in last))
    for series in last:
        for column, counts in series.counts.items():
            for value, rows in counts.items():
                whole.counts[column][value] = whole.counts[column].get(value, 0) + rows
    return whole


def _silent(
    suites: Mapping[str, Suite],
    past: dict[tuple[str, str, str], dict[date, _Series]],
    now: dict[tuple[str, str, str], dict[date, _Series]],
) -> dict[str, list[str]]:
    """Name the providers that delivered every one of the last nights, and nothing tonight, of feeds that did come."""
    here = {(feed, provider) for feed, provider, _ in now}
    rows: dict[tuple[str, str], dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for (feed, provider, _), nights in past.items():
        for night, series in nights.items():
            rows[feed, provider][night] += series.rows
    said: dict[str, list[str]] = defaultdict(list)
    for feed in sorted({feed for feed, _ in here}):
        limits = limits_of(suites[feed])
        recent = sorted({n for (f, _), nights in rows.items() if f == feed for n in nights})
        if limits is None or len(recent) < limits.at_least_nights:
            continue
        recent = recent[-limits.nights :]
        for (of, provider), per_night in sorted(rows.items()):
            steady = of == feed and all(n in per_night for n in recent)
            if steady and (feed, provider) not in here:
                usual = median(per_night[n] for n in recent)
                if usual >= limits.at_least_rows:
                    said[feed].append(f"{feed}: {provider}: nothing tonight; usual are {usual:g} rows")
    return said
