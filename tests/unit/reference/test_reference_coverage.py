"""The fixed deliveries hold what parity is to compare: a comparison of what never occurs proves nothing."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from reference import ReferenceBook
from reference.edges import EDGES, Edge, edges_met
from reference.expected import (
    CLEARANCES,
    DUTY,
    FAULT,
    GRID_ROWS,
    KNOWABLE,
    PERFORMED,
    ROW_CODES,
    combinations,
)
from reference.fault import Decided
from reference.hostile import FIXED_SEEDS, NIGHTS, PERSONS, write_delivery
from reference.traits import TRAITS, files_met, traits_met

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path


class Seen(NamedTuple):
    """What the nights of the fixed seeds hold."""

    findings: list[dict[str, Any]]
    nights: list[tuple[int, date]]  # seed and night of each finding
    faults: list[Decided]
    cases: list[dict[str, Any]]
    clearances: set[str]
    codes: set[str]
    edges: set[Edge]
    traits: set[str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    found = Seen([], [], [], [], set(), set(), set(), set())
    for seed in FIXED_SEEDS:
        _judge(tmp_path_factory.mktemp(f"seed{seed}"), seed, found)
    return found


def _judge(root: Path, seed: int, found: Seen) -> None:
    days = write_delivery(root, seed, PERSONS, NIGHTS)
    book = ReferenceBook(root / "reference")
    for day in days:
        result = book.night(day, root / "landing")
        assert result.exit_code == 5 if day == days[-1] else result.exit_code in {0, 5}
        found.findings.extend(result.findings)
        found.nights.extend((seed, day) for _ in result.findings)
        found.faults.extend(result.faults.values())
        found.cases.extend(result.cases())
        found.clearances.update(one["reason"] for one in result.clearances)
        found.edges.update(edges_met(book, day))
        found.traits.update(traits_met(book, day))
        found.traits.update(files_met([(file.control, [row.reasons for row in file.rows]) for file in result.full]))
        for row in result.rows:
            found.codes.update(code.partition(":")[0] for code in row["reasons"].split(";"))
            found.codes.update(f"dropped {code.partition(':')[0]}" for code in row["dropped"].split(";"))


def test_every_rule_verdict_and_relation_occurs(seen: Seen) -> None:
    """SPEC 5, 6: all relations, all rules, each verdict that a rule can give."""
    found = {(one["rule_id"], one["verdict"], one["relation"]) for one in seen.findings}
    assert sorted(combinations() - found, key=str) == []
    assert sorted(found - combinations(), key=str) == []
    assert seen.clearances == CLEARANCES


def test_every_reason_occurs(seen: Seen) -> None:
    """SPEC 3.4, tier 2."""
    assert sorted(ROW_CODES - seen.codes) == []


def test_every_row_of_the_grid_decides_a_finding(seen: Seen) -> None:
    """SPEC 7.3: the first row that matches, each of the seventeen at least once."""
    assert {one.grid_row for one in seen.faults} == {0, *GRID_ROWS}


def test_every_answer_of_the_fault_lane_occurs(seen: Seen) -> None:
    """SPEC 7: the values of the four columns, per finding and per case; duty_source with and without a source."""
    for found in (seen.faults, [Decided(*(case[name] for name in Decided._fields[:5])) for case in seen.cases]):
        assert {one.knowable for one in found} == KNOWABLE
        assert {one.duty for one in found} == DUTY
        assert {one.performed for one in found} == PERFORMED
        assert {one.fault for one in found} == FAULT
        assert {(one.duty, one.duty_source is None) for one in found} >= {
            ("unknown", True),  # no row, or a row without a source
            ("unknown", False),  # a row beyond what documents it
            ("in_force", False),
            ("not_in_force", False),
        }


def test_a_case_names_another_finding_than_its_fault(seen: Seen) -> None:
    """SPEC 6 and 7: the strongest finding gives the tier, the most serious one the fault; they are not always one."""
    assert any(case["tier"] == "R203" and case["fault"] == "fault_indicated" for case in seen.cases)


def test_verdicts_compete_for_the_name_of_a_case(seen: Seen) -> None:
    """SPEC 6, end: a weak rule's violation beside a strong rule's undecidable, and that beside a strong lead."""
    verdicts: dict[tuple[Any, ...], set[tuple[str, str]]] = {}
    for number, one in enumerate(seen.findings):
        key = (seen.nights[number], one["provider_code"], one["subject"])
        verdicts.setdefault(key, set()).add((one["rule_id"], one["verdict"]))
    together = {pair for found in verdicts.values() for pair in permutations(found, 2)}
    assert (("R108", "violation"), ("R101", "undecidable")) in together
    assert (("R105", "violation"), ("R102", "undecidable")) in together
    assert (("R104", "undecidable"), ("R109", "lead")) in together
    assert (("R204", "undecidable"), ("R302", "lead")) in together


@pytest.mark.parametrize("name", EDGES)
def test_both_sides_of_a_boundary_occur(seen: Seen, name: str) -> None:
    """Each boundary of SPEC 4 to 7 is met exactly, and missed by one second or day."""
    assert {distance for edge, distance in seen.edges if edge == name} == set(EDGES[name])


def test_every_named_circumstance_occurs(seen: Seen) -> None:
    """SPEC 3.1, 4, 6.2, 7.2, 7.3: what checks, scopes, holes, duties, groups, links and handlers can be like."""
    assert sorted(TRAITS - seen.traits) == []
    assert sorted(seen.traits - TRAITS) == []
