"""Elements, flip sets and the documents to ask for (SPEC 7.3, last sentence)."""

from __future__ import annotations

from itertools import combinations as subsets
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.errors import UsageError
from creditaudit.fault.asking import ask_for
from creditaudit.fault.documents import read_documents, shipped_documents
from creditaudit.fault.elements import ELEMENTS, EXCEPTION, MISSING, PROVEN, REFUTED, combination_of, elements
from creditaudit.fault.flips import changed, changes, fault_of, flip_sets
from creditaudit.fault.grid import Combination, can_be, combinations
from unit.fault.lane import HERE, duty, finding, log, notice
from unit.kit import day_number

if TYPE_CHECKING:
    from unit.fault.lane import Lane, Row

EVERY = [c for c in combinations() if can_be(c)]
WHOLE = Combination("R101", "violation", "yes", "could_have_known", "in_force", "missing")


def flips(*cells: str) -> set[frozenset[str]]:
    """Return flip sets as sets of ``element=value``."""
    return {frozenset(f"{n}={v}" for n, v in one) for one in flip_sets(Combination(*cells))}


def test_every_set_flips_and_no_part_of_one_does() -> None:
    """Exhaustive: every combination that can be."""
    for combination in EVERY:
        now = fault_of(combination)
        for one in flip_sets(combination):
            assert fault_of(changed(combination, dict(one))) != now
            for size in range(len(one)):
                for part in subsets(sorted(one), size):
                    assert fault_of(changed(combination, dict(part))) == now, (combination, one, part)


def test_no_set_is_forgotten() -> None:
    """Exhaustive for sets of up to three facts: one that flips holds a flip set."""
    for combination in EVERY[::17]:
        now, found = fault_of(combination), flip_sets(combination)
        facts = [(name, value) for name, values in changes(combination).items() for value in values]
        for size in (1, 2, 3):
            for chosen in subsets(facts, size):
                if len(dict(chosen)) == size and fault_of(changed(combination, dict(chosen))) != now:
                    assert any(one <= set(chosen) for one in found), (combination, chosen)


def test_the_sets_of_a_fault_that_is_indicated() -> None:
    assert flips("R101", "violation", "yes", "could_have_known", "in_force", "missing") == {
        frozenset({"duty=not_in_force"}),
        frozenset({"knowable=could_not_have_known"}),
        frozenset({"performed=passed"}),
        frozenset({"performed=warned", "exception=proven"}),
    }


def test_the_sets_of_a_warning() -> None:
    assert frozenset({"exception=proven"}) in flips("R101", "violation", "no", "knew", "unknown", "warned")
    assert frozenset({"exception=refuted"}) in flips("R101", "violation", "no", "knew", "unknown", "excepted")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("R105", "violation", "no", "undecidable", "unknown", "unknown"), set()),
        (("R201", "lead", "no", "not_applicable", "unknown", "unknown"), set()),
        (("R202", "violation", "yes", "not_applicable", "unknown", "unknown"), set()),
        (("R202", "violation", "no", "not_applicable", "unknown", "unknown"), {frozenset({"covered=yes"})}),
        (
            ("R108", "violation", "no", "not_applicable", "unknown", "unknown"),
            {frozenset({"duty=in_force"}), frozenset({"duty=not_in_force"})},
        ),
        (
            ("R107", "violation", "no", "undecidable", "in_force", "unknown"),
            {frozenset({"duty=not_in_force"}), frozenset({"performed=warned"})},
        ),
    ],
)
def test_rules_that_ask_about_less_have_fewer_sets(cells: tuple[str, ...], expected: set[frozenset[str]]) -> None:
    assert flips(*cells) == expected


def test_which_card_was_shown_can_decide_an_r102() -> None:
    found = flips("R102", "violation", "yes", "could_have_known", "in_force", "missing")
    assert frozenset({"card=same"}) in found
    assert not any("card=same" in one for one in flips(*(getattr(WHOLE, n) for n in WHOLE.__slots__)))


