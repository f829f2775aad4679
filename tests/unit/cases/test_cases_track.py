"""Cases from night to night (SPEC 6, 8.1, 9, 10.1), on findings made by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from creditaudit.book.state import CASE_MEMORY, CASE_SUBJECTS, QUARANTINED_NUMBERS
from creditaudit.cases.track import Tracked, case_memory, subjects_changed, track
from creditaudit.tables import CASE_EVENTS, CASES, FINDINGS
from unit.kit import NIGHT, OTHER, PERSON, demo_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from creditaudit.engines import Engine

Row = dict[str, Any]
TEXT = pa.string()
CODE = [("provider_code", TEXT), ("account_code", TEXT)]
SCHEMAS = {
    "case_faults": pa.schema(
        [
            *[(n, TEXT) for n in ("provider_code", "subject", "knowable", "duty", "duty_source", "performed", "fault")],
            ("ask_for", TEXT),
        ]
    ),
    "judged_inquiries": pa.schema([("provider_code", TEXT), ("inquiry_id", TEXT), ("id_norm", TEXT)]),
    "judged_rows": pa.schema(
        [
            *CODE,
            *((name, TEXT) for name in ("id_norm", "account_type", "region_code")),
            *((name, pa.int64()) for name in ("opened_from", "opened_to")),
        ]
    ),
    "carried_subjects": pa.schema([("provider_code", TEXT), ("subject", TEXT)]),
    "lineage": pa.schema([*CODE, ("head_provider", TEXT), ("head_code", TEXT), ("steps", pa.int32())]),
    "opening_changed": pa.schema(CODE),
    "standing_quarantined_numbers": QUARANTINED_NUMBERS.schema,
    "institutions": pa.schema(
        [
            ("provider_code", TEXT),
            ("region_code", TEXT),
            ("valid_from", pa.date32()),
            ("valid_to", pa.date32()),
            ("row", pa.int64()),
        ]
    ),
    "recipients": pa.schema([("recipient", TEXT), ("kind", TEXT), ("provider_code", TEXT), ("region_prefix", TEXT)]),
}
LIAISON = {"recipient": "pboc", "kind": "pboc_liaison"}


def finding(rule: str = "R101", verdict: str = "violation", code: str = "A", **cells: Any) -> Row:
    notice = {"notice_source": "loss_reports", "notice_id": "L1"}
    base = {"provider_code": "B01", "account_code": code, "subject": f"account:{code}", "rule_id": rule}
    whole = {**base, **notice, "night": NIGHT, "person_token": "p", "verdict": verdict, "evidence": "{}", **cells}
    whole.setdefault(
        "fingerprint", "/".join(str(whole[n]) for n in ("rule_id", "verdict", "account_code", "notice_id"))
    )
    return whole


def fault(subject: str = "account:A", provider: str = "B01", **cells: Any) -> Row:
    """Return a row of ``case_faults``, outside the lane unless cells say otherwise."""
    words = dict.fromkeys(("knowable", "duty", "performed", "fault"), "not_applicable")
    return {"provider_code": provider, "subject": subject, **words, **cells}


class Desk:
    """Nights one after the other, each with what the one before left."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.cases = CASES.empty_table()
        self.events = CASE_EVENTS.empty_table()
        self.memory = CASE_MEMORY.schema.empty_table()
        self.subjects = CASE_SUBJECTS.schema.empty_table()
        self.tonight = NIGHT

    def night(self, findings: Iterable[Row], *, stale: tuple[str, ...] = (), **tables: list[Row]) -> Tracked:
        """Track one night; the next one is a day later. Faults that are not given: outside the lane."""
        found = list(findings)
        self.engine.load("findings", pa.Table.from_pylist(found, schema=FINDINGS))
        outside = {(f["provider_code"], f["subject"]): fault(f["subject"], f["provider_code"]) for f in found}
        given = {"recipients": [LIAISON], "case_faults": list(outside.values()), **tables}
        for name, schema in SCHEMAS.items():
            self.engine.load(name, pa.Table.from_pylist(given.get(name, []), schema=schema))
        self.engine.load("previous_cases", self.cases)
        self.engine.load("previous_events", self.events)
        self.engine.load("standing_case_memory", self.memory)
        self.engine.load("standing_case_subjects", self.subjects)
        found = track(self.engine, self.tonight, demo_keys(), stale)
        fresh = case_memory(self.engine, self.tonight).cast(CASE_MEMORY.schema)
        kept = {(r["case_id"], r["episode"]): r for r in [*self.memory.to_pylist(), *fresh.to_pylist()]}
        self.fresh_subjects = subjects_changed(self.engine, self.tonight).cast(CASE_SUBJECTS.schema).to_pylist()
        whose = {(r["provider_code"], r["subject"]): r for r in [*self.subjects.to_pylist(), *self.fresh_subjects]}
        self.subjects = pa.Table.from_pylist(list(whose.values()), schema=CASE_SUBJECTS.schema)
        self.cases, self.events = found.cases, found.events
        self.memory = pa.Table.from_pylist(list(kept.values()), schema=CASE_MEMORY.schema)
        self.tonight += timedelta(days=1)
        return found

    def changes(self) -> dict[str, str | None]:
        """What each case is in tonight's exceptions.csv: new, changed, or not there."""
        rows = self.engine.fetch(
            "SELECT c.account_code, c.change FROM case_rows AS c"
            " JOIN (SELECT DISTINCT case_id FROM case_recipients) AS t ON t.case_id = c.case_id"
        )
        return {row["account_code"]: row["change"] for row in rows.to_pylist()}


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """No case yet."""
    return Desk(engine)


