"""Runs cases on an engine, and looks for required ones that are missing.

All cases that can stand in one set of tables are judged at once, each with persons and codes of its own.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from creditaudit import tables
from creditaudit.audit.case_facts import INPUTS
from creditaudit.audit.casebook import Case, CaseOutcome, load_cases, load_step_cases
from creditaudit.audit.chained import chain_accounts
from creditaudit.audit.columns import columns_read
from creditaudit.audit.lint import Refusal, parsed
from creditaudit.audit.readable import READABLE, SUBJECT
from creditaudit.audit.rulebook import Rule, rendered
from creditaudit.audit.rules_run import STEPS, found_select, step_text
from creditaudit.engines import engine_aside
from creditaudit.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from creditaudit.audit.case_words import Row
    from creditaudit.engines import Engine

_SEPARATOR = "/"
# By how much the left side of a comparison exceeds the right one where it just holds, and where it just does not.
_EDGES: dict[type[exp.Binary], tuple[int, int]] = {exp.GT: (1, 0), exp.GTE: (0, -1), exp.LT: (-1, 0), exp.LTE: (0, 1)}


@dataclass(frozen=True)
class Batch:
    """Cases that stand in one set of tables."""

    cases: tuple[Case, ...]
    inputs: Mapping[str, pa.Table]

    def load(self, engine: Engine) -> None:
        """Make the tables that judging reads, and the violating accounts of the cases."""
        for name, table in self.inputs.items():
            engine.load(name, table)

    def outcomes(self, of: str, rows: Iterable[Row]) -> Iterator[CaseOutcome]:
        """Sort rows of a rule's or step's result to the cases that are about it."""
        found: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            number, own = _unmarked(row)
            found[number].append({**row, **own})
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
    for name, schema in INPUTS.items():
        rows = [_marked(number, row) for number, case in enumerate(cases) for row in case.facts.rows[name]]
        inputs[name] = pa.Table.from_pylist(rows, schema=schema)
    covered = [{"covers_from": first, "covers_to": last} for first, last in coverage]
    inputs["issuance_coverage"] = pa.Table.from_pylist(covered, schema=tables.ISSUANCE_COVERAGE)
    return Batch(cases, inputs)


# What tells persons, accounts, notices and inquiries of one case from those of another.
_OWN = frozenset(
    {"id_norm", "account_code", "notice_id", "inquiry_id", "alert_id", "handler_id_norm", "from_code", "to_code"}
)


def _marked(number: int, row: Row) -> Row:
    """Give a case's persons and codes to this case alone."""
    return {
        name: f"{number}{_SEPARATOR}{value}" if name in _OWN and value is not None else value
        for name, value in row.items()
    }


def _unmarked(row: Row) -> tuple[int, Row]:
    """Return the case that a row is of, and what the case calls its account or inquiry, notice, chain and alert."""
    subject = row.get("inquiry_id") or str(row.get(SUBJECT) or "").removeprefix("inquiry:")
    number, _, code = (row.get("account_code") or subject).partition(_SEPARATOR)
    named = {"account" if row.get("account_code") else "inquiry": code}
    for column, word in (("notice_id", "notice"), ("alert_id", "alert_id"), ("chain", "chain")):
        text = row.get(column)
        if isinstance(text, str):
            marked = f"{_SEPARATOR}{number}{_SEPARATOR}"
            named[word] = text.replace(marked, _SEPARATOR).removeprefix(f"{number}{_SEPARATOR}")
    return int(number), {"notice": None, **named}


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
        rows = engine.fetch(found_select(rule.rule_id, rendered(rule, overrides))).to_pylist()
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


def can_be_run(rule: Rule) -> bool:
    """Say whether the engine runs a rule's text, over the rows of the steps' cases: no lint knows types.

    Parameters
    ----------
    rule : Rule
        Whose text is clean.
    """
    with engine_aside(threads=1) as engine:
        for batch in batches(load_step_cases()):
            _prepared(engine, batch)
            try:
                engine.fetch(found_select(rule.rule_id, rendered(rule)))
            except InternalError:
                return False
    return True


def _prepared(engine: Engine, batch: Batch) -> None:
    batch.load(engine)
    for step in STEPS:
        engine.table(step, step_text(step))
    chain_accounts(engine)


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
