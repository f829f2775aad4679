"""Rules as data: one folder each, read, checked and rendered."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlglot
from sqlglot import TokenType, exp

from creditaudit.audit.columns import DIALECT, tables_read
from creditaudit.audit.header import Header, Param, parse_header
from creditaudit.audit.lint import Refusal, lint_rule, parsed
from creditaudit.audit.readable import EVIDENT, PERSONAL, READABLE, RULE_COLUMNS, SUBJECT
from creditaudit.errors import UsageError, Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from importlib.resources.abc import Traversable
    from pathlib import Path


RULE_FILE = "rule.sql"
CASES_FILE = "cases.yaml"


@dataclass(frozen=True)
class Rule:
    """One rule in force: its text, and what its header says of it.

    Parameters
    ----------
    rule_id, name : str
        ``R101`` and ``lost_card_used``; the folder is called by both.
    title_zh, title_en : str
        One line for reports.
    lane : str
        ``fault`` (its cases are also asked whether the institution failed a duty, SPEC 7) or ``correction``.
    clause : str
        The sections of the specification that it follows.
    effective_from, effective_to : date or None
        First and last night on which it judges; None is no bound.
    reads : tuple of str
        Tables, at most these.
    key : tuple of str
        What names one row of its result.
    params : tuple of Param
        Whole numbers that the text names as ``:name``.
    evidence : tuple of str
        Columns of what it reads that go into the finding's evidence.
    undecidable_when : str
        In words.
    text : str
        The file as it is, header and all.
    sha256 : str
        Of the file's bytes.
    folder : Traversable or None
        Where it was read; None for a text that was kept elsewhere.
    """

    rule_id: str
    name: str
    title_zh: str
    title_en: str
    lane: str
    clause: str
    effective_from: date | None
    effective_to: date | None
    reads: tuple[str, ...]
    key: tuple[str, ...]
    params: tuple[Param, ...]
    evidence: tuple[str, ...]
    undecidable_when: str
    text: str
    sha256: str
    folder: Traversable | None = None


def shipped_rules() -> Traversable:
    """Return the folder of the rules that come with the program."""
    return resources.files("creditaudit").joinpath("rules")


def load_rules(folder: Path | Traversable | None = None) -> tuple[Rule, ...]:
    """Read every rule of a folder, or the shipped ones, in the order of their ids.

    Parameters
    ----------
    folder : Path or Traversable, optional
        Holds one folder per rule.

    Raises
    ------
    UsageError
        A rule's header or text is not as it must be, or two rules have one id; names file and line.
    """
    rules: dict[str, Rule] = {}
    for one in _rule_folders(folder):
        rule = read_rule(one)
        where = f"{one.name}/{RULE_FILE}"
        if rule.rule_id in rules:
            twin = rules[rule.rule_id].folder
            raise _refused(where, 1, f"rule id {rule.rule_id} is also that of {twin.name if twin else 'another'}")
        if one.name != f"{rule.rule_id}_{rule.name}":
            raise _refused(where, 1, f"the folder must be called {rule.rule_id}_{rule.name}")
        rules[rule.rule_id] = rule
    return tuple(rules[rule_id] for rule_id in sorted(rules))


def read_rule(folder: Path | Traversable) -> Rule:
    """Read one rule from its folder; errors as :func:`load_rules`."""
    file = folder.joinpath(RULE_FILE)
    where = f"{folder.name}/{RULE_FILE}"
    if not file.is_file():
        raise _refused(where, None, "the folder has no such file")
    return parse_rule(file.read_bytes(), where, folder)


def parse_rule(raw: bytes, where: str, folder: Traversable | None = None) -> Rule:
    """Make a rule of the bytes of a ``rule.sql``, wherever they were kept.

    Parameters
    ----------
    raw : bytes
        UTF-8.
    where : str
        What errors call the text.
    folder : Traversable, optional
        Where the cases lie.

    Raises
    ------
    UsageError
        As :func:`load_rules`.
    """
    return replace(_checked(raw, where), folder=folder)


@cache
def _checked(raw: bytes, where: str) -> Rule:
    """Read and check the bytes of a rule: once in a process, for each night of a catch-up asks the same of the same."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(where, None, f"not UTF-8 at byte {error.start}") from error
    header = parse_header(text, where)
    _check_text(header, text, where)
    return Rule(
        rule_id=header.rule_id,
        name=header.name,
        title_zh=header.title_zh,
        title_en=header.title_en,
        lane=header.lane,
        clause=header.clause,
        effective_from=header.effective_from,
        effective_to=header.effective_to,
        reads=header.reads,
        key=header.key,
        params=header.params,
        evidence=header.evidence,
        undecidable_when=header.undecidable_when,
        text=text,
        sha256=hashlib.sha256(raw).hexdigest(),
    )


