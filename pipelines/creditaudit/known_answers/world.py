"""A world of known-answer persons alone: their rows typed as the night's profiles say, judged as the night judges."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from creditaudit.audit.judgment import judge_night
from creditaudit.book.reference import read
from creditaudit.book.state import CHECK_GAPS, FULL_DELIVERIES, OPENING_CHANGES, TABLES
from creditaudit.cases.strength import strengths
from creditaudit.errors import UnjudgedFileError
from creditaudit.fault.decide import decide
from creditaudit.feeds import FEEDS
from creditaudit.intake.block_typing import BlockTyper
from creditaudit.intake.blocks import wanted_columns
from creditaudit.intake.faults import RESERVED_AREA
from creditaudit.intake.landing import DeliveredFile
from creditaudit.intake.parts import typed_table
from creditaudit.intake.readmission import block_of
from creditaudit.known_answers.declared import AREA, RESERVED, Terms, meant_rows, persons, provider
from creditaudit.known_answers.rendered import OWN_COLUMN, UnsayableError, columns_of, rendered, usual_type
from creditaudit.known_answers.reported import REPORT_PROFILE, refuse_unsayable, reports_of
from creditaudit.tables import FINDINGS_ORDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from creditaudit.audit.rulebook import Rule
    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine
    from creditaudit.feeds import TableSpec
    from creditaudit.intake.blocks import RowBlock
    from creditaudit.intake.profile import Profile
    from creditaudit.known_answers.declared import Meant, Person

# How far back the full files of the world reach, in days: verifications of A, and issuances of everybody.
_CHECKS_COVERED, _ISSUANCES_COVERED = 5_000, 500
# The duties of the world's institutions, in more fields than a row for everybody can state of their accounts.
_DUTIES: Final = (
    *((kind, "A", "in_force") for kind in ("invalid_card_check", "in_person", "network_check", "face_match")),
    *((kind, "B", "not_in_force") for kind in ("invalid_card_check", "in_person", "network_check", "face_match")),
)
_KIND: Final = "known_answer"
_SINCE: Final = 6_000

Cell = tuple[str, int]  # a person's name, and the number of the set


@dataclass
class Said:
    """Who is asked in the words of which profiles, and what of it was lost before anything was judged.

    Parameters
    ----------
    asked : list of (Person, int)
        Persons and the number of their set.
    profiles : dict of int to str
        Set to the names of its profiles.
    lost : list of (Person, int, str)
        Rows that typing did not take, and why.
    """

    asked: list[tuple[Person, int]] = field(default_factory=list)
    profiles: dict[int, str] = field(default_factory=dict)
    lost: list[tuple[Person, int, str]] = field(default_factory=list)


def profile_sets(in_use: Mapping[str, Sequence[Profile]]) -> list[dict[str, Profile]]:
    """Return sets of one profile per feed, so that each profile of each feed is in one of them at least.

    Parameters
    ----------
    in_use : mapping
        Feed to its profiles; every feed has one.
    """
    count = max(len(profiles) for profiles in in_use.values())
    return [{feed: profiles[turn % len(profiles)] for feed, profiles in in_use.items()} for turn in range(count)]


def deliver(engine: Engine, sets: Sequence[Mapping[str, Profile]], night: date, rules: Sequence[Rule]) -> Said:
    """Make the ``standing_`` tables that a judgment reads.

    They have the rows of every person in the words of every set of profiles that has words for all of them.
    """
    params = {(rule.rule_id, param.name): (param.value, param.unit) for rule in rules for param in rule.params}
    said = Said()
    typed: dict[str, list[pa.Table]] = {feed: [] for feed in FEEDS}
    for number, profiles in enumerate(sets, start=1):
        terms = Terms(number, night, params, usual_type(profiles["accounts"]))
        said.profiles[number] = ", ".join(sorted({profile.name for profile in profiles.values()}))
        rows: dict[str, list[_Row]] = {feed: [] for feed in FEEDS}
        for person in persons():
            try:
                own = list(_rows_of(person, meant_rows(person, terms), profiles))
            except UnsayableError:
                continue
            said.asked.append((person, number))
            for row in own:
                rows[row.feed].append(row)
        for feed, of_feed in rows.items():
            if of_feed:
                typed[feed] += _typed(FEEDS[feed], profiles[feed], of_feed, terms, said)
    for table in (*FEEDS, OPENING_CHANGES.name, CHECK_GAPS.name):
        made = pa.concat_tables(typed[table]) if typed.get(table) else TABLES[table].schema.empty_table()
        engine.load(f"standing_{table}", made.combine_chunks())
    engine.load("standing_full_deliveries", _full_deliveries(len(sets), night))
    return said


@dataclass(frozen=True)
class _Row:
    person: Person
    feed: str
    provider_code: str | None
    cells: list[str]


def _rows_of(
    person: Person, meant: Mapping[str, list[dict[str, Meant]]], profiles: Mapping[str, Profile]
) -> Iterator[_Row]:
    for feed, rows in meant.items():
        for turn, row in enumerate(rows):
            if profiles[feed] is REPORT_PROFILE:
                refuse_unsayable(feed, row)
            cells = rendered(FEEDS[feed], profiles[feed], row, person.number + turn)
            own = row.get(OWN_COLUMN)
            yield _Row(person, feed, own if isinstance(own, str) else None, cells)


def _typed(spec: TableSpec, profile: Profile, rows: Sequence[_Row], terms: Terms, said: Said) -> Iterator[pa.Table]:
    """Type the rows of one feed and set by the code that types delivered ones; yields a table for each file."""
    file = DeliveredFile(spec.name, f"{RESERVED}{terms.group:02d}", Path(RESERVED), profile=profile)

    def lose(row: _Row, why: str) -> None:
        said.lost.append((row.person, terms.group, why))

    try:
        wanted, _ = wanted_columns(spec, columns_of(spec, profile), profile)
    except UnjudgedFileError as error:
        for row in rows:
            lose(row, f"{spec.name}: {error.reason}")
        return
    cells = [[row.cells[place] for place in wanted.values()] for row in rows]
    if profile is not REPORT_PROFILE:
        lines = np.arange(2, len(rows) + 2, dtype=np.int64)
        yield _typed_block(file, terms, rows, block_of(list(wanted), cells, first_row=1, lines=lines), lose)
        return
    named = [dict(zip(wanted, one, strict=True)) for one in cells]
    for places, block in reports_of(spec, named):
        yield _typed_block(file, terms, [rows[place] for place in places], block, lose)


def _typed_block(
    file: DeliveredFile, terms: Terms, rows: Sequence[_Row], block: RowBlock, lose: Callable[[_Row, str], None]
) -> pa.Table:
    spec = FEEDS[file.feed]
    found = BlockTyper(file, terms.night).typed(block)
    if OWN_COLUMN in found.columns:
        found.columns[OWN_COLUMN] = pa.array([row.provider_code for row in rows], pa.string())
    reserved = found.faults.forgive(f"{RESERVED_AREA}:id_number")
    reasons = found.faults.reasons()
    statuses = found.columns["id_status"].to_pylist() if "id_status" in found.columns else [None] * len(rows)
    for row, is_reserved, why, lost, status in zip(
        rows, reserved.tolist(), reasons.to_pylist(), found.faults.quarantined.tolist(), statuses, strict=True
    ):
        if lost or why is not None:
            lose(row, f"{spec.name}: {why}")
        if status is not None and status != "bad_form" and not is_reserved:  # nothing tells the area of a bad form
            lose(row, f"{spec.name}: a delivered row of the area {AREA} would be accepted")
    return typed_table(file, terms.night, block, found, reasons)


def _full_deliveries(sets: int, night: date) -> pa.Table:
    """Say what the world's full files cover: what a control file says of a delivered one (SPEC 6.1, 7.3)."""

    def row(feed: str, owner: str | None, days: int) -> dict[str, Any]:
        return {
            **{"night": night, "feed": feed, "file": f"{RESERVED}{feed}{owner}", "provider_code": owner},
            **{"all_regions": True, "all_business": True, "delivered": 1},
            **{"covers_from": night - timedelta(days=days), "covers_to": night},
        }

    rows = [row("verifications", provider(number, "A"), _CHECKS_COVERED) for number in range(1, sets + 1)]
    rows.append(row("issuances", None, _ISSUANCES_COVERED))
    return pa.Table.from_pylist(rows, schema=FULL_DELIVERIES.schema)


