"""Who is judged, by which row, opening and moment (SPEC 4, 12; 3.3 for openings)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.audit.lineage import build_lineage
from creditaudit.audit.notices import build_notices
from creditaudit.audit.sift import sift
from creditaudit.tables import JUDGED_ACCOUNTS
from unit.kit import NIGHT, OTHER, PERSON, day_number, seconds, stand

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Row = dict[str, Any]
REPORT = {"report_no": "L1", "id_number": PERSON, "reported_at": "2024-03-10"}
EARLIER = NIGHT - timedelta(days=1)


def account(code: str = "A", **cells: Any) -> Row:
    base = {"provider_code": "B01", "account_code": code, "id_number": PERSON, "opened_at": "2024-01-01 10:00:00"}
    return {**base, "report_date": "2026-11-01", "id_type": "10", "account_type": "D1", **cells}


def opening(code: str = "A", **cells: Any) -> Row:
    return {"provider_code": "B01", "account_code": code, **cells}


def rename(old: str, new: str) -> Row:
    return {
        "provider_code": "B01",
        "old_account_code": old,
        "new_account_code": new,
        "effective_on": date(2026, 11, 1),
    }


def judged(engine: Engine, **feeds: list[Row]) -> dict[str, Row]:
    stand(engine, **{"loss_reports": [REPORT], **feeds})
    build_notices(engine)
    build_lineage(engine, NIGHT)
    sift(engine, NIGHT)
    table = engine.fetch("SELECT * FROM judged_accounts")
    assert table.schema.names == JUDGED_ACCOUNTS.names
    found = {row["account_code"]: row for row in table.to_pylist()}
    assert len(found) == table.num_rows
    return found


def changed(engine: Engine) -> list[str]:
    return engine.fetch("SELECT account_code FROM opening_changed ORDER BY account_code")["account_code"].to_pylist()


# --- who is looked at ----------------------------------------------------------------------------------------------


def test_only_numbers_with_a_notice_ended_cards_and_renamed_codes_are_looked_at(engine: Engine) -> None:
    accounts = [
        account("noticed"),
        account("nobody", id_number=OTHER),
        account("other_type", id_type="20"),
        account("ended", id_number=OTHER),
        account("ended_later", id_number=OTHER),
        account("ended_same_day", id_number=OTHER),
        account("ended_other", id_number=OTHER),
        account("renamed", id_number=OTHER),
    ]
    openings = [
        opening("ended", card_valid_to="2023-12-31"),
        opening("ended_later", card_valid_to="2024-01-02"),
        opening("ended_same_day", card_valid_to="2024-01-01"),
        opening("ended_other", card_valid_to="2023-12-31", document_kind="other"),
    ]
    found = judged(engine, accounts=accounts, openings=openings, account_renames=[rename("renamed", "new")])
    # An account of another id_type is matched by no rule, but a C1 of the number may name it as its original.
    assert sorted(found) == ["ended", "new", "noticed", "other_type"]


def test_a_card_that_ended_before_the_agreement_is_looked_at(engine: Engine) -> None:
    rows = [account("A", id_number=OTHER, opened_at="2024-05-01", agreement_at="2024-01-01")]
    assert not judged(engine, accounts=rows, openings=[opening(card_valid_to="2024-03-01")])
    rows = [account("A", id_number=OTHER, opened_at="2024-01-01", agreement_at="2024-05-01")]
    assert list(judged(engine, accounts=rows, openings=[opening(card_valid_to="2024-03-01")])) == ["A"]


# --- the moment ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "moment"),
    [
        ({}, "2024-01-01 10:00:00"),
        ({"agreement_at": "2023-12-01 08:00:00"}, "2023-12-01 08:00:00"),
        ({"account_type": "R4", "agreement_at": "2023-12-01 08:00:00"}, "2023-12-01 08:00:00"),
        ({"account_type": "R4"}, "agreement_unknown"),
        ({"account_type": "C1"}, "transferred_debt"),
        ({"account_type": "C1", "agreement_at": "2023-12-01"}, "transferred_debt"),
    ],
)
def test_the_moment_of_an_account(engine: Engine, cells: Row, moment: str) -> None:
    [found] = judged(engine, accounts=[account(**cells)]).values()
    if moment[0] == "2":
        assert (found["moment_from"], found["moment_to"], found["no_moment"]) == (
            seconds(moment),
            seconds(moment),
            None,
        )
        assert found["moment_day"] == day_number(moment[:10])
    else:
        assert (found["moment_from"], found["moment_to"], found["moment_day"]) == (None, None, None)
        assert found["no_moment"] == moment


def test_a_date_is_its_whole_day(engine: Engine) -> None:
    [found] = judged(engine, accounts=[account(opened_at="2024-01-01")]).values()
    assert (found["moment_from"], found["moment_to"]) == (seconds("2024-01-01"), seconds("2024-01-01 23:59:59"))


def debt(code: str, original: str, **cells: Any) -> Row:
    origin = {"original_provider_code": "B01", "original_account_code": original}
    return account(code, **{"account_type": "C1", "opened_at": "2025-01-01", **origin, **cells})


def test_an_original_is_known_by_its_number_whatever_its_id_type(engine: Engine) -> None:
    found = judged(engine, accounts=[account("O", id_type="20"), debt("D", "O")])["D"]
    assert (found["no_moment"], found["moment_from"]) == (None, seconds("2024-01-01 10:00:00"))


def test_a_debt_has_the_moment_and_the_opening_of_its_original_through_any_number_of_sales(engine: Engine) -> None:
    accounts = [account("O"), debt("C1", "O"), debt("C2", "C1"), debt("C3", "C2")]
    openings = [opening("O", card_valid_from="2020-01-01"), opening("C3", card_valid_from="2024-12-01")]
    found = judged(engine, accounts=accounts, openings=openings)
    for code in ("C1", "C2", "C3"):
        assert (found[code]["moment_from"], found[code]["no_moment"]) == (seconds("2024-01-01 10:00:00"), None)
        assert found[code]["shown_on"] == day_number("2020-01-01")


@pytest.mark.parametrize(
    ("accounts", "reason"),
    [
        ([debt("D", "gone")], "transferred_debt"),
        ([debt("D", "O"), account("O", id_number=OTHER)], "transferred_debt"),
        ([debt("D", "E"), debt("E", "D")], "transferred_debt"),
        ([debt("D", "D")], "transferred_debt"),
        ([debt("D", "E"), debt("E", "gone")], "transferred_debt"),
        ([debt("D", "O"), account("O", account_type="R4")], "agreement_unknown"),
    ],
    ids=["none", "another_person", "cycle", "itself", "chain_without_end", "credit_line"],
)
def test_debts_without_a_moment(engine: Engine, accounts: list[Row], reason: str) -> None:
    found = judged(engine, accounts=accounts)["D"]
    assert (found["no_moment"], found["moment_from"]) == (reason, None)


def links(engine: Engine) -> dict[str, str]:
    found = engine.fetch("SELECT from_code, to_code FROM account_links").to_pylist()
    return {row["from_code"]: row["to_code"] for row in found}


def lone(engine: Engine) -> list[str]:
    return engine.fetch("SELECT account_code FROM lone_debts ORDER BY account_code")["account_code"].to_pylist()


def test_the_original_that_a_link_leads_to_is_the_one_at_the_end(engine: Engine) -> None:
    """SPEC 12: R109's "original" is the one of section 4 in both clauses: followed through C1s."""
    judged(engine, accounts=[account("first"), debt("sold", "first"), debt("again", "sold")])
    assert links(engine) == {"sold": "first", "again": "first"}
    assert lone(engine) == []


