"""Accounts that changed their code are one account (SPEC 4, Lineage; 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.audit.lineage import build_lineage
from unit.kit import NIGHT, OTHER, PERSON, stand

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Code = tuple[str, str]


def account(code: str, provider: str = "B01", **cells: Any) -> dict[str, Any]:
    base = {"provider_code": provider, "account_code": code, "id_number": PERSON, "opened_at": "2024-01-01"}
    return {**base, "report_date": "2026-11-01", "id_type": "10", "account_type": "D1", **cells}


def rename(old: str, new: str, day: str = "2026-11-01", provider: str = "B01", to: str | None = None) -> dict[str, Any]:
    return {
        "provider_code": provider,
        "old_account_code": old,
        "new_provider_code": to,
        "new_account_code": new,
        "effective_on": day,
    }


def heads(engine: Engine, renames: list[dict[str, Any]], accounts: list[dict[str, Any]]) -> dict[Code, Code]:
    stand(engine, account_renames=renames, accounts=accounts)
    build_lineage(engine, NIGHT)
    rows = engine.fetch("SELECT * FROM lineage").to_pylist()
    found = {(r["provider_code"], r["account_code"]): (r["head_provider"], r["head_code"]) for r in rows}
    assert len(found) == len(rows)
    return found


def contradicted(engine: Engine) -> list[Code]:
    rows = engine.fetch("SELECT * FROM contradicted_renames ORDER BY ALL").to_pylist()
    return [(r["provider_code"], r["old_account_code"]) for r in rows]


def test_a_chain_of_renames_is_one_account_under_its_newest_code(engine: Engine) -> None:
    renames = [rename("A", "B"), rename("B", "C", to="B02"), rename("C", "D", provider="B02")]
    head = ("B02", "D")
    assert heads(engine, renames, [account("A")]) == {
        ("B01", "A"): head,
        ("B01", "B"): head,
        ("B02", "C"): head,
        head: head,
    }
    steps = {r["account_code"]: r["steps"] for r in engine.fetch("SELECT * FROM lineage").to_pylist()}
    assert steps == {"A": 3, "B": 2, "C": 1, "D": 0}
    assert contradicted(engine) == []


def test_a_code_that_no_rename_names_stays_alone(engine: Engine) -> None:
    assert heads(engine, [], [account("A")]) == {}


@pytest.mark.parametrize(("day", "joined"), [("2026-11-20", True), ("2026-11-21", False), ("2026-11-19", True)])
def test_a_rename_counts_from_its_day(engine: Engine, day: str, joined: bool) -> None:
    assert bool(heads(engine, [rename("A", "B", day)], [account("A")])) is joined


@pytest.mark.parametrize(
    ("new", "fits"),
    [
        ({}, True),
        ({"id_number": OTHER}, False),
        ({"opened_at": "2024-01-01 10:00"}, True),
        ({"opened_at": "2024-01-02"}, False),
        ({"opened_at": "2023-12-31 23:59:59"}, False),
    ],
    ids=["same", "person", "overlapping", "later", "earlier"],
)
def test_two_rows_that_cannot_be_one_account_are_judged_both(engine: Engine, new: dict[str, str], fits: bool) -> None:
    """SPEC 4: equal id_norm and opened_at not certainly apart, else rename_contradicts."""
    found = heads(engine, [rename("A", "B")], [account("A"), account("B", **new)])
    assert bool(found) is fits
    assert contradicted(engine) == ([] if fits else [("B01", "A")])


def test_a_rename_through_a_code_without_a_row_joins_without_being_asked(engine: Engine) -> None:
    """SPEC 12: the two ends are never compared with each other."""
    found = heads(engine, [rename("A", "B"), rename("B", "C")], [account("A"), account("C", id_number=OTHER)])
    assert set(found.values()) == {("B01", "C")}
    assert contradicted(engine) == []


def test_a_contradicted_rename_leaves_the_others_joined(engine: Engine) -> None:
    accounts = [account("A"), account("B", id_number=OTHER), account("C", id_number=OTHER)]
    found = heads(engine, [rename("A", "B"), rename("B", "C")], accounts)
    assert found == {("B01", "B"): ("B01", "C"), ("B01", "C"): ("B01", "C")}
    assert contradicted(engine) == [("B01", "A")]


def test_two_codes_that_become_one(engine: Engine) -> None:
    found = heads(engine, [rename("A", "C"), rename("B", "C")], [])
    assert found == dict.fromkeys((("B01", "A"), ("B01", "B"), ("B01", "C")), ("B01", "C"))


def test_in_a_cycle_the_new_code_of_the_latest_rename_is_the_newest(engine: Engine) -> None:
    renames = [rename("A", "B", "2026-11-01"), rename("B", "C", "2026-11-03"), rename("C", "A", "2026-11-02")]
    renames.append(rename("T", "A", "2026-11-09"))
    assert set(heads(engine, renames, [account("A")]).values()) == {("B01", "C")}


def test_ties_in_a_cycle_go_to_the_greater_new_code(engine: Engine) -> None:
    assert set(heads(engine, [rename("A", "B"), rename("B", "A")], []).values()) == {("B01", "B")}


def test_a_rename_to_itself_changes_nothing(engine: Engine) -> None:
    assert heads(engine, [rename("A", "A")], [account("A")]) == {}


def test_a_contradicted_rename_of_a_cycle_opens_it(engine: Engine) -> None:
    """Only renames that join count for the ring: what is left of it is a chain with an end."""
    renames = [rename("A", "B", "2026-11-01"), rename("B", "C", "2026-11-03"), rename("C", "A", "2026-11-02")]
    found = heads(engine, renames, [account("B"), account("C", id_number=OTHER)])
    assert contradicted(engine) == [("B01", "B")]
    assert set(found.values()) == {("B01", "B")}