@dataclass(frozen=True, slots=True, order=True)
class LintFinding:
    """One thing that is wrong with a rule's file: where, and why."""

    file: str
    line: int
    reason: str


def lint_rules(folder: Path | Traversable | None = None) -> tuple[LintFinding, ...]:
    """Look at every rule of a folder, or at the shipped ones, and name all that is wrong instead of the first.

    Parameters
    ----------
    folder : Path or Traversable, optional
        Holds one folder per rule.

    Returns
    -------
    tuple of LintFinding
        By file and line; empty means that :func:`load_rules` takes them all, but for two rules with one id.

    Raises
    ------
    UsageError
        The folder does not exist.
    """
    found: list[LintFinding] = []
    for one in _rule_folders(folder):
        where = f"{one.name}/{RULE_FILE}"
        try:
            read_rule(one)
        except UsageError as error:
            refusals = lint_rule(one.joinpath(RULE_FILE).read_bytes().decode(errors="replace")) if _has(one) else ()
            line = error.where.line if error.where is not None and error.where.line is not None else 1
            found += [LintFinding(where, r.line, r.reason) for r in refusals] or [LintFinding(where, line, error.why)]
    return tuple(sorted(found))


def rendered(rule: Rule, overrides: Mapping[str, int] | None = None) -> str:
    """Return the rule's SELECT without its header, each ``:name`` written as a whole number.

    Parameters
    ----------
    rule : Rule
    overrides : mapping of str to int, optional
        Other values for some parameters.

    Raises
    ------
    UsageError
        An override names no parameter, or is out of its bounds.
    """
    values = {param.name: param.value for param in rule.params}
    bounds = {param.name: param for param in rule.params}
    for name, value in (overrides or {}).items():
        if name not in bounds:
            raise _override(rule, f"it has no parameter {name}; it has {', '.join(bounds) or 'none'}")
        if not bounds[name].holds(value):
            low, high = bounds[name].low, bounds[name].high
            raise _override(rule, f"{name} = {value} is outside {low} to {high} {bounds[name].unit}")
        values[name] = value
    return substituted(rule.text, values)


def substituted(text: str, values: Mapping[str, int]) -> str:
    """Write parameters into a text, token by token: literals are left alone, and comments are left out.

    What the lint took for a comment never reaches an engine, which may end one elsewhere.
    """
    return _written(text, tuple(sorted(values.items())))


@cache  # a night asks several times for the same few texts
def _written(text: str, given: tuple[tuple[str, int], ...]) -> str:
    values = dict(given)
    tokens = sqlglot.tokenize(text, dialect=DIALECT)
    # What lies before the first token is the header.
    pieces, before, position = [], None, tokens[0].start if tokens else 0
    for token in tokens:
        gap = text[position : token.start]
        if before is TokenType.COLON and not gap and token.text in values:
            pieces[-1] = str(values[token.text]) if pieces[-2] else f" {values[token.text]}"
        else:
            pieces += ["\n" if "\n" in gap else gap[:1] and " ", text[token.start : token.end + 1]]
        before, position = token.token_type, token.end + 1
    return "".join(pieces)


def in_force(rules: Iterable[Rule], night: date) -> tuple[Rule, ...]:
    """Return the rules whose effective days hold the night."""
    return tuple(
        rule
        for rule in rules
        if (rule.effective_from is None or rule.effective_from <= night)
        and (rule.effective_to is None or night <= rule.effective_to)
    )


