"""Which cases have a sheet, and what an institution may read on it (SPEC 7.4, 10.1)."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from markupsafe import escape

from creditaudit.audit.notices import tell_notices
from creditaudit.book.sheet_state import SHEET_FACTS
from creditaudit.feeds import FEEDS
from creditaudit.masking import Mask
from creditaudit.reports.case_sheets import MOST_SHEETS, CaseSheets, choose
from creditaudit.reports.dress import plain
from creditaudit.reports.foreign import Foreign
from creditaudit.reports.pictures import MOST_MARKS, PICTURED
from creditaudit.reports.recipients import Recipient
from creditaudit.tables import FINDINGS
from unit.kit import NIGHT, PERSON, interval, seconds, typed

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Row = dict[str, Any]
TEXT = pa.string()
LIAISON = Recipient("pboc", "pboc_liaison", Mask(3, 4), "utf-8-sig", "zh")
BANK = Recipient("a bank", "institution", Mask(1, 1), "utf-8-sig", "en", "B01")
CASE_ROWS = pa.schema(
    [
        *[
            (n, TEXT)
            for n in ("case_id", "provider_code", "account_code", "subject", "state", "tier", "verdict", "fault")
        ],
        *[(n, TEXT) for n in ("duty_source", "due_kind", "holds_the_ball", "ask_for", "blind_spots", "stale_inputs")],
        *[(n, TEXT) for n in ("next_step_ids", "reasons", "fault")],
        ("episode", pa.int32()),
        ("priority", pa.float64()),
        ("first_seen", pa.date32()),
        ("due_on", pa.date32()),
        *[(n, pa.bool_()) for n in ("due_provisional", "is_new", "is_superseded")],
    ]
)
SUBJECTS = pa.schema(
    [
        *[(n, TEXT) for n in ("provider_code", "subject", "id_norm", "account_type")],
        ("opened_from", pa.int64()),
        ("opened_to", pa.int64()),
    ]
)
REMEDIES = pa.schema(
    [
        *[(n, TEXT) for n in ("remedy_id", "next_step", "next_step_en", "who", "basis")],
        ("in_force_from", pa.date32()),
        ("in_force_to", pa.date32()),
        ("row", pa.int64()),
    ]
)
PAIRS = pa.list_(pa.struct([("name", TEXT), ("value", TEXT)]))
ELEMENTS = pa.schema(
    [*[(n, TEXT) for n in ("case_id", "name", "status", "value")], ("place", pa.int64()), ("source", PAIRS)]
)
FLIPS = pa.schema(
    [("case_id", TEXT), ("place", pa.int64()), ("changes", PAIRS), ("is_open", pa.bool_()), ("fault", TEXT)]
)


def case(number: int, **cells: Any) -> Row:
    row: Row = {"case_id": f"CA-{number:04}", "provider_code": "B01", "account_code": f"A{number}", "episode": 1}
    row |= {"subject": f"account:A{number}", "state": "sent", "tier": "R101", "verdict": "violation"}
    row |= {"fault": "needs_evidence", "first_seen": NIGHT, "is_new": True, "is_superseded": False}
    return {**row, **cells}


def stand(engine: Engine, cases: list[Row], findings: list[Row] | None = None, **feeds: list[Row]) -> None:
    """Make what a night has when its sheets are written."""
    listed = [
        {"recipient": r.name, "place": n, "case_id": c["case_id"], "episode": 1, "change": c.get("change", "new")}
        | {"provider_code": c["provider_code"], "account_code": c["account_code"], "is_data_quality": False}
        for r in (LIAISON, BANK)
        for n, c in enumerate(cases)
    ]
    schema = pa.schema([*[(n, TEXT) for n in ("recipient", "case_id", "change", "provider_code", "account_code")]])
    schema = pa.schema([*schema, ("place", pa.int64()), ("episode", pa.int32()), ("is_data_quality", pa.bool_())])
    whose = [{"provider_code": c["provider_code"], "subject": c["subject"], "id_norm": PERSON} for c in cases]
    for name, rows, kind in (
        ("recipient_rows", listed, schema),
        ("case_rows", [{k: v for k, v in c.items() if k != "change"} for c in cases], CASE_ROWS),
        ("case_subjects", whose, SUBJECTS),
        ("findings", findings or [], FINDINGS),
        ("standing_sheet_facts", feeds.pop("kept", []), SHEET_FACTS.schema),
        ("remedies", [], REMEDIES),
        ("documents", [], pa.schema([(n, TEXT) for n in ("document_id", "zh", "en")])),
        ("rule_titles", [], pa.schema([(n, TEXT) for n in ("rule_id", "zh", "en")])),
        ("institutions", [{"provider_code": p} for p in ("B01", "B02")], pa.schema([("provider_code", TEXT)])),
        ("report_rows", [], pa.schema([(n, TEXT) for n in ("provider_code", "reasons", "blind_spots")])),
        ("standing_accounts", [], FEEDS["accounts"].schema),
        ("sheet_elements", feeds.pop("elements", []), ELEMENTS),
        ("sheet_flips", [], FLIPS),
    ):
        engine.load(name, pa.Table.from_pylist(rows, schema=kind))
    for feed in ("loss_reports", "invalid_cards", "issuances"):
        engine.load(f"whole_{feed}", typed(feed, feeds.get(feed, [])))
    choose(engine, NIGHT)
    tell_notices(engine)


def written(engine: Engine, recipient: Recipient = LIAISON) -> dict[str, str]:
    sheets = CaseSheets(engine, NIGHT)
    foreign = Foreign(engine)
    return {name: content.decode() for name, content in sheets.of(recipient, foreign)}


def test_the_first_200_by_priority_have_a_sheet_and_then_by_the_order_of_the_file(engine: Engine) -> None:
    cases = [case(n, priority=None if n % 2 else round(n / 1000, 4)) for n in range(300)]
    stand(engine, cases)
    names = [name.removeprefix("cases/CA-").removesuffix(".html") for name in written(engine)]
    assert len(names) == MOST_SHEETS
    assert [int(n) for n in names[:150]] == list(range(298, -1, -2))
    assert [int(n) for n in names[150:]] == list(range(1, 100, 2))


def test_only_what_is_sent_has_a_sheet_and_only_new_cases_a_picture(engine: Engine) -> None:
    stand(engine, [case(1, change=None, is_new=False), case(2, change="changed", is_new=False), case(3)])
    assert list(written(engine)) == ["cases/CA-0002.html", "cases/CA-0003.html"]
    sheets = CaseSheets(engine, NIGHT)
    assert [p.case["case_id"] for p in sheets.pictures()] == ["CA-0003"]


def test_pictures_are_the_first_fifty_and_link_to_the_sheets_that_were_written(engine: Engine) -> None:
    stand(engine, [case(n, priority=n / 100) for n in range(60)])
    sheets = CaseSheets(engine, NIGHT)
    assert {p.href for p in sheets.pictures()} == {None}
    list(sheets.of(BANK, Foreign(engine)))
    pictures = sheets.pictures()
    assert [p.case["case_id"] for p in pictures] == [f"CA-{n:04}" for n in range(59, 59 - PICTURED, -1)]
    assert pictures[0].href == "reports/a%20bank/cases/CA-0059.html"


def test_an_institution_reads_other_in_the_place_of_others(engine: Engine) -> None:
    """SPEC 10.1."""
    element = {"case_id": "CA-0001", "place": 0, "name": "performed", "status": "refuted", "value": "missing"}
    element |= {"source": [{"name": "covered_by", "value": "2026-11-20/B02-log.csv"}]}
    stand(engine, [case(1, blind_spots="possibly rekeyed: B02/X9")], elements=[element])
    [seen] = written(engine, BANK).values()
    assert "B02" not in seen
    assert "X9" not in seen
    assert "possibly rekeyed: other" in seen
    assert "2026-11-20/other-log.csv" in seen
    [seen] = written(engine, LIAISON).values()
    assert "possibly rekeyed: B02/X9" in seen
    assert "2026-11-20/B02-log.csv" in seen


@pytest.mark.parametrize(
    "hostile",
    [
        *("<script>alert(1)</script>", "\u202eA1", PERSON, "13812345678", "8613812345678", "１３８１２３４５６７８"),
        *("138\u200b12345678", "欧阳测试"),
    ],
)
def test_hostile_codes_are_text_and_numbers_and_names_are_hidden(engine: Engine, hostile: str) -> None:
    """SPEC 10.4: in codes, keys of notices and checks, evidence and blind spots; on a sheet and in a picture."""
    start, end = interval("2024-01-10")
    notice = {"report_no": hostile, "id_number": PERSON, "reported_at": "2024-01-10", "lost_at": "2024-01-09"}
    finding = {"provider_code": "B01", "subject": "account:A1", "rule_id": "R101", "verdict": "violation"}
    finding |= {"notice_source": "loss_reports", "notice_id": hostile, "relation": "same"}
    finding |= {"reported_from": start, "reported_to": end, "moment_from": start, "moment_to": end}
    element = {"case_id": "CA-0001", "place": 0, "name": "performed", "status": "proven", "value": "passed"}
    notice_key = {"name": "notice_source", "value": "loss_reports"}, {"name": "notice_id", "value": hostile}
    element |= {"source": [{"name": "card_check_id", "value": hostile}, *notice_key]}
    kept = {"night": NIGHT, "provider_code": "B01", "subject": "account:A1", "card_check_id": hostile}
    kept |= {"card_check_result": "valid", "card_check_from": 0, "card_check_to": 0}
    spots = f"possibly rekeyed: B02/{hostile}"
    named = case(1, account_code=hostile, blind_spots=spots)
    stand(engine, [named], [finding], elements=[element], kept=[kept], loss_reports=[notice])
    [seen] = written(engine).values()
    [picture] = CaseSheets(engine, NIGHT).pictures()
    for page in (seen, f"{escape(plain(picture.account))} {picture.picture}"):  # as the template puts it
        assert hostile not in page
        assert "\u202e" not in page
    assert "丢失" in seen
    assert "card_check_id" in seen


def test_due_dates_are_told_with_their_kind_and_how_late_they_are(engine: Engine) -> None:
    """SPEC 8.4."""
    due = {"due_on": date(2026, 11, 15), "due_kind": "legal", "due_provisional": True}
    stand(engine, [case(1, **due), case(2, due_on=NIGHT, due_kind="house"), case(3)])
    late, today, none = written(engine).values()
    assert "2026-11-15 (法定期限, 逾期 5 天, 暂定)" in late
    assert "2026-11-20 (内部目标, 余 0 天)" in today
    assert "无期限" in none


def kept_of(**cells: Any) -> Row:
    """Return what the book keeps of a judgment whose findings have fallen."""
    start, end = (seconds(f"2024-01-10 {time}") for time in ("00:00:00", "23:59:59"))
    row = {"night": NIGHT, "provider_code": "B01", "subject": "account:A1", "rule_id": "R101", "verdict": "violation"}
    row |= {"notice_source": "loss_reports", "notice_id": "L1", "moment_from": start, "moment_to": end}
    return {**row, **cells}


@pytest.mark.parametrize("spots", ["provider_changed:opened_at", None])
def test_a_case_whose_findings_fell_is_told_as_it_last_stood(engine: Engine, spots: str | None) -> None:
    """SPEC 7.3, 8.1: held by its institution's change, or fallen for another reason; elements, timeline and all."""
    notice = {"report_no": "L1", "id_number": PERSON, "reported_at": "2024-01-09", "lost_at": "2024-01-08"}
    element = {"case_id": "CA-0001", "place": 0, "name": "duty", "status": "missing", "value": "unknown", "source": []}
    stand(engine, [case(1, blind_spots=spots)], kept=[kept_of()], elements=[element], loss_reports=[notice])
    [seen] = written(engine, BANK).values()
    told = " ".join(unescape(re.sub(r"<[^>]+>", " ", seen)).split())
    assert "No finding stands tonight; this is as it was when one last stood." in told
    assert "R101 — violation" in re.sub(r"\s+", " ", told)
    assert "notice loss_reports L1" in told
    for event in ("Lost", "Reported", "Visible", "Opened, identity checked", "2024-01-08", "2024-01-10"):
        assert event in told
    assert "duty" in told.lower()
    assert ("provider_changed:opened_at" in told) == (spots is not None)