def one(tracked: Tracked) -> Row:
    [row] = tracked.cases.to_pylist()
    return row


def events(tracked: Tracked, night: date) -> list[tuple[str, str | None, str]]:
    return [(e["event"], e["from_state"], e["to_state"]) for e in tracked.events.to_pylist() if e["night"] == night]


def test_a_first_finding_opens_a_case_and_sends_it(desk: Desk) -> None:
    found = desk.night([finding()])
    row = one(found)
    assert found.opened == 1
    assert (row["tier"], row["verdict"], row["state"], row["episode"]) == ("R101", "violation", "sent", 1)
    assert (row["first_seen"], row["last_changed"], row["follows"]) == (NIGHT, NIGHT, None)
    assert (row["subject"], row["person_token"]) == ("account:A", "p")
    assert events(found, NIGHT) == [("opened", None, "lead"), ("sent", "lead", "sent")]
    assert desk.changes() == {"A": "new"}


def test_the_same_findings_again_change_nothing_and_send_nothing(desk: Desk) -> None:
    first = one(desk.night([finding()]))
    found = desk.night([{**finding(), "night": NIGHT + timedelta(days=1)}])
    second = one(found)
    assert {k: v for k, v in second.items() if k != "night"} == {k: v for k, v in first.items() if k != "night"}
    assert (found.opened, events(found, NIGHT + timedelta(days=1)), desk.changes()) == (0, [], {"A": None})
    assert found.events.num_rows == 2


def test_changed_evidence_is_a_change_of_the_same_case(desk: Desk) -> None:
    first = one(desk.night([finding()]))
    found = desk.night([finding(), finding("R104", notice_id="L2")])
    row = one(found)
    tonight = NIGHT + timedelta(days=1)
    assert (row["case_id"], row["first_seen"], row["last_changed"]) == (first["case_id"], NIGHT, tonight)
    assert events(found, tonight) == [("evidence_changed", "sent", "sent")]
    assert desk.changes() == {"A": "changed"}
    assert desk.night([finding(notice_id="L2")]).events.num_rows == 4


@pytest.mark.parametrize(
    ("findings", "tier"),
    [
        ([finding("R108"), finding("R101", "undecidable")], ("R108", "violation")),
        (
            [finding("R105", "lead"), finding("R102", "undecidable"), finding("R104", "undecidable")],
            ("R102", "undecidable"),
        ),
        ([finding("R106", "lead"), finding("R103", "lead")], ("R106", "lead")),
        ([finding("R102"), finding("R107", notice_id="E")], ("R107", "violation")),
    ],
)
def test_a_case_is_called_by_its_strongest_finding(desk: Desk, findings: list[Row], tier: tuple[str, str]) -> None:
    row = one(desk.night(findings))
    assert (row["tier"], row["verdict"]) == tier
    assert row["reasons"].startswith(" ".join(tier))


