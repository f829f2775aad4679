"""SPEC 7.4, issue 7: what a model freezes of other persons' accounts, value by value, and by which key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from creditaudit.book.case_state import CASE_FACTS
from creditaudit.book.keys import Key, Keyring
from creditaudit.scoring.lookups import DRAWN, LEAST_AMOUNTS, LEAST_OPENINGS, MOST_SHARED, Frozen, freeze_lookups
from unit.kit import typed

if TYPE_CHECKING:
    from creditaudit.engines import Engine

OLD = Key("K1", "superseded", b"\x07" * 32)
NEW = Key("K2", "active", b"\x08" * 32)
GONE = Key("K0", "retired", b"\x09" * 32)


def token(party: str, value: str, provider: str = "", key: Key = NEW) -> str:
    """The token of one party, by the definition of SPEC 10.4: an HMAC with a key of its own purpose."""
    return key.token("score", f"{party}\x1f{provider}\x1f{value}")[:16]


def _frozen(
    engine: Engine,
    accounts: list[dict[str, Any]],
    openings: list[dict[str, Any]],
    facts: list[dict[str, Any]],
    keys: Keyring = Keyring((NEW, OLD, GONE)),  # noqa: B008 - it cannot be changed
) -> Frozen:
    engine.load("standing_accounts", typed("accounts", accounts))
    engine.load("standing_openings", typed("openings", openings))
    engine.load("training_facts", pa.Table.from_pylist(facts, schema=CASE_FACTS.schema))
    regions = {"provider_code": ["B01", "B02"], "region_code": ["110000", None]}
    engine.load("addressed_regions", pa.table(regions, schema=pa.schema(dict.fromkeys(regions, pa.string()))))
    return freeze_lookups(engine, keys)


def _account(n: int, **cells: Any) -> dict[str, Any]:
    said = {"provider_code": "B01", "account_code": f"A{n}", "account_type": "D1", "business_code": "11"}
    return {**said, "id_norm": f"P{n}", "amount": 1000 * (n + 1), **cells}


def _fact(n: int, **cells: Any) -> dict[str, Any]:
    return {"provider_code": "B01", "subject": f"account:A{n}", "product": "D1|11", **cells}


def test_usual_amounts_are_those_of_all_accounts(engine: Engine) -> None:
    """The median of all; of cases alone it would be 9,000. The region is the account's, else its institution's."""
    accounts = [_account(n) for n in range(9)]
    accounts += [_account(n, provider_code="B02", region_code="440300", amount=70_000) for n in range(10, 15)]
    accounts += [_account(20, amount=0), _account(21, amount=None), _account(22, currency="USD")]
    accounts += [_account(n, account_type="R2", amount=5) for n in range(30, 30 + LEAST_AMOUNTS - 1)]
    found = _frozen(engine, accounts, [], [_fact(8, amount=9000.0)]).lookups.tables
    assert found["product_amount"] == {"D1|11": 7000.0}
    assert found["region_amount"] == {"D1|11|11": 5000.0, "D1|11|44": 70_000.0}


def test_a_rate_is_a_share_of_the_openings_drawn_to_that_of_all(engine: Engine) -> None:
    """A bought debt is no second hit of whoever opened the original, and none of whoever holds it."""
    accounts = [_account(n) for n in range(LEAST_OPENINGS)]
    accounts += [_account(n, provider_code="B02") for n in range(100, 100 + 2 * LEAST_OPENINGS)]
    accounts += [_account(n, account_type="C1") for n in range(200, 220)]
    openings = [
        {"provider_code": a["provider_code"], "account_code": a["account_code"], "operator_id": "O1"}
        for a in accounts
        if a["account_type"] != "C1"
    ]
    mine = token("operator", "O1", "B01")
    facts = [_fact(n, operator_token=mine) for n in range(5)]
    facts += [_fact(n, operator_token=mine, product="C1|") for n in range(200, 220)]
    facts += [_fact(7, subject="inquiry:I7")]
    found = _frozen(engine, accounts, openings, facts).lookups.tables
    whole = 5 / (3 * LEAST_OPENINGS)
    expected = {
        "B01": (5 + DRAWN * whole) / (LEAST_OPENINGS + DRAWN),
        "B02": DRAWN * whole / (2 * LEAST_OPENINGS + DRAWN),
    }
    assert found["branch_hits"] == pytest.approx(expected)
    assert found["operator_hits"] == pytest.approx(
        {token("operator", "O1", house): rate for house, rate in expected.items()}
    )
    every = [_fact(n, operator_token=mine, subject=f"account:R{n}") for n in range(3 * LEAST_OPENINGS)]
    rates = _frozen(engine, accounts, openings, every).lookups.tables  # renamed: facts under both codes
    assert max(*rates["operator_hits"].values(), *rates["branch_hits"].values()) <= 1


def test_phones_and_handlers_of_several_persons_are_counted_once_a_person(engine: Engine) -> None:
    """One alone is not named, and one of very many is a branch's own or stands for none."""
    accounts = [_account(n, id_norm=f"P{n % 250}") for n in range(300)]
    phones = {0: "13800000001", 250: "13800000001", 1: "13800000002", 2: "13800000002", 3: "13800000003"}
    openings = [
        {
            "provider_code": "B01",
            "account_code": f"A{n}",
            "phone": phones.get(n, "13900000000"),
            "handler_id_norm": "H" if n in (5, 6, 7) else None,
        }
        for n in range(300)
    ]
    found = _frozen(engine, accounts, openings, []).lookups.tables
    assert MOST_SHARED < 240
    assert found["phone_people"] == {token("phone", "13800000002"): 2.0}
    assert found["handler_people"] == {token("handler", "H"): 3.0}


def test_older_keys_name_the_facts_of_older_nights_and_retired_ones_nobody(engine: Engine) -> None:
    """Training recognises whom an older key named; the model knows the active key's tokens alone, and a rate is one."""
    accounts = [_account(n, id_norm=f"P{n}") for n in range(LEAST_OPENINGS)]
    openings = [
        {"provider_code": "B01", "account_code": f"A{n}", "operator_id": "O1", "phone": "13800000001"}
        for n in range(LEAST_OPENINGS)
    ]
    facts = [_fact(n, operator_token=token("operator", "O1", "B01", (OLD, NEW, GONE)[n % 3])) for n in range(9)]
    found = _frozen(engine, accounts, openings, facts)
    rate = 6 / LEAST_OPENINGS  # those of the retired key are not recognised
    assert found.lookups.tables["operator_hits"] == pytest.approx({token("operator", "O1", "B01"): rate})
    assert found.known.tables["operator_hits"] == pytest.approx(
        {token("operator", "O1", "B01", key): rate for key in (OLD, NEW)}
    )
    people = {key: token("phone", "13800000001", key=key) for key in (OLD, NEW)}
    assert found.known.tables["phone_people"] == dict.fromkeys(people.values(), float(LEAST_OPENINGS))
    assert found.lookups.tables["phone_people"] == {people[NEW]: float(LEAST_OPENINGS)}
    assert found.known.tables["product_amount"] == found.lookups.tables["product_amount"] != {}
