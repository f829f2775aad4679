"""Cases of a rule: given and expect, read and checked for what must be there. ``case_runs.py`` runs them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
from typing import TYPE_CHECKING

import yaml
from sqlglot import exp

from creditaudit.audit.case_facts import facts_of
from creditaudit.audit.case_words import CaseError, Row, day_number, seconds
from creditaudit.audit.header import read_yaml
from creditaudit.audit.lint import Refusal, parsed
from creditaudit.audit.readable import VERDICTS
from creditaudit.audit.rulebook import CASES_FILE
from creditaudit.audit.rules_run import STEP_KEYS, STEPS
from creditaudit.errors import UsageError, Where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from creditaudit.audit.case_facts import Facts
    from creditaudit.audit.rulebook import Rule

CLEAN = "clean"
_CASE_KEYS = frozenset({"name", "given", "expect"})


@dataclass(frozen=True)
class Case:
    """One given and what must come of it.

    Parameters
    ----------
    of : str
        The rule's id, or the name of the table that the case is about.
    name : str
        One sentence.
    line : int
        In its file.
    facts : Facts
    expected : tuple of dict
        Rows, each with ``account`` or ``inquiry``, ``notice`` where the key has it, and the columns that must have a
        value.
    key : tuple of str
        What names one row of the result.
    """

    of: str
    name: str
    line: int
    facts: Facts
    expected: tuple[Row, ...]
    key: tuple[str, ...]

    def row_key(self, row: Row) -> tuple[str, ...]:
        """Return what tells a row from the others of the case."""
        named = [row.get("account"), row.get("inquiry"), row.get("notice") if "notice_id" in self.key else None]
        if any("provider_code" in expected for expected in self.expected):  # two institutions with one code
            named.append(row.get("provider_code"))
        return tuple(str(name or "") for name in named)


@dataclass(frozen=True)
class CaseOutcome:
    """What came of a case."""

    case: Case
    found: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether exactly the expected rows came, with the expected values."""
        key = self.case.row_key
        expected, found = sorted(self.case.expected, key=key), sorted(self.found, key=key)
        return [key(row) for row in expected] == [key(row) for row in found] and all(
            all(have[column] == value for column, value in want.items())
            for want, have in zip(expected, found, strict=True)
        )

    def explained(self) -> str:
        """Return one line: the case, and what differs."""
        if self.passed:
            return f"{self.case.of} {self.case.name}: as expected"
        columns = {column for row in self.case.expected for column in row}
        columns |= {"account", "inquiry", "notice", "verdict", "reason"}
        shown = [{c: v for c, v in row.items() if c in columns} for row in self.found]
        return f"{self.case.of} {self.case.name}: expected {list(self.case.expected)}, found {shown}"


def load_cases(rule: Rule) -> tuple[Case, ...]:
    """Read a rule's cases.

    Raises
    ------
    UsageError
        No such file, a case that cannot be read, or required cases that are missing: one for each verdict that the
        text can give, a clean one, and one with duplicates.
    """
    where = f"{rule.folder.name if rule.folder else rule.rule_id}/{CASES_FILE}"
    file = rule.folder.joinpath(CASES_FILE) if rule.folder is not None else None
    if file is None or not file.is_file():
        raise refused_cases(where, None, "the rule has no cases")
    cases = parse_cases(file.read_text(encoding="utf-8"), where, rule.rule_id, rule.key)
    missing = _missing_kinds(rule, cases)
    if missing:
        raise refused_cases(where, None, f"no case is {'; none is '.join(missing)}")
    return cases


# What names one row of most rules' results.
PAIR_KEY = ("provider_code", "account_code", "notice_source", "notice_id")


