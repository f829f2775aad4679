"""SPEC 7.4: what a score rests on is read off the case's own and its person's rows."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditaudit.book.case_state import CASE_FACTS
from creditaudit.errors import InternalError
from creditaudit.scoring.features import FEATURES, Lookups, as_matrix, feature_matrix
from creditaudit.scoring.formula import FORMULA
from creditaudit.scoring.score import score_cases
from place import Place
from unit.scoring.score_house import FIRST, account, loss, number, opening

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Facts = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Persons 0 to 5 lost a card on 5 January, reported it on the 8th, and two collected the next one on 1 March."""
    place = Place(tmp_path_factory.mktemp("facts")).made()
    first_months = {"overdue_amount": "500", "report_date": "2026-02-10"}
    accounts = [
        account(0, opened_at="2026-01-07 23:30:00"),  # between loss and report, late in the evening
        account(1, opened_at="2026-01-12", **first_months),  # 2,000 yuan, in arrears within two months
        account(2, opened_at="2026-03-05 10:00:00", overdue_amount="9000"),  # more overdue than lent
        account(3, opened_at="2026-02-01 10:00", currency="USD"),
        account(3, account_code="A3B", provider_code="B07", opened_at="2026-02-03 10:00", region_code="440300"),
        account(3, account_code="A3C", provider_code="B08", opened_at="2026-02-20 10:00", name="李四"),
        account(3, account_code="OLD", provider_code="B09", opened_at="2020-02-03 10:00", name="张三"),
        account(4, amount="", overdue_amount="", region_code=""),
        account(5),
        account(6, opened_at="2026-01-07 10:00:00"),  # before the report, which was taken back on the 20th
        account(7),  # while the report stood
        account(8, opened_at="2026-03-05 10:00:00"),  # after it was taken back, with an expired card
        account(9),  # when it was taken back cannot be read
    ]
    place.deliver(FIRST, "accounts", accounts)
    openings = [opening(n) for n in range(5)]
    openings[2]["card_valid_from"] = ""
    openings += [opening(3, account_code=c, provider_code=p) for c, p in (("A3B", "B07"), ("A3C", "B08"))]
    openings += [opening(n) for n in (6, 7, 9)]
    openings.append(opening(8, card_valid_to="2025-01-01"))
    place.deliver(FIRST, "openings", openings)
    taken_back = [{**loss(n), "withdrawn_at": "2026-01-20 09:00:00"} for n in (6, 7, 8)]
    unreadable = {**loss(9), "withdrawn_at": "gestern"}
    place.deliver(FIRST, "loss_reports", [*(loss(n) for n in range(5)), *taken_back, unreadable])
    collected = [
        {"id_number": number(n), "card_valid_from": "2026-02-25", "kind": "permanent", "collected_at": "2026-03-01"}
        for n in (1, 2)
    ]
    place.deliver(FIRST, "issuances", collected)
    checks = {"provider_code": "B01", "account_code": "A1", "checked_at": "2026-01-12 08:00:00"}
    failed = {**checks, "check_id": "K1", "check_kind": "face_match", "result": "fail"}
    place.deliver(FIRST, "verifications", [failed])
    place.night(FIRST)
    return place


@pytest.fixture(scope="module")
def facts(place: Place) -> Facts:
    [file] = (place.folder(FIRST) / "state" / "case_facts").glob("*.parquet")
    return {row["subject"].removeprefix("account:"): row for row in pq.read_table(file).to_pylist()}


def test_days_and_where_the_card_was(facts: Facts) -> None:
    assert [facts[c]["days_from_loss"] for c in ("A0", "A1", "A2", "A3")] == [2, 7, 59, 27]
    assert [facts[c]["phase"] for c in ("A0", "A1", "A2", "A3")] == [2, 2, 0, 1]
    assert [facts[c]["relation"] for c in ("A1", "A2")] == [3, 1]
    assert [facts[c]["out_of_hours"] for c in ("A0", "A1", "A3")] == [1, None, 0]


