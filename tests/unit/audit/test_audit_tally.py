"""How many accounts are judged, per institution and quarter: as many as judging everyone judges (SPEC 4, 8.5)."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from creditaudit.audit.lineage import build_lineage
from creditaudit.audit.notices import build_notices
from creditaudit.audit.sift import sift
from creditaudit.audit.tally import count_judged
from unit.kit import NIGHT, OTHER, PERSON, stand

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Row = dict[str, Any]
PEOPLE = (PERSON, OTHER)
CODES = tuple((provider, code) for provider in ("B01", "B02") for code in "ABCDE")


def account(code: str = "A", provider: str = "B01", **cells: Any) -> Row:
    base = {"provider_code": provider, "account_code": code, "id_number": PERSON, "opened_at": "2024-01-01 10:00:00"}
    return {**base, "report_date": "2026-11-01", "id_type": "10", "account_type": "D1", **cells}


def rename(old: tuple[str, str], new: tuple[str, str], effective_on: date = date(2026, 11, 1)) -> Row:
    codes = {"provider_code": old[0], "old_account_code": old[1]}
    return codes | {"new_provider_code": new[0], "new_account_code": new[1], "effective_on": effective_on}


def counted(engine: Engine, left_out: list[tuple[str, str]] | None = None, **feeds: list[Row]) -> Counter[Any]:
    """Stand the rows, and count."""
    stand(engine, **feeds)
    build_lineage(engine, NIGHT)
    if left_out:
        rows = " UNION ALL ".join(f"SELECT '{p}' AS provider_code, '{c}' AS account_code" for p, c in left_out)
        engine.table("absent_codes", rows)
    count_judged(engine, "absent_codes" if left_out else None)
    rows = engine.fetch("SELECT * FROM judged_counts").to_pylist()
    assert len({(r["provider_code"], r["quarter"]) for r in rows}) == len(rows)
    return Counter({(r["provider_code"], r["quarter"]): r["accounts"] for r in rows})


def test_quarters_are_those_of_the_moment(engine: Engine) -> None:
    accounts = [
        account("1", opened_at="2024-03-31 23:59:59"),
        account("2", opened_at="2024-04-01"),
        account("3", opened_at="2024-12-31", id_type="20"),
        account("4", opened_at="2020-01-01", agreement_at="2019-12-31"),
        account("5", account_type="R4", opened_at="2020-01-01"),
        account("6", account_type="R4", opened_at="2020-01-01", agreement_at="2019-10-01"),
        account("7", "B02", opened_at="2024-04-30"),
    ]
    assert counted(engine, accounts=accounts) == {
        ("B01", "2024Q1"): 1,
        ("B01", "2024Q2"): 1,
        ("B01", "2024Q4"): 1,
        ("B01", "2019Q4"): 2,
        ("B01", None): 1,
        ("B02", "2024Q2"): 1,
    }


def test_a_renamed_account_is_one_of_its_newest_institution(engine: Engine) -> None:
    accounts = [account("A", opened_at="2024-01-01"), account("B", "B02", opened_at="2024-01-01"), account("C")]
    renames = [rename(("B01", "A"), ("B02", "B")), rename(("B01", "C"), ("B02", "D"), NIGHT + timedelta(days=1))]
    found = counted(engine, accounts=accounts, account_renames=renames)
    assert found == {("B02", "2024Q1"): 1, ("B01", "2024Q1"): 1}


def test_a_debt_has_the_quarter_of_its_original(engine: Engine) -> None:
    debt = {"account_type": "C1", "opened_at": "2025-05-05", "original_provider_code": "B01"}
    accounts = [
        account("A", opened_at="2024-01-01"),
        account("D", "B02", **debt, original_account_code="A"),
        account("E", "B02", **(debt | {"original_provider_code": "B02"}), original_account_code="D"),
        account("F", "B02", **debt, original_account_code="gone"),
        account("G", "B02", **debt, original_account_code="A", id_number=OTHER),
    ]
    assert counted(engine, accounts=accounts) == {("B01", "2024Q1"): 1, ("B02", "2024Q1"): 2, ("B02", None): 2}


def test_what_is_judged_no_more_is_not_counted_nor_anybodys_original(engine: Engine) -> None:
    debt = {"account_type": "C1", "original_provider_code": "B01", "original_account_code": "A"}
    accounts = [account("A"), account("B"), account("D", "B02", **debt)]
    found = counted(engine, [("B01", "A")], accounts=accounts)
    assert found == {("B01", "2024Q1"): 1, ("B02", None): 1}


@st.composite
def books(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Accounts of two persons at two institutions, debts and renames among them, in chains and rings."""
    accounts = []
    for provider, code in draw(st.lists(st.sampled_from(CODES), unique=True, max_size=8)):
        cells: Row = {
            "account_type": draw(st.sampled_from(("D1", "D1", "R4", "C1", "C1"))),
            "opened_at": draw(st.sampled_from(("2024-01-01", "2024-03-31 23:59:59", "2024-04-01"))),
            "report_date": draw(st.sampled_from(("2026-11-01", "2026-11-02"))),
            "id_number": draw(st.sampled_from(PEOPLE)),
            "agreement_at": draw(st.sampled_from((None, "2023-07-01"))),
        }
        if cells["account_type"] == "C1":
            original = draw(st.sampled_from(CODES))
            cells |= {"original_provider_code": original[0], "original_account_code": original[1]}
        accounts.append(account(code, provider, **cells))
    old = draw(st.lists(st.sampled_from(CODES), unique=True, max_size=4))
    renames = [
        rename(o, draw(st.sampled_from(CODES)), draw(st.sampled_from((date(2026, 11, 1), date(2026, 11, 3)))))
        for o in old
    ]
    return accounts, [r for r in renames if (r["provider_code"], r["old_account_code"]) != _new(r)]


def _new(row: Row) -> tuple[str, str]:
    return row["new_provider_code"], row["new_account_code"]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(books())
def test_the_count_is_that_of_the_accounts_that_judging_everyone_judges(
    engine: Engine, book: tuple[list[Row], list[Row]]
) -> None:
    """Every person has a notice here, so the sift takes every account."""
    accounts, renames = book
    reports = [{"report_no": n, "id_number": n, "reported_at": "2024-03-10"} for n in PEOPLE]
    found = counted(engine, accounts=accounts, account_renames=renames, loss_reports=reports)
    build_notices(engine)
    sift(engine, NIGHT)
    judged = engine.fetch("SELECT provider_code, moment_day FROM judged_accounts").to_pylist()
    assert found == Counter((row["provider_code"], quarter(row["moment_day"])) for row in judged)


def quarter(day: int | None) -> str | None:
    if day is None:
        return None
    moment = date(1970, 1, 1) + timedelta(days=day)
    return f"{moment.year}Q{(moment.month + 2) // 3}"