def parse_cases(text: str, where: str, of: str, key: tuple[str, ...] = PAIR_KEY) -> tuple[Case, ...]:
    """Read the cases of a file; errors as :func:`load_cases`."""
    try:
        node, values = read_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise refused_cases(where, mark.line + 1 if mark else None, "not YAML") from error
    if not isinstance(values, list) or not isinstance(node, yaml.SequenceNode):
        raise refused_cases(where, 1, "the file must be a list of cases")
    cases: dict[str, Case] = {}
    for value, place in zip(values, node.value, strict=True):
        line = place.start_mark.line + 1
        if not isinstance(value, dict) or set(value) != _CASE_KEYS:
            raise refused_cases(where, line, f"a case has {', '.join(sorted(_CASE_KEYS))}")
        try:
            facts = facts_of(value["given"])
            case = Case(of, str(value["name"]), line, facts, _expected(value["expect"], facts, of, key), key)
        except CaseError as error:
            raise refused_cases(where, line, str(error)) from error
        if case.name in cases:
            raise refused_cases(where, line, "two cases have this name")
        cases[case.name] = case
    return tuple(cases.values())


def _expected(value: object, facts: Facts, of: str, key: tuple[str, ...]) -> tuple[Row, ...]:
    """Read ``expect``: a word or a mapping speaks of the only subject and notice, a list names them."""
    if value == CLEAN:
        return ()
    column = "reason" if of == "clearances" else "verdict"
    one, subjects = ("inquiry", facts.inquiries) if "account_code" not in key else ("account", facts.accounts)
    if isinstance(value, list):
        rows = [dict(row) for row in value]
        if not all(one in row for row in rows):
            raise CaseError(f"expect: each row names its {one}")
    else:
        if len(subjects) != 1 or ("notice_id" in key and len(facts.notices) > 1):
            raise CaseError("expect: with several accounts, inquiries or notices, a list of rows that name them")
        row = {one: subjects[0]["inquiry_id" if one == "inquiry" else "account_code"]}
        if "notice_id" in key and facts.notices:
            row["notice"] = facts.notices[0]["notice_id"]
        rows = [{**row, **(value if isinstance(value, dict) else {column: value})}]
    if column == "verdict" and of not in STEPS and any(row.get("verdict") not in VERDICTS for row in rows):
        raise CaseError(f"expect: {CLEAN}, or one of {', '.join(VERDICTS)}")
    return tuple({name: _comparable(cell) for name, cell in row.items()} for row in rows)


def _comparable(cell: object) -> object:
    if type(cell) is date:
        return day_number(cell)
    return seconds(cell)[0] if isinstance(cell, datetime) else cell


def _missing_kinds(rule: Rule, cases: Sequence[Case]) -> list[str]:
    tree = parsed(rule.text)
    literals = set() if isinstance(tree, Refusal) else {str(n.this) for n in tree.find_all(exp.Literal) if n.is_string}
    given = {row["verdict"] for case in cases for row in case.expected}
    missing = [verdict for verdict in VERDICTS if verdict in literals and verdict not in given]
    if all(case.expected for case in cases):
        missing.append(CLEAN)
    if not any(any(len(rows) > 1 for rows in case.facts.rows.values()) for case in cases):
        missing.append("one with duplicates (several accounts or notices of one person)")
    return missing


def load_step_cases() -> tuple[Case, ...]:
    """Read the shipped cases of the steps before the rules; errors as :func:`load_cases`."""
    folder = resources.files("creditaudit.audit").joinpath("sql", "cases")
    files = {step: folder.joinpath(f"{step}.yaml") for step in STEPS}
    return tuple(
        case
        for step, file in files.items()
        if file.is_file()
        for case in parse_cases(file.read_text(encoding="utf-8"), f"sql/cases/{file.name}", step, STEP_KEYS[step])
    )


def refused_cases(where: str, line: int | None, why: str) -> UsageError:
    """Return the error for cases that cannot be used."""
    return UsageError(
        "the cases of a rule cannot be used",
        why=why,
        next_step="correct the file; the cases of the shipped rules show its form",
        where=Where(where, line),
    )
