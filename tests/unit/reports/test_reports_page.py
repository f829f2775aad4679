"""The night in numbers, and the page of the night (SPEC 10.1, 10.3)."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from creditaudit.reports.page import write_page
from creditaudit.reports.quiet import quiet
from creditaudit.reports.summary import summarise
from creditaudit.tables import COVERAGE, FINDINGS, PUBLISHED
from unit.kit import NIGHT

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.engines import Engine

Row = dict[str, Any]
CASE_ROWS = pa.schema(
    [
        *[(name, pa.string()) for name in ("case_id", "provider_code", "verdict", "duty", "state", "overdue_kind")],
        ("night", pa.date32()),
        ("due_on", pa.date32()),
        *[(name, pa.bool_()) for name in ("is_new", "is_changed", "is_quiet", "is_data_quality", "is_open")],
        ("is_superseded", pa.bool_()),
    ]
)
CLOSED = ("withdrawn", "holder_confirmed", "correction_verified", "reappeared")
ANSWERED = {"persons": 2, "answers": 3, "profiles": ["default"], "unproven": []}
HOSTILE = "<script>alert('x')</script>&\"{{ 1 }}"


def numbers(
    engine: Engine,
    *,
    cases: tuple[Row, ...] = (),
    sent: tuple[str, ...] = (),
    findings: tuple[Row, ...] = (),
    before: tuple[Row, ...] = (),
    stale: dict[str, tuple[str, ...]] | None = None,
    **tables: list[Row],
) -> dict[str, Any]:
    facts = [{"is_open": c.get("state") not in CLOSED, "is_superseded": False, **c} for c in cases]
    engine.load("case_rows", pa.Table.from_pylist(facts, schema=CASE_ROWS))
    engine.load(
        "case_recipients",
        pa.Table.from_pylist(
            [{"case_id": c, "recipient": r} for c in sent for r in "ab"],
            schema=pa.schema([("case_id", pa.string()), ("recipient", pa.string())]),
        ),
    )
    published = {name: pa.Table.from_pylist(tables.get(name, []), schema=schema) for name, schema in PUBLISHED.items()}
    published["findings"] = pa.Table.from_pylist(list(findings), schema=FINDINGS)
    engine.load("findings", published.pop("findings"))
    engine.load("clearances", published.pop("clearances"))
    engine.load("every_case", published.pop("cases"))
    engine.load("previous_findings", pa.Table.from_pylist(list(before), schema=FINDINGS))
    found = summarise(engine, published, stale=stale or {}, ignored={}, contradicted=(), corrected=(0, ()))
    return found | {"known_answers": ANSWERED}


def finding(rule: str, verdict: str, fingerprint: str) -> Row:
    return {"rule_id": rule, "verdict": verdict, "fingerprint": fingerprint}


def test_findings_are_counted_by_rule_and_verdict_and_new_ones_by_fingerprint(engine: Engine) -> None:
    rows = (finding("R102", "lead", "1"), finding("R101", "violation", "2"), finding("R102", "lead", "3"))
    found = numbers(engine, findings=rows, before=(finding("R102", "lead", "3"), finding("R101", "violation", "9")))
    assert found["findings_by_rule"] == [
        {"rule_id": "R101", "verdict": "violation", "rows": 1},
        {"rule_id": "R102", "verdict": "lead", "rows": 2},
    ]
    assert found["new_findings"] == 2


def test_rows_are_counted_and_dropped_cells_are_no_quarantined_rows(engine: Engine) -> None:
    quarantine = [
        {"feed": "accounts", "disposition": "row_quarantined", "reasons": "stale"},
        {"feed": "accounts", "disposition": "row_quarantined", "reasons": "stale"},
        {"feed": "accounts", "disposition": "cell_dropped", "reasons": "bad_type:amount"},
    ]
    coverage = [{"delivered": 5, "accepted": 3, "quarantined": 2}, {"delivered": None}, {"delivered": 0, "accepted": 0}]
    found = numbers(engine, quarantine=quarantine, coverage=coverage)
    assert (found["delivered"], found["accepted"], found["quarantined"], found["refused_files"]) == (5, 3, 2, 1)
    assert found["quarantined_by_reason"] == [{"feed": "accounts", "reasons": "stale", "rows": 2}]


def test_cases_are_counted_per_institution_with_those_that_are_sent_to_nobody(engine: Engine) -> None:
    """SPEC 10.1: R103 alone, and cases without a recipient, are counted per institution."""

    def case(number: int, provider: str, *, quiet: bool | None, new: bool = False, verdict: str = "lead") -> Row:
        flags = {"is_new": new, "is_changed": number == 4, "is_quiet": quiet, "is_data_quality": False}
        return {"case_id": str(number), "provider_code": provider, "verdict": verdict, **flags}

    cases = (
        case(1, "B02", quiet=False, new=True, verdict="violation"),
        case(2, "B02", quiet=True, new=True),
        {**case(3, "B02", quiet=False), "state": "withdrawn"},
        case(4, "B01", quiet=False),
    )
    found = numbers(engine, cases=cases, sent=("1",))
    assert found["institutions"] == [
        {
            "provider_code": "B01",
            "cases": 1,
            "new_cases": 0,
            "violations": 0,
            "undocumented_duties": 0,
            "only_replaced_cards": 0,
            "data_quality": 0,
            "without_recipient": 1,
        },
        {
            "provider_code": "B02",
            "cases": 3,
            "new_cases": 2,
            "violations": 1,
            "undocumented_duties": 0,
            "only_replaced_cards": 1,
            "data_quality": 0,
            "without_recipient": 0,
        },
    ]
    assert (found["new_cases"], found["changed_cases"]) == (2, 1)


def test_open_cases_on_undocumented_duties_are_counted_per_institution(engine: Engine, tmp_path: Path) -> None:
    """SPEC 7.2: undocumented cells stay unknown and are counted in the report."""
    rows = [
        ("B01", "unknown", "lead"),
        ("B01", "unknown", "sent"),
        ("B01", "unknown", "withdrawn"),
        ("B01", "in_force", "sent"),
        ("B02", "unknown", "correction_overdue"),
        ("B02", "unknown", "holder_confirmed"),
        ("B03", "not_applicable", "sent"),
        ("B03", "not_in_force", "undetermined"),
    ]
    cases = tuple(
        {"case_id": str(n), "provider_code": p, "duty": d, "state": s, "is_new": False, "is_changed": False}
        for n, (p, d, s) in enumerate(rows)
    )
    found = numbers(engine, cases=cases)
    assert found["undocumented_duties"] == 3
    assert {r["provider_code"]: r["undocumented_duties"] for r in found["institutions"]} == {
        "B01": 2,
        "B02": 1,
        "B03": 0,
    }
    words = "open cases for which no document says what the duty was: 3"
    assert words in page(engine, tmp_path / "night.html", cases=cases).text
    assert "no document says" not in page(engine, tmp_path / "night.html").text


def test_what_is_late_is_counted_per_institution_and_kind(engine: Engine, tmp_path: Path) -> None:
    """SPEC 8.4: a house target is printed as such."""
    rows = (("B02", "legal", 3), ("B02", "house", 9), ("B02", "house", 5), ("B01", "house", -2), ("B03", None, -1))
    cases = tuple(
        {"case_id": str(n), "provider_code": p, "overdue_kind": kind, "night": NIGHT, "due_on": NIGHT - timedelta(left)}
        for n, (p, kind, left) in enumerate(rows)
    )
    found = numbers(engine, cases=cases)
    assert found["overdue"] == [
        {"provider_code": "B01", "legal": 0, "house": 1, "earliest_due_on": None},
        {"provider_code": "B02", "legal": 1, "house": 2, "earliest_due_on": "2026-11-11"},
    ]
    assert "B02 1 2 2026-11-11" in page(engine, tmp_path / "night.html", cases=cases).text
    assert "Overdue" not in page(engine, tmp_path / "night.html").text


def test_an_empty_night_is_all_noughts(engine: Engine) -> None:
    found = numbers(engine)
    assert {name: found[name] for name in ("cases", "new_findings", "delivered", "quarantined", "refused_files")} == (
        dict.fromkeys(("cases", "new_findings", "delivered", "quarantined", "refused_files"), 0)
    )
    assert found["clearances_by_reason"] == found["institutions"] == []


# --- the page ------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page shows and what it asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.runs: list[str] = []
        self.policy: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self.shown).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep tags and every attribute that could fetch something."""
        self.tags.add(tag)
        self.addresses += [f"{k}={v}" for k, v in attrs if k in {"src", "href", "action", "data", "srcset"}]
        self.runs += [k for k, _ in attrs if k.startswith("on") or k == "style"]
        self.policy += [v or "" for k, v in attrs if k == "content" and dict(attrs).get("http-equiv")]

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.shown.append(data)


