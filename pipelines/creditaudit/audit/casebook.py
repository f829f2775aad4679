"""Cases of a rule: given and expect, read, checked for what must be there, and run on an engine.

All cases that can stand in one set of tables are judged at once, each with persons and codes of its own.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
from typing import TYPE_CHECKING

import pyarrow as pa
import yaml
from sqlglot import exp

from creditaudit import tables
from creditaudit.audit.case_facts import INPUTS, CaseError, Facts, Row, day_number, facts_of, seconds
from creditaudit.audit.columns import columns_read
from creditaudit.audit.lint import Refusal, parsed
from creditaudit.audit.readable import READABLE, VERDICTS
from creditaudit.audit.rulebook import CASES_FILE, Rule, rendered
from creditaudit.audit.rules_run import STEPS, findings_select, step_text
from creditaudit.errors import UsageError, Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from creditaudit.engines import Engine

CLEAN = "clean"
_SEPARATOR = "/"
# By how much the left side of a comparison exceeds the right one where it just holds, and where it just does not.
_EDGES: dict[type[exp.Binary], tuple[int, int]] = {exp.GT: (1, 0), exp.GTE: (0, -1), exp.LT: (-1, 0), exp.LTE: (0, 1)}
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
        Rows, each with ``account``, ``notice`` (absent where there is none) and the columns that must have a value.
    """

    of: str
    name: str
    line: int
    facts: Facts
    expected: tuple[Row, ...]


@dataclass(frozen=True)
class CaseOutcome:
    """What came of a case."""

    case: Case
    found: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether exactly the expected rows came, with the expected values."""
        expected = sorted(self.case.expected, key=_row_key)
        found = sorted(self.found, key=_row_key)
        return [_row_key(row) for row in expected] == [_row_key(row) for row in found] and all(
            all(have[column] == value for column, value in want.items())
            for want, have in zip(expected, found, strict=True)
        )

    def explained(self) -> str:
        """Return one line: the case, and what differs."""
        if self.passed:
            return f"{self.case.of} {self.case.name}: as expected"
        columns = {column for row in self.case.expected for column in row} | {"account", "notice", "verdict", "reason"}
        shown = [{c: v for c, v in row.items() if c in columns} for row in self.found]
        return f"{self.case.of} {self.case.name}: expected {list(self.case.expected)}, found {shown}"


def _row_key(row: Row) -> tuple[str, str]:
    return (str(row["account"]), str(row.get("notice") or ""))


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
    cases = parse_cases(file.read_text(encoding="utf-8"), where, rule.rule_id)
    missing = _missing_kinds(rule, cases)
    if missing:
        raise refused_cases(where, None, f"no case is {'; none is '.join(missing)}")
    return cases


def parse_cases(text: str, where: str, of: str) -> tuple[Case, ...]:
    """Read the cases of a file; errors as :func:`load_cases`."""
    try:
        node, values = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
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
            case = Case(of, str(value["name"]), line, facts, _expected(value["expect"], facts, of))
        except CaseError as error:
            raise refused_cases(where, line, str(error)) from error
        if case.name in cases:
            raise refused_cases(where, line, "two cases have this name")
        cases[case.name] = case
    return tuple(cases.values())


def _expected(value: object, facts: Facts, of: str) -> tuple[Row, ...]:
    """Read ``expect``: a word or a mapping speaks of the only account and notice, a list names them."""
    if value == CLEAN:
        return ()
    column = "reason" if of == "clearances" else "verdict"
    if isinstance(value, list):
        rows = [dict(row) for row in value]
        if not all("account" in row for row in rows):
            raise CaseError("expect: each row names its account")
    else:
        if len(facts.accounts) != 1 or len(facts.notices) > 1:
            raise CaseError("expect: with several accounts or notices, a list of rows that name them")
        row = {"account": facts.accounts[0]["account_code"]}
        if facts.notices and of != "R108":
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
    if not any(len(f.accounts) > 1 or len(f.notices) > 1 for f in (case.facts for case in cases)):
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
        for case in parse_cases(file.read_text(encoding="utf-8"), f"sql/cases/{file.name}", step)
    )


def refused_cases(where: str, line: int | None, why: str) -> UsageError:
    """Return the error for cases that cannot be used."""
    return UsageError(
        "the cases of a rule cannot be used",
        why=why,
        next_step="correct the file; the cases of the shipped rules show its form",
        where=Where(where, line),
    )


@dataclass(frozen=True)
class Batch:
    """Cases that stand in one set of tables."""

    cases: tuple[Case, ...]
    inputs: Mapping[str, pa.Table]

    def load(self, engine: Engine) -> None:
        """Make the four tables that judging reads."""
        for name, table in self.inputs.items():
            engine.load(name, table)

    def outcomes(self, of: str, rows: Iterable[Row]) -> Iterator[CaseOutcome]:
        """Sort rows of a rule's or step's result to the cases that are about it."""
        found: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            number, _, account = row["account_code"].partition(_SEPARATOR)
            notice = row.get("notice_id")
            own = {"account": account, "notice": None if notice is None else notice.partition(_SEPARATOR)[2]}
            found[int(number)].append({**row, **own})
        for number, case in enumerate(self.cases):
            if case.of == of:
                yield CaseOutcome(case, tuple(found[number]))


def batches(cases: Iterable[Case]) -> tuple[Batch, ...]:
    """Put cases together that say the same of coverage."""
    grouped: dict[tuple[tuple[int, int], ...], list[Case]] = defaultdict(list)
    for case in cases:
        grouped[case.facts.coverage].append(case)
    return tuple(_batch(tuple(group), coverage) for coverage, group in sorted(grouped.items()))


def _batch(cases: tuple[Case, ...], coverage: tuple[tuple[int, int], ...]) -> Batch:
    inputs: dict[str, pa.Table] = {}
    for name, (schema, part) in INPUTS.items():
        rows = [_marked(number, row) for number, case in enumerate(cases) for row in getattr(case.facts, part)]
        inputs[name] = pa.Table.from_pylist(rows, schema=schema)
    covered = [{"covers_from": first, "covers_to": last} for first, last in coverage]
    inputs["issuance_coverage"] = pa.Table.from_pylist(covered, schema=tables.ISSUANCE_COVERAGE)
    return Batch(cases, inputs)


def _marked(number: int, row: Row) -> Row:
    """Give a case's persons and codes to this case alone."""
    own = ("id_norm", "account_code", "notice_id")
    return {name: f"{number}{_SEPARATOR}{value}" if name in own else value for name, value in row.items()}


