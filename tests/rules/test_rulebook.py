"""Loading rules: what the shipped ones are, what is refused and where, and how parameters are written."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING

import pytest

from creditaudit.audit.rulebook import in_force, lint_rules, load_rules, parse_rule, rendered, shipped_rules
from creditaudit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.audit.rulebook import Rule

RULES = load_rules()
BY_ID = {rule.rule_id: rule for rule in RULES}
R106 = BY_ID["R106"].text


def test_the_shipped_rules_are_those_of_the_specification() -> None:
    assert {rule.rule_id: rule.name for rule in RULES} == {
        "R101": "lost_card_used",
        "R102": "no_valid_card",
        "R103": "card_unknown_after_replacement",
        "R104": "superseded_card_used",
        "R105": "opened_between_loss_and_report",
        "R106": "opened_shortly_before_report",
        "R107": "holder_cancelled",
        "R108": "expired_card_shown",
        "R109": "chained_account",
        "R201": "adverse_check_overridden",
        "R202": "person_check_failed",
        "R203": "listed_impostor",
        "R204": "opened_under_fraud_alert",
        "R301": "malformed_id_number",
        "R302": "one_number_several_names",
        "R401": "inquiry_without_account",
        "R402": "burst_after_loss",
    }
    assert [rule.rule_id for rule in RULES] == sorted(BY_ID)
    # SPEC 7: the fault lane decides these.
    in_fault_lane = {"R101", "R102", "R104", "R105", "R107", "R108", "R201", "R202"}
    assert {rule.rule_id for rule in RULES if rule.lane == "fault"} == in_fault_lane


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule_id)
def test_a_shipped_rule_says_what_it_is(rule: Rule) -> None:
    assert rule.title_zh
    assert rule.title_en
    assert rule.clause.startswith("SPEC 6.")
    assert "id_status" in rule.evidence
    assert rule.folder is not None
    raw = rule.folder.joinpath("rule.sql").read_bytes()
    assert rule.sha256 == hashlib.sha256(raw).hexdigest()
    assert rule.text.encode() == raw


def test_rules_hold_data_only() -> None:
    shipped = shipped_rules()
    names = {inner.name for one in shipped.iterdir() for inner in one.iterdir()}
    assert names == {"rule.sql", "cases.yaml"}


def test_rendering_writes_whole_numbers_and_leaves_the_header_out() -> None:
    text = rendered(BY_ID["R106"])
    assert text.startswith("SELECT")
    assert "p.reported_from - 604800" in text
    assert "p.reported_from - 86400" in rendered(BY_ID["R106"], {"window_seconds": 86_400})


def test_rendering_leaves_literals_alone_and_comments_out() -> None:
    changed = R106.replace("'lead' AS", "-- :window_seconds\n    ':window_seconds' AS")
    text = rendered(parse_rule(changed.encode(), "changed"))
    assert (text.count(":window_seconds"), text.count("--")) == (1, 0)
    assert text.count("604800") == 1


@pytest.mark.parametrize("overrides", [{"days": 1}, {"window_seconds": 86_399}, {"window_seconds": 7_776_001}])
def test_an_override_out_of_place_or_bounds_is_refused(overrides: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="R106 cannot be run"):
        rendered(BY_ID["R106"], overrides)


def test_effective_days_are_inclusive() -> None:
    text = R106.replace("{from: null, to: null}", "{from: 2026-11-20, to: 2026-11-21}")
    rule = parse_rule(text.encode(), "dated")
    held = {day: bool(in_force([rule], date(2026, 11, day))) for day in (19, 20, 21, 22)}
    assert held == {19: False, 20: True, 21: True, 22: False}
    assert in_force(RULES, date(1990, 1, 1)) == RULES


NOTICE_LINE = R106[: R106.index("    p.notice_id,")].count("\n") + 1

REFUSED = [
    ("/*\nid", "/-\nid", 1, "does not begin with"),
    ("id: R106", "id: R106: x", 2, "not YAML"),
    ("id: R106", "- id: R106", None, "not YAML"),
    ("lane: correction", "lane: correction\nlanes: x", 8, "unknown key lanes"),
    ("lane: correction\n", "", 1, "missing lane"),
    ("lane: correction", "lane: correction\nlane: fault", 8, "stands twice"),
    ("lane: correction", "lane: both", 7, "lane must be one of"),
    ("id: R106", "id: 106", 2, "id must be text"),
    ("id: R106", "id: R1060", 2, "R and three digits"),
    ("name: opened_shortly_before_report", "name: Opened", 3, "name must be"),
    ("  zh: ", "  fr: ", 4, "title must have zh, en"),
    ("  zh: 挂失前", "  zh:\n    - 挂失前", 4, "title needs text"),
    ("effective: {from: null, to: null}", "effective: {from: soon, to: null}", 9, "dates or null"),
    ("effective: {from: null, to: null}", "effective: {from: null}", 9, "must have from, to"),
    ("reads: [pairs]", "reads: pairs", 10, "a list of names"),
    ("reads: [pairs]", "reads: [pairs, pairs]", 10, "names something twice"),
    ("reads: [pairs]", "reads: [notices]", 10, "the text reads pairs, the header says notices"),
    ("value: 604800", "value: 1", 12, "out of its bounds 86400 to 7776000"),
    ("value: 604800", "value: 604800.0", 12, "whole numbers"),
    ("value: 604800", "value: true", 12, "whole numbers"),
    ("bounds: [86400, 7776000]", "bounds: 86400", 12, "lowest, highest"),
    ("unit: second", "units: second", 12, "must have value, unit, bounds, reason"),
    ("unit: second", "unit: 1", 12, "unit and reason must be text"),
    ("  window_seconds:", "  window:", 12, "the text names window_seconds, the header has window"),
    ("params:\n  window_seconds:", "params:\n- window_seconds:", 12, "must be a mapping"),
    ("evidence: [id_status,", "evidence: [id_number,", 18, "id_number: no column of pairs"),
    # SPEC 10.4: findings and evidence hold no number and no name of a person.
    ("evidence: [id_status,", "evidence: [id_status, id_norm,", 18, "id_norm: a person's own number or name"),
    ("evidence: [id_status,", "evidence: [id_status, name_key,", 18, "name_key: a person's own number or name"),
    ("evidence: [id_status,", "evidence: [id_status, handler_id_norm,", 18, "handler_id_norm: a person's own"),
    ("    p.notice_id,", "    p.id_norm AS notice_id,", NOTICE_LINE, "column id_norm: a person's own number or name"),
    ("p.notice_id,", "p.notice_id, p.kind,", None, "a rule returns provider_code"),
    ("AS verdict", "AS verdict, p.kind", None, "kind: behind its first columns a rule returns subject and evidence"),
    ("evidence: [id_status,", "evidence: [", 18, "evidence always has id_status"),
    ("p.lost_from IS NULL", "p.lost_at IS NULL", None, "column lost_at: pairs has"),
    ("FROM pairs AS p", "FROM accounts AS p", None, "table accounts: a rule may read"),
    ("p.lost_from IS NULL", "CAST(p.lost_from AS VARCHAR) = 'x'", None, "CAST"),
]


@pytest.mark.parametrize(("before", "after", "line", "why"), REFUSED, ids=[case[1][:40] for case in REFUSED])
def test_a_rule_that_is_not_as_it_must_be_is_refused(before: str, after: str, line: int | None, why: str) -> None:
    assert before in R106
    with pytest.raises(UsageError) as refused:
        parse_rule(R106.replace(before, after, 1).encode(), "R106_x/rule.sql")
    assert why in refused.value.why
    assert refused.value.where is not None
    assert refused.value.where.file == "R106_x/rule.sql"
    if line is not None:
        assert refused.value.where.line == line


def test_a_text_that_is_not_utf8_is_refused_with_its_byte() -> None:
    with pytest.raises(UsageError, match="not UTF-8 at byte 3"):
        parse_rule(b"/*\n\xff*/", "x")


def copied(folder: Path, rule: Rule, name: str | None = None, text: str | None = None) -> Path:
    own = folder / (name or f"{rule.rule_id}_{rule.name}")
    own.mkdir()
    (own / "rule.sql").write_text(text or rule.text, encoding="utf-8")
    return own


def test_two_rules_with_one_id_are_refused(tmp_path: Path) -> None:
    copied(tmp_path, BY_ID["R106"])
    copied(tmp_path, BY_ID["R106"], "R106_other", R106.replace("name: opened_shortly_before_report", "name: other"))
    with pytest.raises(UsageError, match="rule id R106 is also that of R106_opened_shortly_before_report"):
        load_rules(tmp_path)


def test_a_folder_called_otherwise_is_refused(tmp_path: Path) -> None:
    copied(tmp_path, BY_ID["R106"], "R106")
    with pytest.raises(UsageError, match="must be called R106_opened_shortly_before_report"):
        load_rules(tmp_path)


def test_a_folder_without_a_rule_and_no_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load_rules(tmp_path / "gone")
    (tmp_path / "R109_empty").mkdir()
    with pytest.raises(UsageError, match="no such file"):
        load_rules(tmp_path)


def test_linting_a_folder_names_everything(tmp_path: Path) -> None:
    assert lint_rules() == ()
    text = R106.replace("p.lost_from IS NULL", "NOT p.lost_from = 1").replace("p.kind = 'lost'", "p.kind LIKE 'l'")
    copied(tmp_path, BY_ID["R106"], text=text)
    copied(tmp_path, BY_ID["R101"], text="SELECT 1 AS one")
    (tmp_path / "R109_empty").mkdir()
    found = lint_rules(tmp_path)
    assert [(finding.file.partition("_")[0], finding.reason.split(":")[0]) for finding in found] == [
        ("R101", "the text does not begin with a /* comment */ that holds YAML"),
        ("R106", "pattern matching"),
        ("R106", "NOT over a comparison that may be NULL"),
        ("R109", "the folder has no such file"),
    ]


def test_linting_names_file_line_and_reason_of_a_persons_number(tmp_path: Path) -> None:
    copied(tmp_path, BY_ID["R106"], text=R106.replace("    p.notice_id,", "    p.id_norm AS notice_id,", 1))
    copied(tmp_path, BY_ID["R101"], text=BY_ID["R101"].text.replace("evidence: [", "evidence: [id_norm, ", 1))
    found = [(finding.file, finding.line, finding.reason.split(":")[0]) for finding in lint_rules(tmp_path)]
    evidence = BY_ID["R101"].text.split("evidence: [")[0].count("\n") + 1
    assert found == [
        ("R101_lost_card_used/rule.sql", evidence, "id_norm"),
        ("R106_opened_shortly_before_report/rule.sql", NOTICE_LINE, "column id_norm"),
    ]
