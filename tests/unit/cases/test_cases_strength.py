"""Which finding names a case (SPEC 6, last paragraph)."""

from __future__ import annotations

from creditaudit.audit.rulebook import load_rules
from creditaudit.cases.strength import strengths

PROVEN = "R101 > R107 > R102 > R203 > R201 > R202 > R204 > R104 > R108 > R105"
LEADS = "R102 > R201 > R109 > R402 > R107 > R401 > R302 > R301 > R105 > R106 > R103"


def test_the_order_is_that_of_the_page() -> None:
    rows = strengths().to_pylist()
    assert [r["place"] for r in rows] == list(range(1, len(rows) + 1))
    expected = [(rule, verdict) for verdict in ("violation", "undecidable") for rule in PROVEN.split(" > ")]
    expected += [(rule, "lead") for rule in LEADS.split(" > ")]
    assert [(r["rule_id"], r["verdict"]) for r in rows] == expected


def test_every_shipped_rule_can_name_a_case() -> None:
    assert {rule.rule_id for rule in load_rules()} <= set(strengths()["rule_id"].to_pylist())


def test_what_spec_does_not_rank_has_the_weakest_place_of_its_verdict() -> None:
    """A rule of the house, and a verdict that only a house's text of a shipped rule gives."""
    places = {(r["rule_id"], r["verdict"]): r["place"] for r in strengths(["R901", "R103"]).to_pylist()}
    shipped = {(r["rule_id"], r["verdict"]): r["place"] for r in strengths().to_pylist()}
    assert places.items() > shipped.items()
    for verdict, named_last in (("violation", "R105"), ("undecidable", "R105"), ("lead", "R103")):
        assert places["R901", verdict] == places["R103", verdict] == shipped[named_last, verdict]
    assert strengths(["R901", "R103"]).equals(strengths(["R103", "R901"]))