def test_a_loss_that_was_taken_back_tells_only_while_it_stood(facts: Facts) -> None:
    """The card may have been with its holder before he reported it, and was so after he took the report back."""
    assert [(facts[c]["rule_id"], facts[c]["verdict"]) for c in ("A6", "A7", "A8", "A9")] == [
        ("R105", "lead"),
        ("R101", "violation"),
        ("R108", "violation"),
        ("R101", "undecidable"),
    ]
    assert [facts[c]["days_from_loss"] for c in ("A6", "A7", "A8", "A9")] == [None, 12, None, None]
    assert [facts[c]["phase"] for c in ("A6", "A7", "A8", "A9")] == [None, 1, None, None]


def test_amounts_and_arrears(facts: Facts) -> None:
    assert [facts[c]["amount"] for c in ("A1", "A3", "A4")] == [2000, None, None]
    assert [facts[c]["overdue"] for c in ("A0", "A1", "A2", "A4")] == [
        0,
        1.25,
        0.999,
        None,
    ]  # from 1 on it is told of the first months, and stays


def test_the_persons_other_accounts(facts: Facts) -> None:
    assert [facts[c]["institutions_30d"] for c in ("A1", "A3", "A3B")] == [1, 3, 3]
    assert [facts[c]["burst_7d"] for c in ("A1", "A3", "A3B", "A3C")] == [1, 2, 2, 1]
    assert [facts[c]["region_away"] for c in ("A1", "A3", "A3B")] == [None, 0, 2]
    assert facts["A3C"]["name_conflict"] == 1
    assert facts["A3"]["name_conflict"] is None


def test_doors_and_checks(facts: Facts) -> None:
    assert [facts[c]["channel"] for c in ("A1", "A2")] == [0, 2]
    assert [facts[c]["checks"] for c in ("A1", "A2")] == [2, None]
    assert facts["A1"]["evidence"] == 3  # card shown, card noticed, a check; the moment is a day


def test_no_number_phone_or_operator_stands_in_the_facts(place: Place, facts: Facts) -> None:
    text = repr(facts)
    assert "1380000" not in text
    assert "19800101" not in text
    assert {len(row["operator_token"] or "no opening......") for row in facts.values()} == {16}
    assert facts["A3"]["phone_token"] == facts["A3B"]["phone_token"] != facts["A1"]["phone_token"]


def test_what_comes_of_others_is_unknown_without_a_model(place: Place, facts: Facts, engine: Engine) -> None:
    [file] = (place.folder(FIRST) / "state" / "case_facts").glob("*.parquet")
    engine.load("standing_case_facts", pq.read_table(file))
    bare = feature_matrix(engine)
    assert bare.column_names == ["provider_code", "subject", *(feature.name for feature in FEATURES)]
    assert bare["amount_vs_product"].null_count == bare["operator_hits"].null_count == bare.num_rows
    tables = {"product_amount": {"D1|11": 1000.0}, "operator_hits": {facts["A1"]["operator_token"]: 0.5}}
    known = {row["subject"]: row for row in feature_matrix(engine, Lookups(tables)).to_pylist()}
    assert known["account:A1"]["amount_vs_product"] == 2.0
    assert known["account:A1"]["operator_hits"] == 0.5
    assert known["account:A4"]["amount_vs_product"] is None
    assert as_matrix(bare).shape == (bare.num_rows, len(FEATURES))


def test_a_night_loads_no_scikit_learn() -> None:
    asked = "import sys, creditaudit.night, creditaudit.cli; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_a_case_without_facts_stops_the_night_instead_of_leaving_the_queue(engine: Engine) -> None:
    engine.load("standing_case_facts", CASE_FACTS.schema.empty_table())
    engine.load("findings", pa.table({"provider_code": ["B01"], "subject": ["account:A"]}))
    with pytest.raises(InternalError, match="1 subjects have findings, and 0 have facts"):
        score_cases(engine, FORMULA)
