"""Runs the rules: from the tables of the sift to findings and clearances."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from creditaudit.audit.chained import chain_accounts, name_violating
from creditaudit.audit.columns import returned
from creditaudit.audit.readable import RULE_COLUMNS, SUBJECT
from creditaudit.audit.rulebook import rendered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from creditaudit.audit.rulebook import Rule
    from creditaudit.engines import Engine

# In the order in which they are run; each becomes the table of its name.
STEPS = ("card_facts", "account_notices", "pairs", "clearances", "last_checks", "inquiry_pairs")

# What names one row of each.
_PAIR = ("provider_code", "account_code", "notice_source", "notice_id")
STEP_KEYS = {
    "card_facts": ("id_norm", "valid_from"),
    "account_notices": _PAIR,
    "pairs": _PAIR,
    "clearances": _PAIR,
    "last_checks": ("provider_code", "account_code"),
    "inquiry_pairs": ("provider_code", "inquiry_id", "notice_source", "notice_id"),
}

# What the rules find is read again by these: they judge when the others have.
CHAINED = "chained_accounts"


@dataclass(frozen=True, slots=True)
class Judged:
    """How many rows the judgment made."""

    pairs: int
    clearances: int
    findings: int


def step_text(step: str) -> str:
    """Return the SQL of one of :data:`STEPS`, as shipped."""
    return resources.files("creditaudit.audit").joinpath("sql", f"{step}.sql").read_text(encoding="utf-8")


def found_table(rule_id: str) -> str:
    """Return the name of the table with what a rule found."""
    return f"found_{rule_id.lower()}"


def found_select(rule_id: str, text: str) -> str:
    """Return the SELECT over a rendered text: rule_id, RULE_COLUMNS, subject, then the rule's own columns.

    Parameters
    ----------
    rule_id : str
    text : str
        From :func:`creditaudit.audit.rulebook.rendered`.
    """
    names = returned(text)
    # A rule that says NULL gives no type; what all rules return is text.
    shared = [f"CAST(f.{name} AS STRING) AS {name}" for name in RULE_COLUMNS]
    columns = ", ".join([*shared, *(f"f.{name}" for name in names if name not in (*RULE_COLUMNS, SUBJECT))])
    subject = f"f.{SUBJECT}" if SUBJECT in names else f"'account:' || f.account_code AS {SUBJECT}"
    return f"SELECT '{rule_id}' AS rule_id, {columns}, {subject} FROM (\n{text}\n) AS f"


def raw_select(rule_ids: Iterable[str]) -> str:
    """Return one SELECT over what the rules found: the columns that all have."""
    columns = ("rule_id", SUBJECT, *RULE_COLUMNS)
    # This branch has no rows; without rules it gives the columns.
    typed = ", ".join(f"a.provider_code AS {column}" for column in columns)
    listed = ", ".join(columns)
    branches = [f"SELECT {typed} FROM judged_accounts AS a WHERE 1 = 0"]
    branches += [f"SELECT {listed} FROM {found_table(rule_id)}" for rule_id in rule_ids]
    return "\nUNION ALL\n".join(branches)


def judge(engine: Engine, rules: Sequence[Rule], overrides: Mapping[str, Mapping[str, int]] | None = None) -> Judged:
    """Judge what the sift has found.

    Reads the relations that the sift makes (tables.py). Makes the tables of ``STEPS``, ``chained_accounts``,
    ``found_<rule id>`` (rule_id, the columns that the rule returns, subject) and ``raw_findings`` (rule_id, subject,
    provider_code, account_code, notice_source, notice_id, verdict; account_code is NULL where the subject is no
    account). None has an order.

    Parameters
    ----------
    engine : Engine
    rules : sequence of Rule
        Those in force.
    overrides : mapping, optional
        Rule id to other values of its parameters.

    Returns
    -------
    Judged
    """
    counts = {}
    for step in STEPS:
        counts[step] = engine.table(step, step_text(step))
        if step == "pairs":
            engine.drop("account_notices")  # of a large night one of the largest tables, and read by nothing else
    # Rules that read chains judge last: a chain leads to what the others found.
    last = [rule for rule in rules if CHAINED in rule.reads]
    first = [rule for rule in rules if rule not in last]
    _run(engine, first, overrides)
    findings = engine.table("raw_findings", raw_select(rule.rule_id for rule in first))
    name_violating(engine)
    chain_accounts(engine)
    if last:
        _run(engine, last, overrides)
        findings = engine.table("raw_findings", raw_select(rule.rule_id for rule in rules))
    return Judged(counts["pairs"], counts["clearances"], findings)


def _run(engine: Engine, rules: Sequence[Rule], overrides: Mapping[str, Mapping[str, int]] | None) -> None:
    for rule in rules:
        text = rendered(rule, (overrides or {}).get(rule.rule_id))
        engine.table(found_table(rule.rule_id), found_select(rule.rule_id, text))