# --- elements ------------------------------------------------------------------------------------------------------


def by_name(row: Row) -> dict[str, Any]:
    return {e.name: e for e in elements(row)}


def test_every_finding_lists_the_four_elements_with_their_rows(lane: Lane) -> None:
    """SPEC 7.3: element by element, with the source row."""
    checks = [{**HERE, "card_check_id": "C7", "card_check_result": "valid"}]
    found = by_name(lane.one(last_checks=checks))
    assert list(found)[:4] == ["duty", "knowable", "performed", "exception"]
    assert [found[n].status for n in ("duty", "knowable", "performed")] == [PROVEN] * 3
    assert found["duty"].source == {"duty_id": "D1", "duty_source": "doc D1"}
    assert found["performed"].source == {"card_check_id": "C7"}
    source = found["knowable"].source
    assert (source["notice_source"], source["notice_id"], source["visible_basis"]) == (
        "loss_reports",
        "L1",
        "visible_at",
    )
    assert source["visible_to"] > source["visible_from"]


@pytest.mark.parametrize(
    ("tables", "element", "status"),
    [
        ({"duties": [duty(status="not_in_force")]}, "duty", REFUTED),
        ({"duties": []}, "duty", MISSING),
        ({"notices": [notice("2024-03-15")]}, "knowable", MISSING),
        ({"notices": [notice("2024-03-16")]}, "knowable", REFUTED),
        ({"raw_findings": [finding("R108")]}, "knowable", "not_applicable"),
        ({}, "performed", MISSING),
        ({"standing_full_deliveries": [log()]}, "performed", REFUTED),
        ({"last_checks": [{**HERE, "card_check_id": "C", "card_check_result": "error"}]}, "performed", REFUTED),
        ({"last_checks": [{**HERE, "card_check_id": "C", "card_check_result": "invalid"}]}, "performed", PROVEN),
        ({"raw_findings": [finding(verdict="undecidable")]}, "verdict", MISSING),
        ({}, "verdict", PROVEN),
        ({"raw_findings": [finding("R102")]}, "card", MISSING),
    ],
)
def test_an_element_is_proven_refuted_or_missing(lane: Lane, tables: Row, element: str, status: str) -> None:
    assert by_name(lane.one(**tables))[element].status == status


FOLLOWED = day_number("2024-03-20")


@pytest.mark.parametrize(
    ("openings", "excepted", "state"),
    [
        ([], False, "no_opening"),
        ([HERE], False, "not_claimed"),
        ([{**HERE, "exception_code": "urgent_need"}], False, "follow_up_not_recorded"),
        (
            [{**HERE, "exception_code": "urgent_need", "exception_followed_up_on": FOLLOWED}],
            False,
            "not_followed_up_in_time",
        ),
        (
            [{**HERE, "exception_code": "urgent_need", "exception_followed_up_on": FOLLOWED}],
            True,
            "followed_up_in_time",
        ),
    ],
)
def test_the_exception_is_what_the_opening_says(lane: Lane, openings: list[Row], excepted: bool, state: str) -> None:
    checks = [{**HERE, "card_check_id": "C", "card_check_result": "invalid", "is_excepted": excepted}]
    found = by_name(lane.one(judged_openings=openings, last_checks=checks))["exception"]
    assert (found.value, found.status) == (state, EXCEPTION[state])
    if openings and "exception_followed_up_on" in openings[0]:
        assert found.source == {"exception_code": "urgent_need", "exception_followed_up_on": FOLLOWED}


# --- documents -----------------------------------------------------------------------------------------------------


def asked(lane: Lane, **tables: Any) -> list[str]:
    return [document.document_id for document in ask_for(lane.one(**tables))]


def test_every_document_has_both_names_a_source_and_settles_something_known() -> None:
    """Nothing invented: each names where it is known from."""
    for document in shipped_documents().listed:
        assert document.zh
        assert document.en
        assert "." in document.source
        assert {s.partition(":")[0] for s in document.settles} <= set(ELEMENTS)