def rule_titles(rules: Iterable[Rule]) -> pa.Table:
    """Return what rules are called, for reports: rule_id, zh, en; sorted by rule_id."""
    named = {rule.rule_id: rule for rule in rules}
    titles = [(name, named[name].title_zh, named[name].title_en) for name in sorted(named)]
    columns = ("rule_id", "zh", "en")
    return pa.table({n: pa.array([row[i] for row in titles], pa.string()) for i, n in enumerate(columns)})


def _rule_folders(folder: Path | Traversable | None) -> list[Traversable]:
    source: Traversable = shipped_rules() if folder is None else folder
    if not source.is_dir():
        raise UsageError(
            "no rules there",
            why="the folder does not exist",
            next_step="give a folder that holds one folder per rule",
            where=Where(str(folder)),
        )
    return sorted((f for f in source.iterdir() if f.is_dir() and not f.name.startswith((".", "_"))), key=_name)


def _name(folder: Traversable) -> str:
    return folder.name


def _has(folder: Traversable) -> bool:
    return folder.joinpath(RULE_FILE).is_file()


def _check_text(header: Header, text: str, where: str) -> None:
    """Refuse a text that the lint refuses, or that is not what its header says."""
    tree = parsed(text)
    refusals = lint_rule(text, tree)
    if refusals:
        raise _refused(where, refusals[0].line, "; ".join(f"line {r.line}: {r.reason}" for r in refusals))
    if isinstance(tree, Refusal):  # the lint has refused it already
        raise _refused(where, tree.line, tree.reason)
    read = tables_read(tree)
    if read != set(header.reads):
        raise _refused(
            where, header.lines["reads"], f"the text reads {_listed(read)}, the header says {_listed(header.reads)}"
        )
    _check_params(header, tree, where)
    _check_columns(header, tuple(tree.named_selects), where)


def _check_columns(header: Header, names: tuple[str, ...], where: str) -> None:
    """Refuse columns that no finding has a place for, and evidence that nothing gives or that names a person."""
    personal = PERSONAL.intersection(header.evidence)
    if personal:
        raise _refused(
            where,
            header.lines["evidence"],
            f"{_listed(personal)}: a person's own number or name, which no finding may hold (SPEC 10.4)",
        )
    if names[: len(RULE_COLUMNS)] != RULE_COLUMNS:
        raise _refused(where, None, f"a rule returns {', '.join(RULE_COLUMNS)} first, in this order")
    own = names[len(RULE_COLUMNS) :]
    spare = [name for name in own if name != SUBJECT and name not in header.evidence]
    if spare or len(set(names)) != len(names):
        what = _listed(spare) if spare else "a column twice"
        raise _refused(
            where, None, f"{what}: behind its first columns a rule returns {SUBJECT} and evidence, each once"
        )
    line = header.lines["evidence"]
    known = {column for table in EVIDENT if table in header.reads for column in READABLE[table]}
    unknown = [column for column in header.evidence if column not in {*known, *own, "id_status"}]
    if unknown:
        raise _refused(where, line, f"{_listed(unknown)}: no column of {_listed(header.reads)}, or of its own")
    if "id_status" not in header.evidence:
        raise _refused(where, line, "evidence always has id_status (SPEC 6)")


def _check_params(header: Header, tree: exp.Query, where: str) -> None:
    named = {str(p.this) for p in tree.find_all(exp.Placeholder)}
    given = {param.name for param in header.params}
    if named != given:
        raise _refused(
            where, header.lines["params"], f"the text names {_listed(named)}, the header has {_listed(given)}"
        )


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(sorted(str(name) for name in names)) or "nothing"


def _refused(where: str, line: int | None, why: str) -> UsageError:
    return UsageError(
        "a rule cannot be used",
        why=why,
        next_step="correct the file; `creditaudit rules lint` names everything that it may not say",
        where=Where(where, line),
    )


def _override(rule: Rule, why: str) -> UsageError:
    return UsageError(
        f"{rule.rule_id} cannot be run with these parameters", why=why, next_step="give a value within the bounds"
    )