def test_a_case_is_one_account_of_one_institution(desk: Desk) -> None:
    findings = [finding(), finding("R104", notice_id="L2"), finding(code="B"), finding(provider_code="B02")]
    cases = desk.night(findings).cases.to_pylist()
    assert [
        (c["provider_code"], c["account_code"])
        for c in sorted(cases, key=lambda c: (c["provider_code"], c["account_code"]))
    ] == [
        ("B01", "A"),
        ("B01", "B"),
        ("B02", "A"),
    ]
    assert len({c["case_id"] for c in cases}) == 3
    ids = [c["case_id"] for c in cases]
    assert ids == sorted(ids)


def test_a_case_without_standing_findings_keeps_its_last_values(desk: Desk) -> None:
    """SPEC 9: every case ever opened; without findings it keeps the values of the last night on which it had some."""
    first = one(desk.night([finding()]))
    row = one(desk.night([], stale=("loss_reports",)))
    assert row["night"] == NIGHT + timedelta(days=1)
    assert {k: v for k, v in row.items() if k != "night"} == {k: v for k, v in first.items() if k != "night"}
    assert desk.changes() == {}
    again = one(desk.night([finding()]))
    assert (again["case_id"], again["last_changed"]) == (first["case_id"], NIGHT)


def test_a_case_goes_on_under_the_newest_code(desk: Desk) -> None:
    first = one(desk.night([finding(code="OLD")]))
    lineage = [
        {"provider_code": "B01", "account_code": c, "head_provider": "B02", "head_code": "NEW"} for c in ("OLD", "MID")
    ]
    found = desk.night([finding(code="NEW", provider_code="B02")], lineage=lineage)
    row = one(found)
    assert (row["case_id"], row["provider_code"], row["account_code"]) == (first["case_id"], "B02", "NEW")
    assert (row["subject"], found.opened) == ("account:NEW", 0)


def test_a_rename_that_joins_two_cases_goes_on_with_the_older(desk: Desk) -> None:
    older = one(desk.night([finding(code="B")]))
    newer = next(
        c for c in desk.night([finding(code="B"), finding(code="A")]).cases.to_pylist() if c["account_code"] == "A"
    )
    lineage = [{"provider_code": "B01", "account_code": c, "head_provider": "B01", "head_code": "N"} for c in "AB"]
    found = desk.night([finding(code="N")], lineage=lineage).cases.to_pylist()
    tonight = {c["case_id"]: c["reasons"] for c in found}
    assert set(tonight) == {older["case_id"], newer["case_id"]}
    assert [c["case_id"] for c in found if c["last_changed"] == NIGHT + timedelta(days=2)] == [older["case_id"]]


# --- fault ---------------------------------------------------------------------------------------------------------

NEEDED = {"knowable": "undecidable", "duty": "unknown", "duty_source": "doc", "performed": "unknown"}
DECIDED = {**NEEDED, "fault": "needs_evidence", "ask_for": "check_log;check_notice"}


def test_a_case_has_the_fault_that_was_decided(desk: Desk) -> None:
    """SPEC 9: knowable, duty, duty_source, performed, fault and ask_for of cases.parquet."""
    cases = desk.night([finding(), finding(code="B")], case_faults=[fault(**DECIDED), fault("account:B")]).cases
    found = {row["account_code"]: {name: row[name] for name in DECIDED} for row in cases.to_pylist()}
    outside = {**dict.fromkeys(DECIDED, "not_applicable"), "duty_source": None, "ask_for": None}
    assert found == {"A": DECIDED, "B": outside}


def test_a_changed_fault_is_sent_and_wakes_nothing(desk: Desk) -> None:
    """SPEC 10.1: changed by fault; SPEC 8.1: only the evidence fingerprint wakes."""
    first = one(desk.night([finding()], case_faults=[fault(**DECIDED)]))
    indicated = {**DECIDED, "fault": "fault_indicated"}
    found = desk.night([finding()], case_faults=[fault(**indicated)])
    tonight = NIGHT + timedelta(days=1)
    row = one(found)
    assert desk.changes() == {"A": "changed"}
    assert (row["fault"], row["state"], row["episode"]) == ("fault_indicated", "sent", first["episode"])
    assert (row["case_id"], row["first_seen"], row["last_changed"]) == (first["case_id"], NIGHT, tonight)
    assert events(found, tonight) == [("fault_changed", "sent", "sent")]
    proofs = [e["proof"] for e in found.events.to_pylist() if e["event"] == "fault_changed"]
    assert proofs == ["fault:needs_evidence>fault_indicated"]
    again = desk.night([finding()], case_faults=[fault(**indicated)])
    assert (desk.changes(), one(again)["last_changed"]) == ({"A": None}, tonight)