@pytest.mark.parametrize("has_fallen", [False, True])
def test_the_card_that_was_collected_is_the_one_that_the_rules_weigh(engine: Engine, *, has_fallen: bool) -> None:
    """SPEC 5: valid from the loss on suffices, so neither the report's date nor tonight's findings decide."""
    dates = {"lost_at": "2024-01-01", "reported_at": "2024-01-10"}
    notice = {"report_no": "L1", "id_number": PERSON, "card_valid_from": "2020-05-05", **dates}
    # The same loss in the other registry shares it, and it is drawn once.
    twin = {"event_id": "E1", "id_number": PERSON, "event": "reported_lost", "effective_at": "2024-01-10"}
    cards = [("2019-05-05", "2020-01-01"), ("2024-01-05", "2024-01-08"), ("2025-02-01", "2025-02-03")]
    issued = [
        {"id_number": PERSON, "card_valid_from": valid, "kind": "permanent", "collected_at": taken}
        for valid, taken in cards
    ]
    start, end = interval("2024-02-01")
    finding = {"provider_code": "B01", "subject": "account:A1", "rule_id": "R103", "verdict": "lead"}
    finding |= {"notice_source": "loss_reports", "notice_id": "L1", "relation": "unknown"}
    finding |= {"moment_from": start, "moment_to": end}
    both = [finding, {**finding, "notice_source": "invalid_cards", "notice_id": "E1"}]
    feeds = {"loss_reports": [notice], "invalid_cards": [twin], "issuances": issued}
    stand(engine, [case(1)], [] if has_fallen else both, kept=[kept_of()] if has_fallen else [], **feeds)
    marks = CaseSheets(engine, NIGHT).facts["CA-0001"].marks
    taken = [(m.start, m.end) for m in marks if m.kind == "collected"]
    assert taken == [(seconds("2024-01-08 00:00:00"), seconds("2024-01-08 23:59:59"))]