def load_reference(engine: Engine, sets: int, night: date, reference: Path) -> None:
    """Load the night's institutions and duties with those of the world behind them (SPEC 11)."""
    numbers = range(1, sets + 1)
    own_institutions: list[dict[str, Any]] = [
        {
            **{"provider_code": provider(n, letter), "kind": _KIND, "region_code": AREA},
            "parent_code": provider(n, "A") if letter == "C" else None,
        }
        for n in numbers
        for letter in "ABC"
    ]
    own_duties: list[dict[str, Any]] = [
        {
            **{"duty_id": f"{provider(n, letter)}-{check}", "check_kind": check, "provider_code": provider(n, letter)},
            **{"institution_kind": _KIND, "region_code": AREA, "status": status, "source": RESERVED},
            "in_force_from": night - timedelta(days=_SINCE),
        }
        for n in numbers
        for check, letter, status in _DUTIES
    ]
    for name, own in (("institutions", own_institutions), ("duties", own_duties)):
        table = read(reference, name)
        numbered = [{**row, "row": table.num_rows + place} for place, row in enumerate(own, start=1)]
        engine.load(name, pa.concat_tables([table, pa.Table.from_pylist(numbered, schema=table.schema)]))


def judge_world(engine: Engine, rules: Sequence[Rule], night: date, keys: Keyring) -> dict[tuple[int, int], list[str]]:
    """Judge the world as the night judges everyone; returns (person, set) to what was found, as it is declared."""
    judge_night(engine, rules, night, keys)
    decide(engine, night, strengths())
    key = ("provider_code", "subject", "rule_id", "notice_source", "notice_id")
    faults = {
        tuple(row[name] for name in key): f" | {row['knowable']} {row['duty']} {row['performed']} {row['fault']}"
        for row in engine.fetch("SELECT * FROM finding_faults").to_pylist()
    }
    found: dict[tuple[int, int], list[str]] = {}
    columns = ", ".join(FINDINGS_ORDER)
    for row in engine.fetch(f"SELECT * FROM findings ORDER BY {columns}").to_pylist():
        kind, _, code = row["subject"].partition(":")
        where = _where(row["provider_code"], code, kind)
        said = [_short(row["rule_id"]), row["verdict"]]
        if row["notice_id"] is not None or row["relation"] is not None:
            said += [row["relation"] or "-", _short(row["notice_id"]) if row["notice_id"] else "-"]
        else:
            said += ["-", "-"]
        fault = faults.get(tuple(row[name] for name in key), "")
        found.setdefault(_owner(code), []).append(f"{where} {' '.join(said)}{fault}")
    for row in engine.fetch("SELECT * FROM clearances").to_pylist():
        where = _where(row["provider_code"], row["account_code"], "account")
        told = f"{where} clear {_short(row['notice_id'])} {row['reason']}"
        found.setdefault(_owner(row["account_code"]), []).append(told)
    return found


_OWNED: Final = re.compile(r"KA(\d\d)(\d{3})(\w+)", re.ASCII)


def _owner(code: str) -> tuple[int, int]:
    """Return whose code it is: person and set."""
    found = _OWNED.fullmatch(code)
    return (int(found[2]), int(found[1])) if found else (0, 0)


def _short(code: str) -> str:
    found = _OWNED.fullmatch(code)
    return found[3] if found else code


def _where(provider_code: str, code: str, kind: str) -> str:
    letter = provider_code[-1]
    own = "" if letter == "A" else f"{letter}/"
    return f"{kind}:{own}{_short(code)}" if kind != "account" else f"{own}{_short(code)}"
