"""The cases of the last sealed night as a reviewer reads them: the queue, and one case whole (SPEC 7.3, 7.4, 8)."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from creditaudit.book.case_state import CASE_LIFE, CASE_SUBJECTS
from creditaudit.book.reference import read
from creditaudit.book.state import open_state
from creditaudit.cases.clocks import days_left_sql, overdue_sql
from creditaudit.cases.known import CLOSED, OPEN
from creditaudit.cases.remedies import remedies_of
from creditaudit.cases.reviewers import name_reviewers
from creditaudit.cases.sealed_cases import open_sealed_cases
from creditaudit.engines import Engine, engine_aside, quoted
from creditaudit.errors import UsageError
from creditaudit.explain import explain_account, recalls_of_case
from creditaudit.fault.documents import shipped_documents
from creditaudit.masking import each_text, numbers_hidden, without_numbers
from creditaudit.tables import CASE_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from creditaudit.book.layout import Book

Row = dict[str, Any]

QUEUE = (
    *("case_id", "provider_code", "account_code", "state", "tier", "verdict", "fault", "priority", "due_on"),
    *("days_left", "due_kind", "holds_the_ball", "next_step", "sampled", "reasons"),
)
STATES = (*OPEN, *CLOSED)
# A slipped row that was accepted may have a number for a code. Our own tokens are hexadecimal, and are never hidden.
_CODES = frozenset({"provider_code", "account_code", "subject", "notice_id"})
_OURS = frozenset({"case_id", "follows", "followed_by", "person_token", "fingerprint", "row_token", "sha256", "entry"})
_CONTROLS = re.compile("[\\x00-\\x1f\\x7f-\\x9f]+")
_NEAR = 6  # letters that may differ in a case_id that was mistyped


def queue(book: Book, *, recipient: str | None = None, states: Sequence[str] = (), overdue: bool = False) -> list[Row]:
    """Return the cases that wait for somebody, as the last sealed night left them; no raw ID number, name or phone.

    Parameters
    ----------
    book : Book
    recipient : str, optional
        Only the cases that this recipient may answer.
    states : sequence of str
        Only these; none: the open ones.
    overdue : bool
        Only what is late: past its due date, or a correction that is overdue; by due date, the earliest first.

    Returns
    -------
    list of dict
        The keys of ``QUEUE``; the last episode of each case. By priority, the greatest first and none last, then
        provider_code, account_code, case_id. ``days_left`` counts from the night, negative when late; None: no date.

    Raises
    ------
    UsageError
        The book has no sealed night, or knows no such recipient or state.
    """
    night = last_night(book)
    for state in states:
        if state not in STATES:
            raise _unknown("state", state, STATES)
    with _opened(book, night) as engine:
        asked = [f"c.state IN ({', '.join(map(quoted, states or OPEN))})"]
        if recipient is not None:
            known = engine.fetch("SELECT DISTINCT recipient FROM recipients ORDER BY recipient")
            if recipient not in known["recipient"].to_pylist():
                raise _unknown("recipient", recipient, known["recipient"].to_pylist())
            name_reviewers(engine, "last_cases", "case_reviewers", night)
            asked.append(
                "EXISTS (SELECT 1 FROM case_reviewers AS r WHERE r.case_id = c.case_id"
                f" AND r.recipient = {quoted(recipient)})"
            )
        names = ", ".join(f"c.{name}" for name in QUEUE if name not in {"days_left", "due_kind"})
        today = f"DATE {quoted(night.isoformat())}"
        left = days_left_sql("c.due_on", today)
        if overdue:
            asked.append(f"{overdue_sql('c.state', 'c.due_on', 'l.due_kind', today)} IS NOT NULL")
        found = engine.fetch(
            f"SELECT {names}, {left} AS days_left, l.due_kind FROM last_cases AS c LEFT JOIN sealed_life AS l"
            f" ON l.case_id = c.case_id AND l.episode = c.episode WHERE {' AND '.join(asked)}"
            f" ORDER BY {'c.due_on NULLS LAST, ' if overdue else ''}c.priority DESC NULLS LAST,"
            " c.provider_code, c.account_code, c.case_id"
        )
    return shown_rows(found.select(QUEUE))


@dataclass(frozen=True)
class CaseView:
    """One case whole, in plain values for JSON: dates and instants as text, None where a thing is missing.

    Parameters
    ----------
    case : dict
        The last episode's published row, with due_kind and days_left, and of the last answer outcome, answered_on,
        taken_on, answered_by and evidence_ref; followed_by: the case that began when this one came back.
    episodes : list of dict
        Every episode, oldest first.
    findings : list of dict
        What stands tonight, with its evidence.
    elements : list of dict
        Of the fault of its account: name, status, source; empty where the fault lane does not apply.
    ask_for : list of dict
        Documents to ask for: document_id, en, zh.
    remedies : list of dict
        Next steps of the last episode, with who, basis and source.
    events : list of dict
        Every move with its proof, oldest first.
    recalls : list of dict
        What was believed of it because of files that were recalled since, by night: the files with their lines and the
        decision, the findings that went (gone) and came, and the states of its cases before and after.
    """

    case: Row
    episodes: list[Row]
    findings: list[Row]
    elements: list[Row]
    ask_for: list[Row]
    remedies: list[Row]
    events: list[Row]
    recalls: list[Row] = field(default_factory=list)


def case_of(book: Book, case_id: str) -> CaseView:
    """Return one case as the last sealed night left it; no raw ID number, name or phone.

    Raises
    ------
    UsageError
        The book has no sealed night, or no such case; the nearest one is named.
    """
    night = last_night(book)
    with _opened(book, night) as engine:
        here = f"case_id = {quoted(case_id)}"
        episodes = engine.fetch(f"SELECT * FROM sealed_cases WHERE {here} ORDER BY episode")
        if not episodes.num_rows:
            raise no_case(engine, case_id)
        last = episodes.slice(episodes.num_rows - 1)
        episode = int(last["episode"][0].as_py())
        subject = (
            f"provider_code = {quoted(last['provider_code'][0].as_py())}"
            f" AND subject = {quoted(last['subject'][0].as_py())}"
        )
        left = days_left_sql("c.due_on", f"DATE {quoted(night.isoformat())}")
        beside = engine.fetch(
            f"SELECT {left} AS days_left, l.due_kind, l.outcome, l.answered_on, l.taken_on, l.answered_by,"
            " l.evidence_ref, (SELECT min(f.case_id) FROM sealed_cases AS f WHERE f.follows = c.case_id)"
            " AS followed_by FROM last_cases AS c LEFT JOIN sealed_life AS l ON l.case_id = c.case_id"
            f" AND l.episode = c.episode WHERE c.{here}"
        )
        findings = engine.fetch(
            "SELECT rule_id, verdict, notice_source, notice_id, relation, moment_from, moment_to, reported_from,"
            f" reported_to, evidence, fingerprint FROM sealed_findings WHERE {subject}"
            " ORDER BY rule_id, notice_source, notice_id"
        )
        events = engine.fetch(f"SELECT * FROM sealed_events WHERE {here} ORDER BY night, episode, event, proof")
        remedies = remedies_of(engine, night, case_id)
        whose = engine.fetch(f"SELECT id_norm FROM sealed_life WHERE {here} AND episode = {episode}")["id_norm"]
    raw_code = last["account_code"][0].as_py()
    raw_provider = last["provider_code"][0].as_py()
    is_account = str(last["subject"][0].as_py()).startswith("account:") and findings.num_rows
    explained = explain_account(book.root, f"{raw_provider}/{raw_code}").as_dict() if is_account else {"elements": []}
    [case] = shown_rows(last)
    told = zip(shown_rows(findings), findings["evidence"].to_pylist(), strict=True)
    known = {d.document_id: d for d in shipped_documents().listed}
    asked = [known[name] for name in (case["ask_for"] or "").split(";") if name in known]
    return CaseView(
        case={**case, **shown_rows(beside)[0]},
        episodes=shown_rows(episodes.select([*_EPISODE])),
        findings=[{**row, "evidence": each_text(json.loads(raw or "{}"), _shown)} for row, raw in told],
        elements=[each_text(element, _shown) for element in explained["elements"]],
        ask_for=[{"document_id": d.document_id, "en": d.en, "zh": d.zh} for d in asked],
        remedies=[row for row in shown_rows(remedies) if row.pop("episode") == episode],
        events=_in_order(shown_rows(events.drop_columns(["case_id"]))),
        recalls=recalls_of_case(book, last.to_pylist()[0], whose[0].as_py() if len(whose) else None),
    )


_EPISODE = ("episode", "state", "follows", "tier", "verdict", "fault", "first_seen", "last_changed")


def last_night(book: Book) -> date:
    """Return the last sealed night.

    Raises
    ------
    UsageError
        There is none.
    """
    if book.last is None:
        raise UsageError(
            "there is no case yet", why="the book has no sealed night", next_step="run a night first: creditaudit night"
        )
    return book.last


@contextmanager
def _opened(book: Book, night: date) -> Iterator[Engine]:
    """Open an engine with the cases of a sealed night: all (``sealed_…``), and their last episodes."""
    folder = book.folder(night)
    with engine_aside(reads=book.root) as engine:
        open_sealed_cases(engine, book, night)
        open_state(engine, book, CASE_SUBJECTS.name, f"standing_{CASE_SUBJECTS.name}")
        open_state(engine, book, CASE_LIFE.name, "sealed_life")
        engine.scan("sealed_events", [folder / "published" / "case_events.parquet"], CASE_EVENTS)
        for table in ("recipients", "institutions", "remedies"):
            kept = folder / "reference"
            if (kept / f"{table}.csv").is_file():
                engine.load(table, read(kept, table))
        yield engine


def shown_rows(table: pa.Table) -> list[Row]:
    """Return rows as plain values, for a page, a terminal or a notebook.

    Parameters
    ----------
    table : pyarrow.Table
        Published rows or a choice of them, in the order in which they are shown. Codes and keys are as delivered there,
        and a slipped row may have a person's number, phone or name for one.

    Returns
    -------
    list of dict
        Without what reads as a number of a person, line ends and control characters; dates as text; None is missing.
    """
    return [{name: _plain(name, value) for name, value in row.items()} for row in table.to_pylist()]


def _plain(name: str, value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str) or name in _OURS:
        return value
    return without_numbers(value) if name in _CODES else _shown(value)


def _shown(text: str) -> str:
    return _CONTROLS.sub(" ", numbers_hidden(text))


def _in_order(events: list[Row]) -> list[Row]:
    """Return the moves of one case in the order in which they were made.

    They are published by their columns; within a night each begins in the state in which the one before ended.
    """
    ordered: list[Row] = []
    states: dict[int, str | None] = {}
    left = sorted(events, key=lambda e: (e["night"], e["episode"]))
    while left:
        at = [e for e in left if (e["night"], e["episode"]) == (left[0]["night"], left[0]["episode"])]
        state = states.get(at[0]["episode"])
        here = [e for e in at if e["from_state"] == state] or at
        # What moves nothing is told before what moves on, and never keeps a move from its place.
        event = next((e for e in here if e["to_state"] == state), here[0])
        states[event["episode"]] = event["to_state"]
        ordered.append(event)
        left.remove(event)
    return ordered


def _unknown(kind: str, given: str, known: Sequence[str]) -> UsageError:
    near = get_close_matches(given, known, n=1)
    return UsageError(
        f"there is no such {kind}",
        why=f"the last sealed night knows none of that name{_hint(near)}",
        next_step=f"name one of {', '.join(known)}",
    )


def no_case(engine: Engine, given: str) -> UsageError:
    """Return the error that no case of ``last_cases`` is called so, with the nearest that is."""
    far = f"levenshtein(case_id, {quoted(given)})"
    near = engine.fetch(f"SELECT case_id FROM last_cases WHERE {far} <= {_NEAR} ORDER BY {far}, case_id LIMIT 1")
    return UsageError(
        "there is no such case",
        why=f"the last sealed night has none of that case_id{_hint(near['case_id'].to_pylist())}",
        next_step="see `creditaudit queue`, or the case_id in the sheet that was sent",
    )


def _hint(near: Sequence[str]) -> str:
    return f"; did you mean {near[0]}?" if near else ""