def test_what_led_to_the_fault_may_change_without_a_word(desk: Desk) -> None:
    """SPEC 10.1 names fingerprint, state, fault and due_on: another duty row of one fault is no news, but published."""
    desk.night([finding()], case_faults=[fault(**DECIDED)])
    found = desk.night([finding()], case_faults=[fault(**{**DECIDED, "duty_source": "doc 2", "ask_for": None})])
    assert (desk.changes(), events(found, NIGHT + timedelta(days=1))) == ({"A": None}, [])
    assert (one(found)["duty_source"], one(found)["ask_for"]) == ("doc 2", None)


def test_a_case_without_standing_findings_keeps_its_fault(desk: Desk) -> None:
    """SPEC 9."""
    desk.night([finding()], case_faults=[fault(**DECIDED)])
    row = one(desk.night([]))
    assert {name: row[name] for name in DECIDED} == DECIDED
    assert desk.changes() == {}


# --- who gets it ---------------------------------------------------------------------------------------------------


def sent_to(desk: Desk) -> set[str]:
    return set(desk.engine.fetch("SELECT recipient FROM case_recipients")["recipient"].to_pylist())


@pytest.mark.parametrize(
    ("account_region", "institution", "expected"),
    [
        ("440300", "110000", {"all", "star", "44", "own"}),
        (None, "440300", {"all", "star", "44", "own"}),
        (None, "110000", {"all", "star", "own"}),
        (None, None, {"all", "star", "own"}),
        ("04403", "440300", {"all", "star", "own"}),
    ],
)
def test_an_institution_gets_its_own_and_a_liaison_its_region(
    desk: Desk, account_region: str | None, institution: str | None, expected: set[str]
) -> None:
    """SPEC 10.1: the account's region_code, else its institution's."""
    recipients = [
        {"recipient": "all", "kind": "pboc_liaison"},
        {"recipient": "star", "kind": "pboc_liaison", "region_prefix": "*"},
        {"recipient": "44", "kind": "pboc_liaison", "region_prefix": "44"},
        {"recipient": "own", "kind": "institution", "provider_code": "B01"},
        {"recipient": "other", "kind": "institution", "provider_code": "B02"},
    ]
    desk.night(
        [finding()],
        recipients=recipients,
        judged_rows=[{"provider_code": "B01", "account_code": "A", "id_norm": PERSON, "region_code": account_region}],
        institutions=[{"provider_code": "B01", "region_code": institution, "row": 1}],
    )
    assert sent_to(desk) == expected


@pytest.mark.parametrize(
    ("rows", "region"),
    [
        ([("11", None, "2026-11-19"), ("44", "2026-11-20", None)], "44"),
        ([("11", "2026-11-21", None), ("44", None, "2026-11-20")], "44"),
        ([("11", "2020-01-01", None), ("44", "2021-01-01", None)], "44"),
        ([("11", None, None), ("44", "2021-01-01", None)], "44"),
        ([("11", "2020-01-01", None), ("44", "2020-01-01", None)], "44"),
    ],
    ids=["ended", "not_begun", "latest", "open_beginning", "last_in_the_table"],
)
def test_the_institution_in_force_on_the_night_says_the_region(desk: Desk, rows: list[Any], region: str) -> None:
    """SPEC 12: several rows in force: the latest valid_from, then the last in the table; days are inclusive."""
    institutions = [
        {"provider_code": "B01", "region_code": r, "valid_from": _day(start), "valid_to": _day(end), "row": n}
        for n, (r, start, end) in enumerate(rows, start=1)
    ]
    recipients = [{"recipient": r, "kind": "pboc_liaison", "region_prefix": r} for r in ("11", "44")]
    desk.night([finding()], recipients=recipients, institutions=institutions)
    assert sent_to(desk) == {region}


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def test_a_case_without_a_recipient_stays_a_lead_and_is_new_when_one_comes(desk: Desk) -> None:
    found = desk.night([finding()], recipients=[])
    assert (one(found)["state"], events(found, NIGHT)) == ("lead", [("opened", None, "lead")])
    found = desk.night([finding()])
    assert (one(found)["state"], desk.changes()) == ("sent", {"A": "new"})
    assert one(found)["last_changed"] == NIGHT
    assert events(found, NIGHT + timedelta(days=1)) == [("sent", "lead", "sent")]


