"""The cases of every rule and step, and what the casebook refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from creditaudit.audit import case_runs, casebook
from creditaudit.audit.case_facts import facts_of
from creditaudit.audit.case_runs import check_rules, run_cases, run_step_cases
from creditaudit.audit.case_words import CaseError
from creditaudit.audit.casebook import CaseOutcome, load_cases, parse_cases
from creditaudit.audit.readable import ACCOUNT_NOTICES, PAIRS
from creditaudit.audit.rulebook import Rule, load_rules, parse_rule, read_rule
from creditaudit.audit.rules_run import judge, step_text
from creditaudit.engines import Engine, open_engine
from creditaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULES = load_rules()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = open_engine(tmp_path_factory.mktemp("scratch"), threads=1, memory_limit="512MiB")
    yield made
    made.close()


def failed(outcomes: list[CaseOutcome]) -> list[str]:
    return [outcome.explained() for outcome in outcomes if not outcome.passed]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule_id)
def test_every_rule_passes_its_cases_and_lacks_none(engine: Engine, rule: Rule) -> None:
    (report,) = check_rules([rule], engine)
    assert failed(list(report.outcomes)) == []
    assert report.unmet == ()
    assert report.passed
    assert len(report.outcomes) == len(load_cases(rule)) > 10


def test_the_steps_pass_their_cases(engine: Engine) -> None:
    outcomes = run_step_cases(engine)
    assert failed(outcomes) == []
    assert {outcome.case.of for outcome in outcomes} == {"pairs", "clearances", "last_checks", "inquiry_pairs"}


def test_pairs_have_the_columns_and_nulls_that_readable_says(engine: Engine) -> None:
    said = {"pairs": PAIRS, "account_notices": ACCOUNT_NOTICES}
    seen_null: dict[str, set[str]] = {name: set() for name in said}
    cases = [*casebook.load_step_cases(), *(case for rule in RULES for case in load_cases(rule))]
    for batch in case_runs.batches(cases):
        batch.load(engine)
        judged = judge(engine, RULES)
        assert judged.findings > 0
        engine.table("account_notices", step_text("account_notices"))  # a judgment keeps it no longer than it needs it
        for name, schema in said.items():
            rows = engine.fetch(f"SELECT * FROM {name}")
            assert judged.pairs == rows.num_rows > 0
            assert {f.name: f.type for f in rows.schema} == {f.name: f.type for f in schema}
            seen_null[name] |= {column for column in rows.schema.names if rows[column].null_count}
    for name, schema in said.items():
        assert seen_null[name] <= {field.name for field in schema if field.nullable}


def test_judge_without_rules_gives_no_findings(engine: Engine) -> None:
    next(iter(case_runs.batches(load_cases(RULES[0])))).load(engine)
    assert judge(engine, ()).findings == 0
    assert engine.fetch("SELECT * FROM raw_findings").schema.names == [
        "rule_id",
        "subject",
        "provider_code",
        "account_code",
        "notice_source",
        "notice_id",
        "verdict",
    ]


def test_judge_gives_one_finding_per_rule_account_and_notice(engine: Engine) -> None:
    for batch in case_runs.batches(case for rule in RULES for case in load_cases(rule)):
        batch.load(engine)
        found = judge(engine, RULES).findings
        keys = engine.fetch(
            "SELECT rule_id, subject, provider_code, notice_source, notice_id FROM raw_findings GROUP BY ALL"
        )
        assert keys.num_rows == found


def test_a_parameter_changes_what_a_rule_says(engine: Engine) -> None:
    (rule,) = (rule for rule in RULES if rule.rule_id == "R106")
    assert failed(run_cases(rule, engine, {"window_seconds": 604_801})) != []


def test_a_changed_rule_is_caught_by_name(engine: Engine, tmp_path: Path) -> None:
    rule = changed_rule(tmp_path, "R108", "a.shown_to < a.moment_day", "a.shown_to <= a.moment_day")
    (explained,) = failed(run_cases(rule, engine))
    assert "on the day of the moment" in explained


def test_a_rule_whose_boundary_and_null_cases_are_gone_says_which(engine: Engine, tmp_path: Path) -> None:
    rule = next(rule for rule in RULES if rule.rule_id == "R108")
    cases = """
- {name: gone, given: {account: {moment: 2021-03-09, shown: 2011-03-01, shown_to: 2021-03-01}}, expect: violation}
- name: two
  given:
    accounts:
      - {moment: 2021-03-02, shown: 2011-03-01, shown_to: 2031-03-01}
      - {moment: 2021-03-02, shown: 2011-03-01, shown_to: 2031-03-01}
  expect: clean