def test_the_shortest_list_for_what_is_missing(lane: Lane) -> None:
    assert asked(lane) == ["check_log"]
    assert asked(lane, notices=[notice("2024-03-15")]) == ["check_log", "loss_receipt"]
    assert asked(lane, raw_findings=[finding(verdict="undecidable")]) == ["check_log", "application_form"]
    assert asked(lane, raw_findings=[finding("R102")]) == ["check_log", "id_copy"]
    # one receipt settles both when the report was and whether it could be seen
    undecided = {"raw_findings": [finding(verdict="undecidable")], "notices": [notice("2024-03-15")]}
    assert asked(lane, **undecided) == ["check_log", "loss_receipt"]


def test_nothing_is_asked_for_that_would_change_nothing(lane: Lane) -> None:
    assert asked(lane, standing_full_deliveries=[log()]) == []
    assert asked(lane, raw_findings=[finding("R105")]) == []
    assert asked(lane, raw_findings=[finding("R108")], duties=[]) == []
    unknown_notice = {"duties": [duty(status="not_in_force")], "notices": [notice("2024-03-15")]}
    assert asked(lane, **unknown_notice) == ["check_log"]


def test_a_warning_is_asked_about_its_exception_where_that_is_missing(lane: Lane) -> None:
    warned = [{**HERE, "card_check_id": "C", "card_check_result": "invalid"}]
    assert asked(lane, last_checks=warned) == []
    claimed = [{**HERE, "exception_code": "urgent_need"}]
    assert asked(lane, last_checks=warned, judged_openings=claimed) == ["new_card_record"]


@pytest.mark.parametrize(("kind", "document"), [("face_match", "face_log"), ("fingerprint_match", "video_audio")])
def test_a_failed_person_check_is_asked_about_by_its_kind(lane: Lane, kind: str, document: str) -> None:
    checks = [{**HERE, "person_check_kind": kind, "person_check_id": "P"}]
    assert asked(lane, raw_findings=[finding("R202")], last_checks=checks) == [document]


def test_what_is_asked_for_is_missing_and_in_a_flip_set(lane: Lane) -> None:
    """Over everything that can be: each document settles a missing element that could change the fault."""
    base = lane.one()
    for combination in EVERY:
        for exception in EXCEPTION:
            row = {
                **base,
                "rule_id": combination.finding,
                "covered": combination.covered == "yes",
                **{n: getattr(combination, n) for n in ("verdict", "knowable", "duty", "performed")},
                "exception": exception,
            }
            assert combination_of(row) == combination
            missing = {e.name for e in elements(row) if e.status == MISSING}
            useful = set().union(*({n for n, _ in s} for s in flip_sets(combination) if {n for n, _ in s} <= missing))
            documents = ask_for(row)
            settled = [{e for e in useful if d.can_settle(e, "invalid_card_check")} for d in documents]
            assert all(settled)
            able = {e for e in useful for d in shipped_documents().listed if d.can_settle(e, "invalid_card_check")}
            assert set().union(*settled) == able
            for place in range(len(settled)):  # none could be left out
                assert set().union(*settled[:place], *settled[place + 1 :]) != able


HEADER = "document_id,zh,en,settles,source\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1"),
        (HEADER + "a,b,c,duty\n", "line 2"),
        (HEADER + "a,,c,duty,s\n", "line 2, column zh"),
        (HEADER + "a,b,c,duty,\n", "line 2, column source"),
        (HEADER + "a,b,c,guilt,s\n", "line 2, column settles"),
        (HEADER + "a,b,c,duty,s\na,b,c,duty,s\n", "line 3, column document_id"),
        (HEADER + "a;b,b,c,duty,s\n", "line 2, column document_id"),
    ],
)
def test_a_table_of_documents_that_cannot_be_used_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_documents(text)
    assert f"fault/documents.csv, {said}" in str(refused.value)