def test_a_debt_whose_chain_ends_in_a_debt_or_a_ring_has_no_original(engine: Engine) -> None:
    """SPEC 4, 12: no such original in the book, or a cycle: none."""
    judged(engine, accounts=[debt("a", "b"), debt("b", "nowhere"), debt("x", "y"), debt("y", "x")])
    assert links(engine) == {}
    assert lone(engine) == ["a", "b", "x", "y"]


def test_the_original_of_a_debt_is_found_under_any_code_of_its_lineage(engine: Engine) -> None:
    accounts = [debt("D", "old"), account("new")]
    found = judged(engine, accounts=accounts, account_renames=[rename("old", "new")])
    assert found["D"]["moment_from"] == seconds("2024-01-01 10:00:00")


# --- the row that judges -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old_day", "new_day", "judging"),
    [("2026-11-02", "2026-11-01", "R1"), ("2026-11-01", "2026-11-02", "D1"), ("2026-11-01", "2026-11-01", "D1")],
    ids=["old_is_later", "new_is_later", "tie_fewest_renames"],
)
def test_a_lineage_is_judged_once_from_its_latest_row_under_its_newest_code(
    engine: Engine, old_day: str, new_day: str, judging: str
) -> None:
    accounts = [account("Z", report_date=old_day, account_type="R1"), account("A", report_date=new_day)]
    found = judged(engine, accounts=accounts, account_renames=[rename("Z", "A")])
    assert {code: row["account_type"] for code, row in found.items()} == {"A": judging}