"""
    written = write_rule(tmp_path, rule, rule.text, cases)
    assert case_runs.unmet(written, engine) == [
        "no case at the boundary of shown_on <= moment_day: just outside",
        "no case at the boundary of shown_on <= moment_day: just within",
        "no case at the boundary of shown_to < moment_day: just outside",
        "no case at the boundary of shown_to < moment_day: just within",
        "no case in which moment_day is missing",
        "no case in which shown_on is missing",
        "no case in which shown_to is missing",
    ]


def write_rule(folder: Path, rule: Rule, text: str, cases: str) -> Rule:
    own = folder / f"{rule.rule_id}_{rule.name}"
    own.mkdir()
    (own / "rule.sql").write_text(text, encoding="utf-8")
    (own / "cases.yaml").write_text(cases, encoding="utf-8")
    return read_rule(own)


def changed_rule(folder: Path, rule_id: str, before: str, after: str) -> Rule:
    rule = next(rule for rule in RULES if rule.rule_id == rule_id)
    assert before in rule.text
    assert rule.folder is not None
    cases = rule.folder.joinpath("cases.yaml").read_text(encoding="utf-8")
    return write_rule(folder, rule, rule.text.replace(before, after), cases)


ONE = "{name: one, given: {account: {moment: 2021-03-02}, notice: {reported: 2021-03-01}}, expect: clean}"


@pytest.mark.parametrize(
    ("cases", "why"),
    [
        ("a: b", "must be a list"),
        ("[unclosed", "not YAML"),
        ("[{name: one, given: {}}]", "a case has expect, given, name"),
        (f"[{ONE}, {ONE}]", "two cases have this name"),
        ("[{name: one, given: {accont: {}}, expect: clean}]", "unknown accont"),
        ("[{name: one, given: {account: {moment: 2021-03-02}}, expect: guilty}]", "one of violation"),
        ("[{name: one, given: {accounts: [{moment: 2021-03-02}]}, expect: [{verdict: lead}]}]", "names its account"),
        ("[{name: one, given: {accounts: [], notices: []}, expect: lead}]", "a list of rows"),
        ("[{name: one, given: {accounts: {moment: 2021-03-02}}, expect: lead}]", "must be a list"),
        ("[{name: one, given: {account: {moment: 3}}, expect: lead}]", "not a day, a minute"),
        ("[{name: one, given: {account: {moment: 2021-03-02, shown: x}}, expect: lead}]", "not a date"),
        ("[{name: one, given: {notice: {noticed: 2011-05-01}}, expect: lead}]", "reported is required"),
        (
            "[{name: one, given: {notice: {event: lost, reported: 2011-05-01}}, expect: lead}]",
            "known are reported_lost",
        ),
        ("[{name: one, given: {coverage: [{from: 2011-05-01}]}, expect: lead}]", "needs from and to"),
    ],
)
def test_cases_that_cannot_be_read_are_refused(cases: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as refused:
        parse_cases(cases, "R101/cases.yaml", "R101")
    assert refused.value.where is not None
    assert refused.value.where.file == "R101/cases.yaml"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"account": {"moment": None}}, "give moment, or no_moment"),
        ({"account": {}, "accounts": []}, "give one of them"),
        ({"account": {"no_moment": "x", "document": "other", "shown": None}}, "no ID card was shown"),
        ([], "must be a mapping"),
    ],
)
def test_facts_that_contradict_themselves_are_refused(given: object, why: str) -> None:
    with pytest.raises(CaseError, match=why):
        facts_of(given)


def test_a_rule_without_a_required_kind_of_case_is_refused(tmp_path: Path) -> None:
    rule = next(rule for rule in RULES if rule.rule_id == "R105")
    written = write_rule(tmp_path, rule, rule.text, f"[{ONE}]")
    with pytest.raises(UsageError, match="violation; none is undecidable; none is lead; none is one with duplicates"):
        load_cases(written)


def test_a_rule_without_a_clean_case_is_refused(tmp_path: Path) -> None:
    rule = next(rule for rule in RULES if rule.rule_id == "R103")
    lead = ONE.replace("clean", "lead")
    written = write_rule(tmp_path, rule, rule.text, f"[{lead}]")
    with pytest.raises(UsageError, match="no case is clean"):
        load_cases(written)


def test_a_rule_kept_as_bytes_alone_has_no_cases() -> None:
    rule = parse_rule(RULES[0].text.encode(), "kept")
    with pytest.raises(UsageError, match="no cases"):
        load_cases(rule)
    assert rule.sha256 == RULES[0].sha256
