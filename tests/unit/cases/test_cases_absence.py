"""What proves an account absent, and what does not (SPEC 8.3)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from proof_desk import BEFORE, NIGHT, SCOPE, ProofDesk, account, case, delivery, file, first_proof, quarantined

from creditaudit.book.inbox import Entry
from creditaudit.book.scopes import scope_text
from unit.kit import OTHER, PERSON

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.engines import Engine


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> ProofDesk:
    """No case yet."""
    return ProofDesk(engine, tmp_path)


def test_one_delivery_is_the_first_proof_and_another_one_the_second(desk: ProofDesk) -> None:
    first = desk.prove()
    assert (first["is_proven"], first["missing"], first["kind"]) == (False, "first_proof:2026-12-01", "absence")
    [kept] = desk.rows("case_proofs")
    assert (kept["sha256s"], kept["is_final"], kept["is_void"]) == ("f.csv-sha", False, False)
    assert not desk.rows("absent_accounts")
    second = desk.prove(proofs=[first_proof()])
    assert (second["is_proven"], second["missing"]) == (True, None)
    assert second["proof"] == "absent:2026-11-30 first;2026-12-01 f.csv-sh"
    assert [(r["account_code"], r["is_absent"]) for r in desk.rows("absent_accounts")] == [("A", True)]
    assert [r["is_final"] for r in desk.rows("case_proofs")] == [True]


def test_an_answer_of_tonight_leaves_no_account_gone(desk: ProofDesk) -> None:
    """SPEC 8.2, 8.3: the last answer counts, and both proofs come after it: the account is judged as before."""
    again = [{"case_id": "CA-1", "episode": 1}]
    assert desk.prove(proofs=[first_proof()], answered=again) == {}
    assert not desk.rows("absent_accounts")
    assert not desk.rows("case_proofs")
    other = desk.prove(proofs=[first_proof()], answered=[{"case_id": "CA-1", "episode": 2}])
    assert other["is_proven"]
    assert [r["account_code"] for r in desk.rows("absent_accounts")] == ["A"]


def test_the_same_files_twice_are_one_delivery(desk: ProofDesk) -> None:
    found = desk.prove(proofs=[first_proof(sha256s="f.csv-sha")])
    assert (found["is_proven"], found["missing"]) == (False, "first_proof:2026-11-30;same_delivery")


def test_both_proofs_come_after_the_answer_that_counts(desk: ProofDesk) -> None:
    found = desk.prove(proofs=[first_proof(days=5)])
    assert (found["is_proven"], found["missing"]) == (False, "first_proof:2026-12-01")
    assert desk.prove(proofs=[first_proof(days=4)])["is_proven"]


@pytest.mark.parametrize(("rows", "is_proven"), [(90, True), (89, False), (100, True), (130, True)])
def test_nine_tenths_of_the_largest(desk: ProofDesk, rows: int, *, is_proven: bool) -> None:
    # The last delivery was smaller already: the largest counts.
    earlier = [delivery(BEFORE, 100), delivery(BEFORE + timedelta(days=1), 89)]
    found = desk.prove(rows=rows, deliveries=earlier, proofs=[first_proof()])
    assert found["is_proven"] is is_proven
    if not is_proven:
        assert found["missing"] == "first_proof:2026-11-30;short:89%"


@pytest.mark.parametrize(("days", "is_proven"), [(366, False), (367, True)])
def test_the_year_before_is_the_measure(desk: ProofDesk, days: int, *, is_proven: bool) -> None:
    earlier = [delivery(NIGHT - timedelta(days=days), 1000), delivery(BEFORE, 100)]
    assert desk.prove(deliveries=earlier, proofs=[first_proof()])["is_proven"] is is_proven


def test_without_an_earlier_delivery_nothing_is_known_to_be_all(desk: ProofDesk) -> None:
    other = scope_text("B01", "31", None)
    for earlier in ([], [delivery(BEFORE, 100, scope=other)]):
        found = desk.prove(deliveries=earlier, proofs=[first_proof()])
        assert (found["is_proven"], found["missing"]) == (False, "first_proof:2026-11-30;not_held_before")
    unheld = desk.prove(held=[account("B")], proofs=[first_proof()])
    assert (unheld["is_proven"], unheld["missing"]) == (False, "first_proof:2026-11-30;not_held_before")
    [kept] = desk.rows("held_scopes")
    assert (kept["held_on"], kept["codes"], kept["scope"]) == (None, "B01/A", SCOPE)


def _smaller(**cells: Any) -> Entry:
    body = {"provider_code": "B01", "region_code": None, "business_codes": None, "evidence_ref": "D-1", **cells}
    return Entry(NIGHT, "smaller_base", "by", "why", body, "0" * 64)


def test_a_smaller_base_counts_from_the_last_delivery_before_it(desk: ProofDesk) -> None:
    last = BEFORE + timedelta(days=2)
    earlier = [delivery(BEFORE, 1000), delivery(last, 100)]
    assert not desk.prove(deliveries=earlier, proofs=[first_proof()])["is_proven"]
    assert not desk.prove([_smaller(region_code="31")], deliveries=earlier, proofs=[first_proof()])["is_proven"]
    assert desk.prove([_smaller()], deliveries=earlier, proofs=[first_proof()])["is_proven"]
    [base] = desk.rows("smaller_bases")
    assert (base["scope"], base["counts_from"]) == (SCOPE, last)
    assert not desk.prove([_smaller()], rows=89, deliveries=earlier, proofs=[first_proof()])["is_proven"]
    assert desk.prove(deliveries=earlier, proofs=[first_proof()], smaller_bases=[base])["is_proven"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (quarantined(account_code="A"), ["A"]),
        (quarantined(), [PERSON]),
        (quarantined(is_anyones=True), []),
        (quarantined(provider_code=None), ["A"]),
        (quarantined(provider_code=None, stated_provider=None, is_anyones=True), []),
        (quarantined(provider_code="B02"), [PERSON]),
    ],
)
def test_a_quarantined_row_that_may_be_the_account(desk: ProofDesk, row: dict[str, Any], words: list[str]) -> None:
    said = [{"file": "f.csv", "row": 9, "word": word} for word in words]
    found = desk.prove(quarantined=[row], words=said, proofs=[first_proof()])
    assert not found["is_proven"]
    assert "quarantined_row" in found["missing"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (quarantined(), [OTHER]),
        (quarantined(provider_code="B02", stated_provider="B02"), ["A", PERSON]),
        (quarantined(provider_code="B02", stated_provider="B02", is_anyones=True), []),
    ],
)
def test_a_quarantined_row_that_is_not(desk: ProofDesk, row: dict[str, Any], words: list[str]) -> None:
    said = [{"file": "f.csv", "row": 9, "word": word} for word in words]
    assert desk.prove(quarantined=[row], words=said, proofs=[first_proof()])["is_proven"]


def test_any_row_of_the_lineage_ends_the_first_proof(desk: ProofDesk) -> None:
    lineage = [
        {"provider_code": p, "account_code": c, "head_provider": "B01", "head_code": "A", "steps": s}
        for p, c, s in (("B09", "OLD", 1), ("B01", "A", 0))
    ]
    row = account("OLD", provider_code="B09", file="d.csv")
    files = [file(), file("d.csv", scope=None, provider_code="B09", is_full=False)]
    found = desk.prove(delivered=[row], files=files, lineage=lineage, proofs=[first_proof()])
    assert (found["is_proven"], found["missing"]) == (False, "still_delivered")
    assert [(r["kind"], r["is_void"]) for r in desk.rows("case_proofs")] == [("absence", True)]
    void = first_proof(is_void=True, detail=None, days=1)
    again = desk.prove(proofs=[first_proof(days=2), void])
    assert (again["is_proven"], again["missing"]) == (False, "first_proof:2026-12-01")


def test_a_refused_file_may_hold_anything_of_whom_it_speaks_for(desk: ProofDesk) -> None:
    for provider, is_proven in (("B01", False), (None, False), ("B02", True)):
        refused = file("r.csv", provider_code=provider, scope=None, is_refused=True, is_full=False)
        found = desk.prove(files=[file(), refused], proofs=[first_proof()])
        assert found["is_proven"] is is_proven
    part = file("r.csv", is_refused=True)
    assert desk.prove(files=[file(), part], proofs=[first_proof()])["missing"] == "refused_file"


def test_an_account_that_moved_out_of_the_scope_is_not_proven_gone(desk: ProofDesk) -> None:
    scope = scope_text("B01", "11", ["81", "91"])
    said = {"files": [file(scope=scope)], "deliveries": [delivery(BEFORE, 100, scope=scope)], "proofs": [first_proof()]}
    for region, business, is_proven in (
        ("110105", "91", True),
        (None, None, True),
        ("310000", "91", False),
        ("11", "9", False),
    ):
        held = account(region_code=region, business_code=business)
        delivered_before = {"standing": [{**held, "report_date": "2026-11-02"}]}
        found = desk.prove(held=[held], **delivered_before, **said)
        assert found["is_proven"] is is_proven, (region, business)


@pytest.mark.parametrize(
    ("cells", "is_proven"),
    [
        ({"amount": 1}, False),  # the day
        ({"opened_at": "2026-01-01"}, False),  # the amount
        ({"opened_at": "2026-01-01", "amount": 1}, True),
        ({"opened_at": "2026-01-01", "amount": None}, True),
        ({"id_number": OTHER}, True),
        ({"provider_code": "B02"}, True),  # another group
        ({"provider_code": "B03"}, False),  # the same group
        ({"provider_code": "B02", "account_type": "C1", "original_provider_code": "B03", "amount": 1}, False),
        ({"provider_code": "B02", "account_type": "C1", "original_provider_code": "B02", "amount": 1}, True),
    ],
)
def test_an_account_that_may_be_the_same(desk: ProofDesk, cells: dict[str, Any], *, is_proven: bool) -> None:
    groups = [{"provider_code": p, "group_code": "G"} for p in ("B01", "B03")]
    found = desk.prove(standing=[account("N", **cells)], groups=groups, proofs=[first_proof()])
    assert found["is_proven"] is is_proven
    if not is_proven:
        assert found["missing"] == "first_proof:2026-11-30;possibly rekeyed: N"


def test_an_account_known_before_the_case_is_another_one(desk: ProofDesk) -> None:
    known = case(opened_on=NIGHT)  # first seen tonight at the latest: not after the case opened
    assert desk.prove(awaiting=[known], standing=[account("N")], proofs=[first_proof()])["is_proven"]


def test_a_new_code_makes_no_new_account(desk: ProofDesk) -> None:
    """SPEC 4, 8.3: an account that was there before the case, and was renamed since, is not what this one became."""
    lineage = [
        {"provider_code": "B01", "account_code": c, "head_provider": "B01", "head_code": "N", "steps": s}
        for c, s in (("O", 1), ("N", 0))
    ]
    old, new = account("O"), account("N")
    said = {"standing": [new], "lineage": lineage, "proofs": [first_proof()]}
    assert desk.prove(held=[account(), old], awaiting=[case(opened_on=BEFORE)], **said)["is_proven"]
    found = desk.prove(awaiting=[case(opened_on=BEFORE)], **said)
    assert (found["is_proven"], "possibly rekeyed: N" in found["missing"]) == (False, True)


def test_what_no_delivery_of_accounts_can_prove(desk: ProofDesk) -> None:
    inquiry = case(subject="inquiry:I1", account_code=None)
    assert desk.prove(awaiting=[inquiry])["missing"] == "no_account"
    assert desk.prove(awaiting=[]) == {}
    for relation in ("returns_tonight", "residual_tonight", "proofs_tonight"):
        assert desk.relation(relation) == []
    assert desk.made == {}


def test_a_deletion_that_is_answered_as_wrong_or_missing(desk: ProofDesk) -> None:
    for outcome, is_proven in (("1", True), ("3", False), ("5", True)):
        found = desk.prove(awaiting=[case(outcome=outcome)], proofs=[first_proof()])
        assert found["is_proven"] is is_proven