def test_a_tie_of_renames_goes_to_the_greater_code(engine: Engine) -> None:
    accounts = [account("A", account_type="D1"), account("B", account_type="R1")]
    found = judged(engine, accounts=accounts, account_renames=[rename("A", "N"), rename("B", "N")])
    assert {code: row["account_type"] for code, row in found.items()} == {"N": "R1"}


# --- openings ------------------------------------------------------------------------------------------------------


def test_the_first_accepted_opening_of_any_code_judges_and_a_later_one_is_named(engine: Engine) -> None:
    openings = [
        opening("old", night=NIGHT, card_valid_from="2021-01-01"),
        opening("new", night=EARLIER, card_valid_from="2020-01-01"),
    ]
    found = judged(engine, accounts=[account("new")], openings=openings, account_renames=[rename("old", "new")])
    assert found["new"]["shown_on"] == day_number("2020-01-01")
    assert changed(engine) == ["new"]


def test_of_openings_of_one_night_the_smaller_code_judges(engine: Engine) -> None:
    openings = [opening("b", card_valid_from="2021-01-01"), opening("a", card_valid_from="2020-01-01")]
    found = judged(engine, accounts=[account("a")], openings=openings, account_renames=[rename("a", "b")])
    assert found["b"]["shown_on"] == day_number("2020-01-01")


def test_equal_openings_of_two_codes_are_no_change(engine: Engine) -> None:
    openings = [opening("a", card_valid_from="2020-01-01"), opening("b", card_valid_from="2020-01-01")]
    judged(engine, accounts=[account("a")], openings=openings, account_renames=[rename("a", "b")])
    assert changed(engine) == []


@pytest.mark.parametrize(
    "cells",
    [
        *({"channel": "online"}, {"session_id": "S2"}, {"exception_code": "urgent_need"}, {"operator_id": "O2"}),
        *({"document_kind": "temporary"}, {"handler_id_number": OTHER}, {"phone": "2"}, {"card_issuer": "X"}),
    ],
    ids=lambda cells: next(iter(cells)),
)
def test_any_difference_of_two_codes_openings_is_a_change(engine: Engine, cells: Row) -> None:
    """SPEC 3.3: a later one that differs is named."""
    openings = [opening("a"), opening("b", **cells)]
    judged(engine, accounts=[account("a")], openings=openings, account_renames=[rename("a", "b")])
    assert changed(engine) == ["b"]


def test_a_kept_change_is_named_for_the_newest_code(engine: Engine) -> None:
    stand(engine, accounts=[account("a")], account_renames=[rename("a", "b")], loss_reports=[REPORT])
    engine.view("standing_opening_changes", "SELECT 'B01' AS provider_code, 'a' AS account_code")
    build_notices(engine)
    build_lineage(engine, NIGHT)
    sift(engine, NIGHT)
    assert changed(engine) == ["b"]


def test_where_no_card_was_shown_the_card_columns_are_ignored(engine: Engine) -> None:
    openings = [opening(document_kind="other", card_valid_from="2020-01-01", card_valid_to="2030-01-01")]
    [found] = judged(engine, accounts=[account()], openings=openings).values()
    assert (found["document_kind"], found["shown_on"], found["shown_to"]) == ("other", None, None)


# --- how far the issuances speak -----------------------------------------------------------------------------------


def test_only_full_issuances_files_of_all_regions_with_both_days_cover(engine: Engine) -> None:
    stand(engine, loss_reports=[REPORT])
    rows = [
        ("issuances", True, "2024-01-01", "2024-02-01"),
        ("issuances", True, "2024-01-01", "2024-02-01"),
        ("issuances", False, "2024-03-01", "2024-04-01"),
        ("accounts", True, "2024-05-01", "2024-06-01"),
        ("issuances", True, None, "2024-08-01"),
        ("issuances", True, "2024-09-01", None),
    ]
    values = ", ".join(f"('{feed}', {regions}, {_date(start)}, {_date(end)})" for feed, regions, start, end in rows)
    engine.view(
        "standing_full_deliveries", f"SELECT * FROM (VALUES {values}) AS v(feed, all_regions, covers_from, covers_to)"
    )
    build_notices(engine)
    build_lineage(engine, NIGHT)
    sift(engine, NIGHT)
    assert engine.fetch("SELECT * FROM issuance_coverage").to_pylist() == [
        {"covers_from": day_number("2024-01-01"), "covers_to": day_number("2024-02-01")}
    ]


def _date(text: str | None) -> str:
    return "CAST(NULL AS DATE)" if text is None else f"DATE '{text}'"