def page(
    engine: Engine,
    path: Path,
    *,
    is_demo: bool = False,
    refused: str | None = None,
    also: dict[str, Any] | None = None,
    **more: Any,
) -> Page:
    summary = numbers(engine, **more)
    summary |= dict.fromkeys(
        ("unjudged", "unjudged_without_recipient", "suggestions", "numbers_without_suggestions"), 0
    )
    summary |= {"retracted": {HOSTILE: 0}, "disputed_characters": []}
    summary |= {"sent": {HOSTILE: 3}, "late_files": [f"late {HOSTILE}"], "warnings": [], "unapproved_rules": ["R101_x"]}
    summary |= also or {}
    coverage = [{"night": NIGHT, "feed": "accounts", "file": HOSTILE, "kind": "delta"}]
    coverage += [{"night": NIGHT, "feed": "openings", "file": "o", "kind": "full", "delivered": 7, "accepted": 6}]
    write_page(
        path,
        night=NIGHT + timedelta(days=1),
        mandate=f"授权 {HOSTILE}",
        summary=summary,
        coverage=pa.Table.from_pylist(coverage, schema=COVERAGE),
        inputs=[_input("accounts", HOSTILE, refused), _input("openings", "o", None)],
        is_demo=is_demo,
    )
    return Page(path.read_text(encoding="utf-8"))


