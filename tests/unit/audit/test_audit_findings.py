"""Findings as they are published: evidence, tokens, fingerprints, order (SPEC 6, 8.1, 9)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from creditaudit.audit.findings import build_findings, clearance_rows, finding_rows
from creditaudit.audit.readable import JUDGED
from creditaudit.audit.rulebook import load_rules
from creditaudit.audit.rules_run import judge
from creditaudit.tables import CLEARANCES, FINDINGS, FINDINGS_ORDER
from unit.kit import NIGHT, PERSON, day_number, demo_keys, seconds

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Row = dict[str, Any]
RULES = load_rules()
KEYS = demo_keys()


def account(code: str = "A", **cells: Any) -> Row:
    moment = seconds("2024-04-01 10:00:00")
    base = {"provider_code": "B01", "account_code": code, "id_norm": PERSON, "id_status": "ok", "id_type": "10"}
    shown = {"shown_on": day_number("2020-01-01"), "shown_to": day_number("2024-03-31"), "document_kind": "permanent"}
    when = {"moment_from": moment, "moment_to": moment, "moment_day": day_number("2024-04-01")}
    return {**base, "account_type": "D1", **shown, **when, **cells}


def notice(no: str = "L1", source: str = "loss_reports", **cells: Any) -> Row:
    reported = {"reported_from": seconds("2024-03-10"), "reported_to": seconds("2024-03-10 23:59:59")}
    shared = {f"shared_{name}": value for name, value in reported.items()}
    flags = dict.fromkeys(("noticed_unreadable", "withdrawn_unreadable", "collected_unreadable"), False)
    key = {"id_norm": PERSON, "notice_source": source, "notice_id": no, "kind": "lost"}
    return {
        **key,
        **reported,
        **shared,
        **flags,
        "noticed_on": day_number("2020-01-01"),
        "visible_from": reported["reported_from"],
        **cells,
    }


def published(engine: Engine, accounts: list[Row], notices: list[Row], night: date = NIGHT) -> list[Row]:
    given = {"judged_accounts": accounts, "notices": notices}
    for name, schema in JUDGED.items():
        engine.load(name, pa.Table.from_pylist(given.get(name, []), schema=schema))
    judge(engine, RULES)
    build_findings(engine, RULES, night, KEYS)
    table = pa.Table.from_batches(finding_rows(engine), FINDINGS)
    assert table.schema.equals(FINDINGS)
    return list(table.to_pylist())


def by_rule(rows: list[Row]) -> dict[str, Row]:
    return {row["rule_id"]: row for row in rows}


def test_a_finding_about_an_account_and_a_notice(engine: Engine) -> None:
    found = by_rule(published(engine, [account()], [notice()]))
    row = found["R101"]
    assert (row["night"], row["subject"], row["verdict"]) == (NIGHT, "account:A", "violation")
    assert (row["notice_source"], row["notice_id"], row["relation"]) == ("loss_reports", "L1", "same")
    stamps = [row[name] for name in ("moment_from", "moment_to", "reported_from", "reported_to")]
    assert [str(s) for s in stamps] == ["2024-04-01 10:00:00"] * 2 + ["2024-03-10 00:00:00", "2024-03-10 23:59:59"]
    assert row["person_token"] == KEYS.token("person", PERSON)


def test_a_finding_without_a_notice_has_null_where_the_notice_would_be(engine: Engine) -> None:
    row = by_rule(published(engine, [account()], [notice()]))["R108"]
    assert (row["verdict"], row["moment_from"] is None) == ("violation", False)
    empty = ("notice_source", "notice_id", "relation", "reported_from", "reported_to")
    assert [row[name] for name in empty] == [None] * 5


def test_evidence_is_json_with_sorted_keys_and_no_nulls_and_always_has_the_status(engine: Engine) -> None:
    """SPEC 6, 9."""
    rows = published(
        engine,
        [account("A"), account("B", shown_on=None, shown_to=None), account("C", id_status="bad_check")],
        [
            notice("L1", lost_from=seconds("2024-03-01"), lost_to=seconds("2024-03-01 23:59:59")),
            notice("E1", "invalid_cards", kind="cancelled", event="cancelled_death"),
            notice("E2", "invalid_cards", kind="superseded", event="replaced"),
        ],
    )
    assert {row["rule_id"] for row in rows} >= {"R101", "R102", "R104", "R107", "R108"}
    for row in rows:
        pairs = json.loads(row["evidence"], object_pairs_hook=list)
        names = [name for name, _ in pairs]
        assert names == sorted(set(names))
        assert all(value is not None and value is not False and value != "" for _, value in pairs)
        assert dict(pairs)["id_status"] == ("bad_check" if row["account_code"] == "C" else "ok")
        assert json.dumps(dict(pairs), ensure_ascii=False, separators=(",", ":"), sort_keys=True) == row["evidence"]
        assert PERSON not in row["evidence"]
    [first] = [r for r in rows if (r["rule_id"], r["account_code"], r["notice_id"]) == ("R101", "A", "L1")]
    evidence = json.loads(first["evidence"])
    assert (evidence["shown_on"], evidence["lost_from"]) == ("2020-01-01", "2024-03-01 00:00:00")


def test_text_in_evidence_is_escaped(engine: Engine) -> None:
    rows = published(engine, [account(id_status='o"k\\\n名')], [notice()])
    assert json.loads(by_rule(rows)["R101"]["evidence"])["id_status"] == 'o"k\\\n名'


def fingerprints(rows: list[Row]) -> dict[tuple[Any, ...], str]:
    return {(r["rule_id"], r["account_code"], r["notice_id"]): r["fingerprint"] for r in rows}


def test_a_fingerprint_is_of_what_is_said_not_of_the_night_or_the_company_it_is_in(engine: Engine) -> None:
    """SPEC 8.1: findings and their evidence; no scores, nights, rule hashes."""
    alone = fingerprints(published(engine, [account()], [notice()]))
    later = published(engine, [account("Z"), account()], [notice("L0"), notice()], NIGHT + timedelta(days=40))
    assert alone.items() <= fingerprints(later).items()
    every = [row["fingerprint"] for row in later]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize(
    "change",
    [
        {"reported_from": seconds("2024-03-09")},
        {"reported_to": seconds("2024-03-11")},
        {"withdrawn_from": seconds("2024-05-01"), "withdrawn_to": seconds("2024-05-01")},
        {"lost_from": seconds("2024-03-01"), "lost_to": seconds("2024-03-02")},
        {"notice_source": "invalid_cards"},
        {"noticed_on": None},
    ],
)
def test_a_fingerprint_changes_with_what_it_rests_on(engine: Engine, change: Row) -> None:
    before = fingerprints(published(engine, [account()], [notice()]))["R101", "A", "L1"]
    shared = {f"shared_{k}": v for k, v in change.items() if k.startswith("reported")}
    after = fingerprints(published(engine, [account()], [notice(**change, **shared)]))
    assert after.get(("R101", "A", "L1")) != before


def test_findings_are_sorted_missing_first(engine: Engine) -> None:
    accounts = [account(c, provider_code=p) for p in ("B02", "B01") for c in ("b", "A", "a", "z", "𠀀", "￥")]
    rows = published(engine, accounts, [notice("L2"), notice("L1"), notice("L1", "invalid_cards")])
    keys = [tuple((row[name] is not None, row[name] or "") for name in FINDINGS_ORDER) for row in rows]
    assert keys == sorted(keys)
    assert len(keys) == len(set(keys)) == 12 * 4


def test_no_finding_is_an_empty_table(engine: Engine) -> None:
    assert published(engine, [], []) == []
    assert engine.fetch("SELECT * FROM findings").num_rows == 0


def test_clearances_are_sorted_and_dated(engine: Engine) -> None:
    newer = {"shown_on": day_number("2024-03-20"), "shown_to": None}
    published(
        engine, [account("b", **newer), account("a", document_kind="other", shown_on=None)], [notice("L2"), notice()]
    )
    table = pa.Table.from_batches(clearance_rows(engine, NIGHT), CLEARANCES)
    assert table.schema.equals(CLEARANCES)
    assert [tuple(row.values())[2:] for row in table.to_pylist()] == [
        ("a", "loss_reports", "L1", "no_card_shown"),
        ("a", "loss_reports", "L2", "no_card_shown"),
        ("b", "loss_reports", "L1", "newer_card_shown"),
        ("b", "loss_reports", "L2", "newer_card_shown"),
    ]
    assert set(table["night"].to_pylist()) == {NIGHT}


def test_findings_that_are_made_part_by_part_are_the_same(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = [account(f"A{n}") for n in range(40)]
    at_once = published(engine, accounts, [notice(), notice("L2")])
    parts: list[str] = []
    load = engine.load

    def counted(name: str, table: pa.Table) -> None:
        assert table.num_rows <= 40  # the subjects of R101 have two findings each, and go together
        parts.append(name)
        load(name, table)

    monkeypatch.setattr("creditaudit.audit.findings._AT_ONCE", 7)
    monkeypatch.setattr(engine, "load", counted)
    assert published(engine, accounts, [notice(), notice("L2")]) == at_once
    assert len([name for name in parts if name.startswith("findings_")]) > 10
    assert len(at_once) >= 80


def test_an_instant_is_written_as_the_wall_clock_says(engine: Engine) -> None:
    before_1970 = int(datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
    rows = published(engine, [account()], [notice(lost_from=before_1970, lost_to=before_1970)])
    assert json.loads(by_rule(rows)["R101"]["evidence"])["lost_from"] == "1969-12-31 23:59:59"
