"""Which finding names a case: the whole order of SPEC 6, end, and what follows from it."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditaudit.cases.strength import strengths
from reference.cases import STRENGTH, cases_of
from reference.expected import combinations as possible
from reference.fault import FAULT_RULES, OUTSIDE, Decided

CLASSES = ("violation", "undecidable", "lead")
SERIOUS = ("fault_indicated", "needs_evidence", "fault_unproven", "no_fault_indicated")
PLACES = {(row["rule_id"], row["verdict"]): row["place"] for row in strengths().to_pylist()}


def test_every_violation_is_stronger_than_every_undecidable_and_these_than_every_lead() -> None:
    """SPEC 6: "Every violation is stronger than every undecidable, every undecidable than every lead"."""
    for stronger, weaker in pairwise(CLASSES):
        last = max(place for (_, verdict), place in PLACES.items() if verdict == stronger)
        first = min(place for (_, verdict), place in PLACES.items() if verdict == weaker)
        assert last < first, (stronger, weaker)


@pytest.mark.parametrize(
    ("verdict", "order"),
    [
        ("violation", "R101 > R107 > R102 > R203 > R201 > R202 > R204 > R104 > R108 > R105"),
        ("undecidable", "R101 > R107 > R102 > R203 > R201 > R202 > R204 > R104 > R108 > R105"),
        ("lead", "R102 > R201 > R109 > R402 > R107 > R401 > R302 > R301 > R105 > R106 > R103"),
    ],
)
def test_the_order_within_a_verdict(verdict: str, order: str) -> None:
    """SPEC 6, word for word."""
    ours = sorted((place, rule) for (rule, of), place in PLACES.items() if of == verdict)
    assert " > ".join(rule for _, rule in ours) == order


def test_the_order_is_total_and_knows_every_finding() -> None:
    """No tie, and no finding that a rule can give without a place; the reference orders alike."""
    assert len(set(PLACES.values())) == len(PLACES) == strengths().num_rows
    assert {(rule, verdict) for rule, verdict, _ in possible()} <= set(PLACES)
    assert sorted(PLACES, key=PLACES.__getitem__) == STRENGTH


def _finding(rule: str, verdict: str, notice: int | None) -> dict[str, object]:
    return {
        "provider_code": "B01",
        "account_code": "A1",
        "subject": "account:A1",
        "rule_id": rule,
        "verdict": verdict,
        "notice_source": None if notice is None else "loss_reports",
        "notice_id": None if notice is None else f"L{notice}",
    }


@st.composite
def _cases(draw: st.DrawFn) -> list[tuple[dict[str, object], Decided]]:
    """Draw the findings of one account, each of its own rule and notice, and what the lane says of each."""
    drawn = draw(st.lists(st.tuples(st.sampled_from(STRENGTH), st.integers(1, 3)), min_size=1, max_size=8))
    found = {}
    for (rule, verdict), notice in drawn:
        fault = draw(st.sampled_from(SERIOUS))
        decided = (
            Decided(f"known {rule}{notice}", "unknown", None, "unknown", fault) if rule in FAULT_RULES else OUTSIDE
        )
        found[rule, notice] = (_finding(rule, verdict, notice), decided)
    return list(found.values())


@given(_cases(), st.randoms(use_true_random=False))
def test_a_case_is_named_by_its_strongest_and_decided_by_its_most_serious(
    found: list[tuple[dict[str, object], Decided]], mixed: object
) -> None:
    """SPEC 6 and 7, of the reference that parity compares with; the order of the findings says nothing."""
    faults = {(f["provider_code"], f["subject"], f["rule_id"], f["notice_source"], f["notice_id"]): d for f, d in found}
    findings = [finding for finding, _ in found]
    [case] = cases_of(findings, faults)
    mixed.shuffle(findings)  # type: ignore[attr-defined]
    assert cases_of(findings, faults) == [case]
    strongest = min(PLACES[str(f["rule_id"]), str(f["verdict"])] for f in findings)
    assert PLACES[case["tier"], case["verdict"]] == strongest
    lane = [(SERIOUS.index(d.fault), f, d) for f, d in found if d != OUTSIDE]
    if not lane:
        assert case["fault"] == case["knowable"] == "not_applicable"
        return
    worst = min(place for place, _, _ in lane)
    assert case["fault"] == SERIOUS[worst]
    deciding = [
        (PLACES[str(f["rule_id"]), str(f["verdict"])], str(f["notice_id"]), d) for place, f, d in lane if place == worst
    ]
    assert case["knowable"] == min(deciding)[2].knowable


def test_a_case_with_one_more_finding_is_never_named_by_a_weaker_one() -> None:
    """For each two findings that an account can have, the stronger names the case."""
    for one, other in combinations(STRENGTH, 2):
        if one[0] == other[0]:
            continue
        findings = [_finding(*other, None), _finding(*one, None)]
        faults = {("B01", "account:A1", rule, None, None): OUTSIDE for rule, _ in (one, other)}
        assert [(case["tier"], case["verdict"]) for case in cases_of(findings, faults)] == [one]
