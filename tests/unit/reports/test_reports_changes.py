"""What changed, and because of which delivery (SPEC 10.3); rows of other ID types (SPEC 3.2)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.audit.lineage import build_lineage
from creditaudit.reports.changes import count_other_ids, tell_changes
from unit.kit import NIGHT, OTHER, PERSON, typed

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Row = dict[str, Any]
FEEDS = ("accounts", "loss_reports", "invalid_cards", "issuances", "inquiries", "fraud_alerts", "objections")
BEFORE = NIGHT - timedelta(days=1)
ACCOUNT = {"provider_code": "B01", "account_code": "A1", "id_number": PERSON, "id_type": "10"}
REPORT = {"report_no": "L1", "id_number": PERSON, "reported_at": "2024-01-10"}


def told(engine: Engine, events: list[tuple[str, str, str]], **feeds: list[Row]) -> dict[str, Any]:
    """Return what is told of events (event, case, proof) of cases C1 (of the person) and C2 (of another)."""
    text = pa.string()
    moves = [{"event": e, "case_id": c, "episode": 1, "proof": p} for e, c, p in events]
    cases = [{"case_id": f"C{n}", "episode": 1, "provider_code": "B01", "account_code": f"A{n}"} for n in (1, 2)]
    subjects = [("A1", PERSON), ("A2", OTHER)]
    for name, rows, columns in (
        ("tonights_events", moves, ("event", "case_id", "proof")),
        ("case_rows", [{**c, "subject": c["account_code"]} for c in cases], ("case_id", *ACCOUNT, "subject")),
        (
            "case_subjects",
            [{"provider_code": "B01", "subject": s, "id_norm": n} for s, n in subjects],
            ("provider_code", "subject", "id_norm"),
        ),
    ):
        schema = pa.schema([*((c, text) for c in columns), ("episode", pa.int32())])
        engine.load(name, pa.Table.from_pylist(rows, schema=schema))
    build_renames(engine, feeds.get("account_renames", []))
    for feed in (*FEEDS, "openings", "verifications", "account_renames", "impostors"):
        parts = [typed(feed, [r], night=r.pop("night", NIGHT)) for r in map(dict, feeds.get(feed, []))]
        engine.load(f"whole_{feed}", pa.concat_tables([typed(feed, []), *parts]))
    return tell_changes(engine, NIGHT)


def build_renames(engine: Engine, renames: list[Row]) -> None:
    """Make the lineages as a night makes them, of an empty book of accounts."""
    engine.load("standing_account_renames", typed("account_renames", [{**r, "night": NIGHT} for r in renames]))
    engine.load("standing_accounts", typed("accounts", []))
    build_lineage(engine, NIGHT)


def rows(found: dict[str, Any]) -> list[tuple[str, str, str, int]]:
    return [(r["event"], r["cause"], r["file"], r["cases"]) for r in found["changes"]]


def test_a_new_case_is_told_by_every_file_that_speaks_of_its_person_or_account(engine: Engine) -> None:
    opening = {"provider_code": "B01", "account_code": "A1"}
    found = told(engine, [("opened", "C1", "x")], accounts=[ACCOUNT], loss_reports=[REPORT], openings=[opening])
    assert rows(found) == [
        ("opened", "accounts", "f.csv", 1),
        ("opened", "loss_reports", "f.csv", 1),
        ("opened", "openings", "f.csv", 1),
    ]


def test_a_rename_is_a_cause_for_the_cases_of_its_lineage_alone(engine: Engine) -> None:
    """A1 was A8 and is A7 from tonight on; A2 was never renamed. A rename of an earlier night brings nothing about."""
    rename = {"provider_code": "B01", "effective_on": BEFORE}
    renames = [
        {**rename, "old_account_code": "A8", "new_account_code": "A1", "night": BEFORE},
        {**rename, "old_account_code": "A1", "new_provider_code": "B02", "new_account_code": "A7"},
    ]
    events = [("provider_changed", "C1", "x"), ("evidence_changed", "C2", "x")]
    found = told(engine, events, account_renames=renames)
    assert rows(found) == [("evidence_changed", "other", "", 1), ("provider_changed", "account_renames", "f.csv", 1)]
    opening = {"provider_code": "B02", "account_code": "A7"}  # under the new code
    found = told(engine, events[:1], account_renames=[{**r, "night": BEFORE} for r in renames], openings=[opening])
    assert rows(found) == [("provider_changed", "openings", "f.csv", 1)]


def test_an_impostor_is_a_cause_for_the_accounts_that_he_opened_for_others(engine: Engine) -> None:
    openings = [
        {"provider_code": "B01", "account_code": "A1", "handler_id_number": OTHER, "night": BEFORE},
        {"provider_code": "B01", "account_code": "A2", "handler_id_number": PERSON, "night": BEFORE},
    ]
    impostor = {"person_ref": "I1", "id_number": OTHER, "finding_on": "2026-11-01"}
    events = [("evidence_changed", "C1", "x"), ("evidence_changed", "C2", "x")]
    found = told(engine, events, openings=openings, impostors=[impostor])
    assert rows(found) == [("evidence_changed", "impostors", "f.csv", 1), ("evidence_changed", "other", "", 1)]


def test_rows_of_earlier_nights_and_of_others_bring_nothing_about(engine: Engine) -> None:
    found = told(
        engine,
        [("opened", "C1", "x"), ("woken", "C2", "x")],
        accounts=[{**ACCOUNT, "night": BEFORE}, {**ACCOUNT, "account_code": "A9", "id_number": OTHER}],
        loss_reports=[{**REPORT, "night": BEFORE}],
    )
    assert rows(found) == [("opened", "other", "", 1), ("woken", "accounts", "f.csv", 1)]


def test_what_was_withdrawn_is_told_by_the_registry_that_took_it_and_sent_is_no_change(engine: Engine) -> None:
    events = [
        ("withdrawn", "C1", "no_finding_stands:loss_reports"),
        ("withdrawn", "C2", "no_finding_stands:other"),
        ("answered", "C1", "answer:0"),
        ("overdue", "C2", "due_on:2026-11-19"),
        ("sent", "C2", "exceptions.csv"),
    ]
    found = told(engine, events)
    assert found["withdrawn_cases"] == 2
    assert rows(found) == [
        ("answered", "inbox", "", 1),
        ("overdue", "other", "", 1),
        ("withdrawn", "loss_reports", "", 1),
        ("withdrawn", "other", "", 1),
    ]


def test_rows_of_other_id_types_are_counted_per_institution_where_the_number_is_sound(engine: Engine) -> None:
    """SPEC 3.2: tonight's; a code that reads as a number is hidden."""
    other = {**ACCOUNT, "id_type": "20"}
    given = [
        {**other, "account_code": "A2"},
        {**other, "account_code": "A3"},
        ACCOUNT,
        {**other, "account_code": "A4", "id_status": "bad_check"},
        {**other, "provider_code": PERSON},
    ]
    parts = [typed("accounts", given), typed("accounts", [{**other, "account_code": "A5"}], night=BEFORE)]
    engine.load("whole_accounts", pa.concat_tables(parts))
    assert count_other_ids(engine, NIGHT) == [{"provider_code": "***", "rows": 1}, {"provider_code": "B01", "rows": 2}]