def test_of_many_marks_the_own_ones_and_the_deciding_notice_stay(engine: Engine) -> None:
    """SPEC 10.3: the moment is never left out, and what is left out is counted."""
    numbers = range(1, 21)
    notices = [
        {"report_no": f"L{n}", "id_number": PERSON, "reported_at": f"2023-01-{n:02}", "lost_at": f"2022-12-{n:02}"}
        for n in numbers
    ]
    finding = {"provider_code": "B01", "subject": "account:A1", "rule_id": "R101", "verdict": "violation"}
    moment = interval("2024-01-10")
    rows = [
        {**finding, "notice_source": "loss_reports", "notice_id": f"L{n}", "relation": "same"}
        | {"reported_from": interval(f"2023-01-{n:02}")[0], "reported_to": interval(f"2023-01-{n:02}")[1]}
        | {"moment_from": moment[0], "moment_to": moment[1]}
        for n in numbers
    ]
    checked = seconds("2024-01-10 09:00:00")
    check = {"card_check_id": "V1", "card_check_result": "valid", "card_check_from": checked, "card_check_to": checked}
    issued = {"id_number": PERSON, "card_valid_from": "2024-02-01", "kind": "permanent", "collected_at": "2024-03-01"}
    stand(engine, [case(1)], rows, kept=[kept_of(**check)], loss_reports=notices, issuances=[issued])
    facts = CaseSheets(engine, NIGHT).facts["CA-0001"]
    assert len(facts.marks) == 63
    shown = [(mark.kind, mark.about) for mark in facts.shown]
    assert len(shown) == MOST_MARKS
    own = {("moment", ""), ("card_check", "V1"), ("collected", "")}
    deciding = {(kind, "loss_reports L1") for kind in ("lost", "reported", "visible")}
    assert own | deciding <= {*shown}
    assert [mark.start for mark in facts.shown] == sorted(mark.start for mark in facts.shown)
    [seen] = written(engine, BANK).values()
    assert f"{63 - MOST_MARKS} more are not drawn" in seen
    assert 'class="at"' in seen
