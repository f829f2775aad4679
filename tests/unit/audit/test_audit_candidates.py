"""Who is looked at, and what goes beside the accounts: one test for each way in (SPEC 4, 6.2, 6.3, 12)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.audit.lineage import build_lineage
from creditaudit.audit.notices import build_notices
from creditaudit.audit.sift import sift
from unit.kit import NIGHT, OTHER, PERSON, day_number, seconds, stand

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Row = dict[str, Any]
THIRD = "110105197001011232"
REPORT = {"report_no": "L1", "id_number": PERSON, "reported_at": "2024-03-10"}


def account(code: str, **cells: Any) -> Row:
    base = {"provider_code": "B01", "account_code": code, "id_number": OTHER, "opened_at": "2024-01-01 10:00:00"}
    return {**base, "report_date": "2026-11-01", "id_type": "10", "account_type": "D1", **cells}


def check(**cells: Any) -> Row:
    base = {"provider_code": "B01", "check_id": "K1", "checked_at": "2024-01-01 09:00:00"}
    return {**base, "check_kind": "invalid_card_check", "result": "reported_lost", **cells}


def sifted(engine: Engine, **feeds: list[Row]) -> list[str]:
    stand(engine, **feeds)
    build_notices(engine)
    build_lineage(engine, NIGHT)
    sift(engine, NIGHT)
    rows = engine.fetch("SELECT provider_code, account_code FROM judged_accounts ORDER BY 1, 2").to_pylist()
    codes = [(row["provider_code"], row["account_code"]) for row in rows]
    assert len(set(codes)) == len(codes), "an account multiplied"
    return [code if provider == "B01" else f"{provider}/{code}" for provider, code in codes]


def beside(engine: Engine, table: str, *columns: str) -> list[tuple[Any, ...]]:
    listed = ", ".join(columns)
    return [tuple(row.values()) for row in engine.fetch(f"SELECT {listed} FROM {table} ORDER BY ALL").to_pylist()]


@pytest.mark.parametrize(
    ("checked", "taken"),
    [
        ({"account_code": "A"}, True),
        ({"session_id": "S"}, True),
        ({"account_code": "A", "session_id": "S"}, True),
        ({"account_code": "A", "result": "invalid"}, True),
        ({"account_code": "A", "check_kind": "network_check", "result": "name_mismatch"}, True),
        ({"account_code": "A", "check_kind": "network_check", "result": "number_unknown"}, True),
        ({"account_code": "A", "check_kind": "face_match", "result": "fail"}, True),
        ({"account_code": "A", "check_kind": "fingerprint_match", "result": "fail"}, True),
        ({"account_code": "A", "result": "valid"}, False),
        ({"account_code": "A", "check_kind": "in_person", "result": "fail"}, False),
        ({"account_code": "A", "provider_code": "B02"}, False),
        ({"session_id": "S", "provider_code": "B02"}, False),
    ],
)
def test_an_adverse_check_by_account_or_by_session(engine: Engine, checked: Row, taken: bool) -> None:
    openings = [{"provider_code": "B01", "account_code": "A", "session_id": "S"}]
    found = sifted(engine, accounts=[account("A"), account("B")], openings=openings, verifications=[check(**checked)])
    assert found == (["A"] if taken else [])
    if taken:
        assert beside(engine, "account_checks", "account_code", "check_id") == [("A", "K1")]


def test_a_listed_handler(engine: Engine) -> None:
    openings = [
        {"provider_code": "B01", "account_code": "A", "handler_id_number": THIRD},
        {"provider_code": "B01", "account_code": "B", "handler_id_number": PERSON},
        {"provider_code": "B01", "account_code": "C", "handler_id_number": "X", "handler_id_status": "bad_form"},
    ]
    impostors = [
        {"person_ref": "R2", "id_number": THIRD, "finding_on": "2020-01-01"},
        {"person_ref": "R1", "id_number": THIRD, "finding_on": "2019-01-01", "revoked_on": "2021-01-01"},
        {"person_ref": "R3", "id_number": "X", "finding_on": "2019-01-01", "id_status": "bad_form"},
    ]
    accounts = [account("A"), account("B"), account("C")]
    assert sifted(engine, accounts=accounts, openings=openings, impostors=impostors) == ["A"]
    assert beside(engine, "listed_impostors", "entry", "finding_on", "revoked_on") == [
        (1, day_number("2019-01-01"), day_number("2021-01-01")),
        (2, day_number("2020-01-01"), None),
    ]


def test_a_fraud_alert_and_a_malformed_number(engine: Engine) -> None:
    alerts = [{"alert_id": "F1", "id_number": OTHER, "effective_from": "2023-01-01"}]
    accounts = [
        account("alerted"),
        account("odd", id_number=THIRD, id_status="bad_check"),
        account("odd_passport", id_number="X1", id_status="bad_form", id_type="20"),
        account("nobody", id_number=PERSON),
    ]
    assert sifted(engine, accounts=accounts, fraud_alerts=alerts) == ["alerted", "odd"]
    assert beside(engine, "person_alerts", "alert_id", "effective_to") == [("F1", None)]


@pytest.mark.parametrize(
    ("second", "institutions", "taken"),
    [
        ({"provider_code": "B02", "name": "乙"}, [], True),
        ({"provider_code": "B02", "name": "甲"}, [], False),
        ({"provider_code": "B01", "name": "乙"}, [], False),
        ({"provider_code": "B02", "name": None}, [], False),
        ({"provider_code": "B02", "name": "乙"}, [{"provider_code": "B02", "parent_code": "B01"}], False),
        ({"provider_code": "B02", "name": "乙", "id_type": "20"}, [], False),
        ({"provider_code": "B02", "name": "乙", "id_number": THIRD}, [], False),
    ],
)
def test_several_names_at_several_groups_take_all_accounts_of_the_number(
    engine: Engine,
    second: Row,
    institutions: list[Row],
    taken: bool,
) -> None:
    accounts = [account("A", name="甲"), account("Z", **second), account("N"), account("other", id_number=PERSON)]
    found = sifted(engine, accounts=accounts, institutions=institutions)
    assert [code.partition("/")[2] or code for code in found] == (["A", "N", "Z"] if taken else [])


def test_an_account_that_moved_counts_for_the_group_that_it_moved_to(engine: Engine) -> None:
    """SPEC 12, Lineage: the group is asked of the newest provider, whether or not a row of it has come."""
    rename = {"provider_code": "B01", "old_account_code": "A", "new_provider_code": "B02", "new_account_code": "A2"}
    accounts = [account("A", name="甲"), account("B", name="乙")]
    renames = [{**rename, "effective_on": date(2026, 11, 1)}]
    assert sifted(engine, accounts=accounts, account_renames=renames) == ["B", "B02/A2"]
    assert beside(engine, "judged_accounts", "account_code", "group_code") == [("A2", "B02"), ("B", "B01")]


def test_names_of_the_registry_that_changed_are_one(engine: Engine) -> None:
    events = [
        {"event_id": f"E{n}", "id_number": PERSON, "event": "name_changed", "effective_at": "2020-01-01", "name": name}
        for n, name in enumerate(("甲", "乙"))
    ]
    names = ("甲", "乙", "丙", None)
    accounts = [account(f"A{n}", id_number=PERSON, name=name) for n, name in enumerate(names)]
    sifted(engine, accounts=accounts, invalid_cards=events, loss_reports=[REPORT])
    keys = [key for (key,) in beside(engine, "(SELECT name_key FROM judged_accounts)", "name_key")]
    assert len(keys) == 4
    assert len({key for key in keys if key is not None}) == 2
    assert None in keys


def settled(code: str, by: str, **cells: Any) -> Row:
    return account(code, settlement_provider_code="B01", settlement_account_code=by, **cells)


def test_links_to_any_depth_lead_to_an_account_of_a_noticed_person(engine: Engine) -> None:
    accounts = [
        account("X", id_number=PERSON),
        *(settled(f"A{n}", f"A{n + 1}" if n < 9 else "X") for n in range(1, 10)),
        settled("off", "gone"),
        settled("ring1", "ring2"),
        settled("ring2", "ring1"),
    ]
    found = sifted(engine, accounts=accounts, loss_reports=[REPORT])
    assert found == [*(f"A{n}" for n in range(1, 10)), "X"]
    links = beside(engine, "account_links", "from_code", "to_code")
    assert links == [*((f"A{n}", f"A{n + 1}") for n in range(1, 9)), ("A9", "X")]


def test_links_name_any_code_of_a_lineage(engine: Engine) -> None:
    rename = {"provider_code": "B01", "old_account_code": "old", "new_account_code": "new"}
    accounts = [account("old", id_number=PERSON), settled("A", "new"), settled("B", "old")]
    renames = [{**rename, "effective_on": date(2026, 11, 1)}]
    assert sifted(engine, accounts=accounts, account_renames=renames, loss_reports=[REPORT]) == ["A", "B", "new"]
    assert beside(engine, "account_links", "from_code", "to_code") == [("A", "new"), ("B", "new")]


def test_a_ring_of_links_through_a_noticed_person_ends(engine: Engine) -> None:
    accounts = [settled("X", "B", id_number=PERSON), settled("A", "X"), settled("B", "A")]
    assert sifted(engine, accounts=accounts, loss_reports=[REPORT]) == ["A", "B", "X"]


def test_a_debt_brings_the_accounts_of_its_person_and_so_its_original(engine: Engine) -> None:
    """SPEC 4, Moment: a C1 is judged by the account that it comes from."""
    alerts = [{"alert_id": "F1", "id_number": PERSON, "effective_from": "2023-01-01"}]
    origin = {"original_provider_code": "B01", "original_account_code": "O", "account_type": "C1"}
    accounts = [
        settled("D", "X", **origin),
        account("O"),
        account("X", id_number=PERSON),
        account("n", id_number=THIRD),
    ]
    sifted(engine, accounts=accounts, loss_reports=[REPORT], fraud_alerts=alerts)
    moments = dict(beside(engine, "judged_accounts", "account_code", "moment_from"))
    assert moments["D"] == moments["O"] == seconds("2024-01-01 10:00:00")
    assert sorted(moments) == ["D", "O", "X"]
    assert beside(engine, "judged_accounts", "account_code", "original") == [("D", "B01/O"), ("O", None), ("X", None)]


def test_a_debt_without_an_original_in_the_book_names_the_one_of_its_row(engine: Engine) -> None:
    lone = {"original_provider_code": "B07", "account_type": "C1", "id_number": PERSON}
    accounts = [account("D", **lone, original_account_code="O"), account("E", **lone)]
    institutions = [{"provider_code": "B07", "parent_code": "G"}]
    sifted(engine, accounts=accounts, loss_reports=[REPORT], institutions=institutions)
    assert beside(engine, "judged_accounts", "account_code", "original") == [("D", "B07/O"), ("E", None)]
    opened = seconds("2024-01-01 10:00:00")
    facts = beside(engine, "lone_debts", "account_code", "original_group", "opened_from")
    assert facts == [("D", "G", opened), ("E", "G", opened)]


def test_a_check_that_names_account_and_session_is_one_and_any_code_finds_it(engine: Engine) -> None:
    rename = {"provider_code": "B01", "old_account_code": "old", "new_provider_code": "B02", "new_account_code": "new"}
    openings = [{"provider_code": "B01", "account_code": "old", "session_id": "S"}]
    checks = [
        check(check_id="K1", account_code="old", session_id="S"),
        check(check_id="K2", provider_code="B02", account_code="new"),
        # SPEC 12: the session counts at the provider of the opening that judges.
        check(check_id="K3", provider_code="B02", session_id="S"),
        check(check_id="K4", account_code="old", checked_at="2024-01-02 10:00:00"),
        check(check_id="K5", account_code="old", checked_at="2024-01-02 10:00:01"),
    ]
    sifted(
        engine,
        accounts=[account("old")],
        openings=openings,
        verifications=checks,
        account_renames=[{**rename, "effective_on": date(2026, 11, 1)}],
    )
    found = beside(engine, "account_checks", "account_code", "check_provider", "check_id")
    assert found == [("new", "B01", "K1"), ("new", "B01", "K4"), ("new", "B02", "K2")]


def test_a_session_that_opened_two_accounts_is_a_check_of_both(engine: Engine) -> None:
    openings = [{"provider_code": "B01", "account_code": code, "session_id": "S"} for code in ("A", "B")]
    found = sifted(
        engine, accounts=[account("A"), account("B")], openings=openings, verifications=[check(session_id="S")]
    )
    assert found == ["A", "B"]
    assert beside(engine, "account_checks", "account_code", "check_id") == [("A", "K1"), ("B", "K1")]


def test_inquiries_on_persons_with_a_lost_card(engine: Engine) -> None:
    rows = [
        {"provider_code": "B02", "inquiry_id": f"I{n}", "id_number": number, "inquired_at": "2024-04-01"}
        for n, number in enumerate((PERSON, OTHER))
    ]
    inquiries = [{**row, "reason": "loan_approval"} for row in rows]
    institutions = [{"provider_code": "B02", "parent_code": "G"}]
    sifted(engine, accounts=[], inquiries=inquiries, loss_reports=[REPORT], institutions=institutions)
    facts = beside(engine, "judged_inquiries", "inquiry_id", "group_code", "inquired_on", "night_on")
    assert facts == [("I0", "G", day_number("2024-04-01"), day_number(NIGHT.isoformat()))]


def test_one_person_with_ten_thousand_accounts(engine: Engine) -> None:
    accounts = [
        settled(f"A{n:05}", f"A{(n + 1) % 10_000:05}", id_number=PERSON, name=f"N{n % 3}", provider_code="B01")
        for n in range(10_000)
    ]
    assert len(sifted(engine, accounts=accounts, loss_reports=[REPORT])) == 10_000
    assert len(beside(engine, "account_links", "from_code")) == 10_000