def run_cases(rule: Rule, engine: Engine, overrides: Mapping[str, int] | None = None) -> list[CaseOutcome]:
    """Run a rule's cases through the shipped steps and its text.

    Parameters
    ----------
    rule : Rule
    engine : Engine
        Its tables of the judgment are replaced.
    overrides : mapping, optional
        Other values of the rule's parameters.

    Returns
    -------
    list of CaseOutcome
        In the order of the file.
    """
    outcomes: list[CaseOutcome] = []
    for batch in batches(load_cases(rule)):
        _prepared(engine, batch)
        rows = engine.fetch(findings_select({rule.rule_id: rendered(rule, overrides)})).to_pylist()
        outcomes.extend(batch.outcomes(rule.rule_id, rows))
    return sorted(outcomes, key=lambda outcome: outcome.case.line)


def run_step_cases(engine: Engine) -> list[CaseOutcome]:
    """Run the cases of the steps before the rules, as :func:`run_cases` does."""
    outcomes: list[CaseOutcome] = []
    for batch in batches(load_step_cases()):
        _prepared(engine, batch)
        for step in sorted({case.of for case in batch.cases}):
            outcomes.extend(batch.outcomes(step, engine.fetch(f"SELECT * FROM {step}").to_pylist()))
    return sorted(outcomes, key=lambda outcome: (outcome.case.of, outcome.case.line))


def _prepared(engine: Engine, batch: Batch) -> None:
    batch.load(engine)
    for step in STEPS:
        engine.table(step, step_text(step))


def unmet(rule: Rule, engine: Engine) -> list[str]:
    """Say which required cases the rule lacks, as the data show it: no tag in the file can claim it.

    Each ordered comparison of the text must be met at its boundary from both sides, and each column that may be
    NULL must be NULL in some case.
    """
    tree = parsed(rendered(rule))
    if isinstance(tree, Refusal):
        return [tree.reason]
    asked: dict[str, tuple[str, str]] = {}  # what must be true in some row of a table → (table, in words)
    read = columns_read(tree)
    for table, column in read:
        if READABLE.get(table, {}).get(column):
            asked[f"{column} IS NULL"] = (table, f"no case in which {column} is missing")
    for node in tree.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE):
        names = {column.name for column in node.find_all(exp.Column)}
        of_table = next((t for t in rule.reads if names <= set(READABLE[t])), None)
        plain = node.transform(lambda n: exp.column(n.name) if isinstance(n, exp.Column) else n)
        if of_table is not None and isinstance(plain, exp.Binary):
            for condition, side in _sides(plain):
                asked[condition] = (of_table, f"no case at the boundary of {plain.sql()}: {side}")
    unseen = set(asked)
    for batch in batches(load_cases(rule)):
        _prepared(engine, batch)
        for condition in sorted(unseen):
            rows = engine.fetch(f"SELECT COUNT(*) AS n FROM {asked[condition][0]} WHERE {condition}").to_pylist()
            if rows[0]["n"]:
                unseen.discard(condition)
    return sorted(asked[condition][1] for condition in unseen)


def _sides(comparison: exp.Binary) -> Iterator[tuple[str, str]]:
    """Yield the condition of the last row that holds and of the first that does not."""
    left, right = comparison.left.sql(), comparison.right.sql()
    holds, fails = _EDGES[type(comparison)]
    yield f"{left} - ({right}) = {holds}", "just within"
    yield f"{left} - ({right}) = {fails}", "just outside"


@dataclass(frozen=True)
class RuleReport:
    """What testing one rule gave.

    Parameters
    ----------
    rule : Rule
    outcomes : tuple of CaseOutcome
    unmet : tuple of str
        Required cases that are missing, in words.
    """

    rule: Rule
    outcomes: tuple[CaseOutcome, ...]
    unmet: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every case gave what it expects, and no required one is missing."""
        return not self.unmet and all(outcome.passed for outcome in self.outcomes)


def check_rules(rules: Iterable[Rule], engine: Engine) -> tuple[RuleReport, ...]:
    """Run the cases of each rule, and look for required ones that are missing."""
    return tuple(RuleReport(rule, tuple(run_cases(rule, engine)), tuple(unmet(rule, engine))) for rule in rules)