def test_a_case_of_replaced_cards_alone_is_sent_to_nobody(desk: Desk) -> None:
    """SPEC 10.1: cases whose findings are all R103 are in neither file."""
    assert one(desk.night([finding("R103", "lead")]))["state"] == "lead"
    assert desk.changes() == {}
    assert one(desk.night([finding("R103", "lead"), finding("R106", "lead", notice_id="L2")]))["state"] == "sent"


def test_doubts_on_data_alone_go_to_a_file_of_their_own_and_are_not_sent(desk: Desk) -> None:
    """SPEC 10.1: cases whose findings are all R301 or R302; SPEC 8.1: only exceptions.csv makes a lead sent."""
    alone = {"notice_source": None, "notice_id": None}
    found = desk.night([finding("R301", "lead", **alone), finding("R302", "lead", **alone)])
    assert (one(found)["state"], desk.changes()) == ("lead", {"A": "new"})
    desk.night([finding("R301", "lead", **alone), finding("R302", "lead", **alone)])
    assert desk.changes() == {"A": None}
    found = desk.night([finding("R301", "lead", **alone), finding("R106", "lead")])
    assert (one(found)["state"], desk.changes()) == ("sent", {"A": "new"})


# --- what could not be seen ----------------------------------------------------------------------------------------


def test_blind_spots_name_quarantined_rows_of_the_person_and_changed_openings(desk: Desk) -> None:
    judged = [
        {"provider_code": "B01", "account_code": "A", "id_norm": PERSON},
        {"provider_code": "B01", "account_code": "B", "id_norm": OTHER},
    ]
    weak = [
        {"night": NIGHT, "feed": feed, "file": "f", "row": n, "id_norm": PERSON}
        for n, feed in enumerate(("loss_reports", "accounts", "accounts"))
    ]
    found = desk.night(
        [finding(), finding(code="B")],
        judged_rows=judged,
        standing_quarantined_numbers=weak,
        opening_changed=[{"provider_code": "B01", "account_code": "A"}],
    )
    spots = {c["account_code"]: c["blind_spots"] for c in found.cases.to_pylist()}
    assert spots == {"A": "opening_changed;quarantined_rows:accounts;quarantined_rows:loss_reports", "B": None}


def test_blind_spots_of_an_inquiry_name_quarantined_rows_of_its_person(desk: Desk) -> None:
    """SPEC 3.4: a case whose person has quarantined rows says so; an inquiry's case has a person, and no account."""
    found = desk.night(
        [finding("R401", "lead", account_code=None, subject="inquiry:I1", fingerprint="f")],
        judged_inquiries=[{"provider_code": "B01", "inquiry_id": "I1", "id_norm": PERSON}],
        standing_quarantined_numbers=[{"night": NIGHT, "feed": "accounts", "file": "f", "row": 1, "id_norm": PERSON}],
    )
    assert one(found)["blind_spots"] == "quarantined_rows:accounts"


@pytest.mark.parametrize(
    ("rule", "stale", "named"),
    [
        ("R101", (), None),
        ("R101", ("loss_reports", "accounts"), "accounts;loss_reports"),
        ("R101", ("invalid_cards",), None),
        ("R101", ("inquiries",), None),
        ("R101", ("openings", "issuances"), "issuances;openings"),
        ("R101", ("verifications",), "verifications"),
        ("R103", ("verifications",), None),
        ("R203", ("impostors", "issuances"), "impostors"),
        ("R204", ("fraud_alerts", "openings"), "fraud_alerts"),
        ("R302", ("invalid_cards",), "invalid_cards"),
        ("R401", ("inquiries", "openings"), "inquiries"),
    ],
)
def test_a_case_names_the_stale_feeds_that_it_rests_on(
    desk: Desk, rule: str, stale: tuple[str, ...], named: str | None
) -> None:
    """SPEC 2."""
    verdict = "violation" if rule in {"R101", "R203", "R204"} else "lead"
    assert one(desk.night([finding(rule, verdict)], stale=stale))["stale_inputs"] == named


def test_the_tables_are_in_published_order(desk: Desk) -> None:
    desk.night([finding(code=c) for c in "CAB"])
    found = desk.night([finding(code=c) for c in "BDA"])
    for table, schema in ((found.cases, CASES), (found.events, CASE_EVENTS)):
        assert table.schema.equals(schema)
        keys = [tuple((v is not None, v if v is not None else 0) for v in row.values()) for row in table.to_pylist()]
        assert keys == sorted(keys)