def _input(feed: str, file: str, refused: str | None) -> Row:
    night = (NIGHT + timedelta(days=1)).isoformat()
    return {"folder": night, "feed": feed, "file": file, "sha256": "0", "refused": refused, "profile": None}


def test_the_page_asks_nothing_of_the_network_and_runs_nothing_but_its_own(engine: Engine, tmp_path: Path) -> None:
    """SPEC 10.3: no outside address; what runs is what the policy names by its hash."""
    found = page(engine, tmp_path / "night.html", refused=HOSTILE)
    assert found.tags.isdisjoint({"img", "link", "iframe", "object", "form", "video", "base", "image", "use"})
    assert all(address.startswith(("href=#", "href=../../docs/2026-11-21/")) for address in found.addresses)
    assert found.runs == []
    text = (tmp_path / "night.html").read_text(encoding="utf-8")
    assert re.search(r"https?:|@import|url\((?!#)", text) is None
    [policy] = found.policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy


def test_marks_that_turn_text_around_are_shown_as_such(engine: Engine, tmp_path: Path) -> None:
    turned = "B\u202e10\u2066\u200f\x1b"
    rows = [{"feed": "accounts", "disposition": "row_quarantined", "reasons": turned}]
    page(engine, tmp_path / "night.html", quarantine=rows)
    text = (tmp_path / "night.html").read_text(encoding="utf-8")
    assert "<td>B�10���</td>" in text
    assert not set(turned[1::3] + turned[4:]) & set(text)


def test_a_page_of_ten_thousand_institutions_is_bounded_and_says_so(engine: Engine, tmp_path: Path) -> None:
    cases = tuple(
        {
            "case_id": str(n),
            "provider_code": f"P{n % 10_000:05}",
            "verdict": "lead",
            "is_new": n < 7,
            "is_changed": False,
        }
        for n in range(20_000)
    )
    found = page(engine, tmp_path / "night.html", cases=cases)
    assert "9000 more institutions (18000 cases, 0 new) are not listed" in found.text
    assert "P00006" in found.text  # with something new
    assert (tmp_path / "night.html").stat().st_size < 1_000_000


def test_what_changed_is_said_with_its_delivery(engine: Engine, tmp_path: Path) -> None:
    rows = [{"event": "opened", "cause": "loss_reports", "file": HOSTILE, "cases": 2}]
    found = page(engine, tmp_path / "night.html", also={"changes": rows, "withdrawn_cases": 1}).text
    assert f"new case 挂失登记 · loss reports {HOSTILE} 2" in found
    assert "1 withdrawn" in found
    assert "Nothing changed." in page(engine, tmp_path / "night.html").text


OVERDUE = [
    {"provider_code": "B01", "legal": 2, "house": 0, "earliest_due_on": "2026-11-02"},
    {"provider_code": HOSTILE, "legal": 0, "house": 1, "earliest_due_on": None},
]


def test_who_is_overdue_is_in_the_answer_and_listed(engine: Engine, tmp_path: Path) -> None:
    found = page(engine, tmp_path / "night.html", also={"overdue": OVERDUE}).text
    assert "2 institutions overdue" in found
    assert "B01 2 0 2026-11-02" in found
    assert "0 institutions overdue" in page(engine, tmp_path / "night.html", also={"overdue": []}).text


@pytest.mark.parametrize(
    ("also", "words"),
    [
        ({"unjudged": 1}, "1 quarantined account row of a person with a notice was not judged"),
        ({"refused_files": 2}, "2 files were refused"),
        ({"known_answers": {**ANSWERED, "answers": 0}}, "no known-answer record was judged tonight"),
        (
            {"known_answers": {**ANSWERED, "unproven": [{"why": "rule_off", "rule": "R106"}]}},
            "rule R106 is not in force",
        ),
        (
            {"known_answers": {**ANSWERED, "unproven": [{"why": "no_words", "rule": "R201"}]}},
            "no source profile in use has words for the known answers of rule R201",
        ),
        (
            {"known_answers": {**ANSWERED, "unproven": [{"why": "no_answers", "rule": "R901"}]}},
            "rule R901 has no known answers",
        ),
    ],
)
def test_a_quiet_night_is_proven_only_if_all_was_seen(
    engine: Engine, tmp_path: Path, also: dict[str, Any], words: str
) -> None:
    """SPEC 2, 10.1, 11."""
    text = page(engine, tmp_path / "night.html", also=also).text
    assert "quiet, unproven because:" in text
    assert words in text
    found = quiet(numbers(engine) | {"unjudged": 0} | also)
    assert found is not None
    assert found.startswith("quiet, unproven because ")
    assert words in found
    assert "quiet, proven" not in text


def test_a_quiet_night_that_saw_all_is_proven(engine: Engine, tmp_path: Path) -> None:
    """SPEC 11: known-answer records were judged rightly, and nothing was missing."""
    found = page(engine, tmp_path / "night.html").text
    assert "quiet, proven: nothing was found" in found
    assert "Known answers: 2 synthetic persons, 3 answers, all right (source profiles: default)." in found
    assert quiet(numbers(engine) | {"unjudged": 0}) == "quiet, proven"
    stale = {"accounts": ("missing",)}
    assert "quiet, proven" not in page(engine, tmp_path / "night.html", stale=stale).text
    loud = numbers(engine, findings=(finding("R102", "lead", "1"),))
    assert quiet(loud) is None


def test_whatever_a_file_is_called_is_shown_as_text(engine: Engine, tmp_path: Path) -> None:
    found = page(engine, tmp_path / "night.html", refused=HOSTILE)
    # Mandate, late file in both languages, refused file, its reason, recipient, delivered file.
    assert found.text.count(HOSTILE) == 7


@pytest.mark.parametrize("is_demo", [True, False])
def test_the_demonstration_key_is_named(engine: Engine, tmp_path: Path, is_demo: bool) -> None:
    assert ("演示密钥" in page(engine, tmp_path / "night.html", is_demo=is_demo).text) is is_demo


def test_what_could_not_be_seen_is_said(engine: Engine, tmp_path: Path) -> None:
    stale = {"accounts": ("missing: no file of accounts was delivered",)}
    found = page(engine, tmp_path / "night.html", stale=stale, refused="zero bytes").text
    for words in ("This night is degraded", "no file of accounts was delivered", "zero bytes", "R101_x", "2026-11-21"):
        assert words in found
    sound = page(engine, tmp_path / "night.html").text
    assert "degraded" not in sound
    assert "Refused files" not in sound


def test_the_page_says_that_every_line_is_a_lead(engine: Engine, tmp_path: Path) -> None:
    assert "待核查线索" in page(engine, tmp_path / "night.html").text


def test_clearances_are_counted_by_reason(engine: Engine) -> None:
    rows = [{"reason": reason} for reason in ("no_card_shown", "newer_card_shown", "no_card_shown")]
    told = numbers(engine, clearances=rows)["clearances_by_reason"]
    assert [(one["reason"], one["rows"]) for one in told] == [("newer_card_shown", 1), ("no_card_shown", 2)]


def test_figures_of_quarters_are_hidden_and_cases_to_work_on_are_counted(engine: Engine, tmp_path: Path) -> None:
    """SPEC 8.5 hides figures by quarter; 10.1 has the page, which stays in the house, count cases per institution."""
    whose = {"provider_code": "B01", "quarter": "2024Q1", "night": NIGHT}
    figures = [{**whose, "measure": "findings:R101", "value": 3}, {**whose, "measure": "reappeared", "value": 12}]
    one = {"case_id": "CA-1", "provider_code": "B01", "verdict": "violation", "is_new": True, "is_changed": False}
    found = page(engine, tmp_path / "n.html", institutions=figures, cases=(one,), also={"overdue": [OVERDUE[0]]}).text
    for words in ("2024Q1 B01 findings:R101 <5; reappeared 12", "B01 2 0 2026-11-02", "B01 1 1"):
        assert words in found
    assert "lists of cases count whole: this page is for the house alone" in found
    assert "2024Q1" not in page(engine, tmp_path / "n.html").text
