"""What rests on a delivered file, and what would stand without it; the decision to take it back (SPEC 8.1, 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from creditaudit.audit.absent import MOVED
from creditaudit.audit.findings import evidence_of
from creditaudit.audit.judgment import find_raw
from creditaudit.audit.rules_run import found_table
from creditaudit.audit.rules_tonight import sealed_rules
from creditaudit.audit.touched import open_changes
from creditaudit.book.case_state import CASE_LIFE, SENT_CASES
from creditaudit.book.inbox import Entry, put, waiting
from creditaudit.book.reference import read
from creditaudit.book.state import open_state, open_states
from creditaudit.case_view import last_night
from creditaudit.cases.free_text import hide_numbers
from creditaudit.cases.known import OPEN_LIST, UNANSWERED_LIST
from creditaudit.cases.recalled import without_objections, without_proofs
from creditaudit.cases.sealed_cases import open_sealed_cases
from creditaudit.engines import engine_aside
from creditaudit.errors import UsageError
from creditaudit.feeds import FEEDS
from creditaudit.intake.keys import nothing_came
from creditaudit.intake.recalls import KIND, Recalled, Recalls, deliveries, recalled_before, refusal
from creditaudit.intake.take_back import take_back
from creditaudit.trace import Source, trace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

# One row per finding or case that rests on the file. Sorted by all columns.
RESTING: Final = pa.schema(
    [
        *(pa.field(n, pa.string()) for n in ("case_id", "provider_code", "account_code", "subject", "rule_id")),
        pa.field("notice_source", pa.string()),  # of the finding; NULL: it names none
        pa.field("notice_id", pa.string()),
        pa.field("verdict", pa.string()),  # as it stands; NULL: no such finding stands
        pa.field("without", pa.string()),  # a word of WITHOUT
        pa.field("verdict_without", pa.string()),  # NULL: none would stand
        pa.field("is_direct", pa.bool_()),  # a line of the file is among those that the finding rests on
        pa.field("state", pa.string()),  # of the case; NULL: it has none yet
        pa.field("state_without", pa.string()),
        pa.field("due_on", pa.date32()),  # that runs now; NULL: none
        pa.field("due_kind", pa.string()),
        pa.field("recipients", pa.string()),  # whose exceptions files have the case, joined by ;
    ]
)

# What becomes of a finding or a proof without the file.
WITHOUT: Final = {
    "gone": "it would not stand",
    "new": "it would stand, and does not now",
    "other_verdict": "it would say something else",
    "other_evidence": "it would stand on other evidence",
    "same": "it would stand as it does: other rows say the same",
    "proof": "the correction would not be proven",
    "objection": "the objection, and its date to answer by, would not be there",
}
_SHA: Final = re.compile("[0-9a-f]{8,64}", re.ASCII)
_LEAST: Final = 8


@dataclass(frozen=True)
class Resting:
    """What rests on files.

    Parameters
    ----------
    files : tuple of Recalled
        The deliveries of these bytes.
    rows : pyarrow.Table
        Schema ``RESTING``. **Codes as delivered**, no ID number, name or phone otherwise.
    """

    files: tuple[Recalled, ...]
    rows: pa.Table


def whole_hash(book: Book, text: str) -> str:
    """Return the whole SHA-256 of a file that a sealed night read, of the whole or its first digits.

    Raises
    ------
    UsageError
        It is no SHA-256, or no file, or several files have one that begins so.
    """
    given = text.strip().lower()
    if not _SHA.fullmatch(given):
        raise _not_recalled(f"{text[:70]!r} is no SHA-256, nor its first {_LEAST} digits or more", "see `sha256` there")
    every = {str(one["sha256"]) for m in book.manifests.values() for one in m["inputs"] if one["sha256"] is not None}
    found = sorted(sha256 for sha256 in every if sha256.startswith(given))
    if not found:
        raise _not_recalled("no sealed night read a file with that SHA-256", "name one of published/coverage.parquet")
    if len(found) > 1:
        raise _not_recalled(f"{len(found)} files have a SHA-256 that begins so", "give more of its digits")
    return found[0]


def resting(book: Book, hashes: Sequence[str]) -> Resting:
    """Return every finding, case and proof that rests on files, directly or through verdicts, and what would be.

    The rows of the last sealed night are judged once more without the files; ``without`` compares. Of a case the state
    is told as SPEC 8.1 moves it; rows and answers of the night that takes the recall may say more.

    Parameters
    ----------
    book : Book
    hashes : sequence of str
        SHA-256 of the files, whole or the first digits.

    Raises
    ------
    UsageError
        A file is not known, was recalled, or what would be in force without it cannot be told any more.
    """
    night = last_night(book)
    wanted = _checked(book, hashes)
    files = tuple(sorted(one for sha256 in wanted for one in deliveries(book, sha256)))
    direct = trace(book, source=[Source(sha256) for sha256 in wanted])
    with engine_aside(reads=book.root) as engine:
        open_sealed_cases(engine, book, night)
        engine.load("direct_lines", direct)
        recalls = Recalls(files, tuple(recalled_before(book)), by_entry=dict.fromkeys(wanted, ""))
        without, gone = take_back(engine, book, recalls)
        engine.load("recalled_tonight", recalls.rows(gone, night))
        # As of the night before: an account that is absent then was judged no more on the last one.
        memory = without_proofs(engine, book, night - timedelta(days=1)) | without_objections(engine, without)
        _judge(engine, book, replace(without, restated={**without.restated, **memory}), night)
        for table in (SENT_CASES, CASE_LIFE):
            open_state(engine, book, table.name, f"sealed_{table.name}")
        rows = engine.fetch(_RESTING)
    return Resting(files, rows.select(RESTING.names).cast(RESTING))


def _judge(engine: Engine, book: Book, without: Book, night: date) -> None:
    """Make ``found_without`` and ``asked_again``: what would be found, and of which subjects that was asked."""
    open_states(engine, without)
    for table in ("institutions", "duties"):
        engine.load(table, read(book.folder(night) / "reference", table))
    engine.view(
        "standing_accounts",
        "SELECT a.* FROM whole_accounts AS a WHERE NOT EXISTS (SELECT 1 FROM standing_absent_accounts AS s"
        f" WHERE s.is_absent AND s.night < DATE '{night.isoformat()}'"
        " AND s.provider_code = a.provider_code AND s.account_code = a.account_code)",
    )
    for spec in FEEDS.values():
        nothing_came(engine, spec)
    engine.table(
        MOVED,
        "SELECT a.provider_code, a.account_code, a.id_norm FROM whole_accounts AS a JOIN standing_absent_accounts AS s"
        " ON s.provider_code = a.provider_code AND s.account_code = a.account_code"
        f" WHERE s.night = DATE '{(night - timedelta(days=1)).isoformat()}'",
    )
    rules = sealed_rules(book, night)
    accounts = find_raw(engine, rules, night, open_changes(engine, without, night, {}, rules))
    evidence = [evidence_of(engine, rule, found_table(rule.rule_id)) for rule in rules]
    engine.load("evidence_without", pa.concat_tables(evidence))
    engine.table("found_without", "SELECT * FROM raw_findings")
    everyone = (
        "SELECT provider_code, subject FROM sealed_findings UNION SELECT provider_code, subject FROM raw_findings"
    )
    touched = (
        "SELECT provider_code, 'account:' || account_code AS subject FROM scope_codes"
        " UNION SELECT provider_code, 'inquiry:' || inquiry_id AS subject FROM scope_inquiry_keys"
    )
    engine.table("asked_again", everyone if accounts is None else touched)


_KEY = ("provider_code", "subject", "rule_id", "notice_source", "notice_id")
_SAME = " AND ".join(f"a.{name} IS NOT DISTINCT FROM b.{name}" for name in _KEY)

_RESTING: Final = f"""
    WITH direct AS (
        SELECT DISTINCT {", ".join(_KEY)}, TRUE AS is_direct FROM direct_lines
    ), compared AS (
        SELECT COALESCE(a.provider_code, b.provider_code) AS provider_code,
            COALESCE(a.account_code, b.account_code) AS account_code, COALESCE(a.subject, b.subject) AS subject,
            COALESCE(a.rule_id, b.rule_id) AS rule_id, COALESCE(a.notice_source, b.notice_source) AS notice_source,
            COALESCE(a.notice_id, b.notice_id) AS notice_id, a.verdict, b.verdict AS verdict_without,
            CASE WHEN a.rule_id IS NULL THEN 'new' WHEN b.rule_id IS NULL THEN 'gone'
                WHEN a.verdict <> b.verdict THEN 'other_verdict'
                WHEN a.evidence IS DISTINCT FROM b.evidence THEN 'other_evidence' ELSE 'same' END AS without
        FROM (
            SELECT f.* FROM sealed_findings AS f JOIN asked_again AS q
                ON q.provider_code = f.provider_code AND q.subject = f.subject
        ) AS a FULL JOIN (
            SELECT f.*, e.evidence FROM found_without AS f LEFT JOIN evidence_without AS e
                ON {_SAME.replace("a.", "e.").replace("b.", "f.")}
        ) AS b ON {_SAME}
    ), told AS (
        SELECT b.*, COALESCE(a.is_direct, FALSE) AS is_direct FROM compared AS b LEFT JOIN direct AS a ON {_SAME}
        WHERE b.without <> 'same' OR a.is_direct
        UNION ALL BY NAME
        SELECT a.provider_code, a.account_code, a.subject, a.rule_id, a.notice_source, a.notice_id, a.verdict,
            a.verdict AS verdict_without, 'same' AS without, TRUE AS is_direct
        FROM sealed_findings AS a JOIN direct AS b ON {_SAME}
        WHERE NOT EXISTS (SELECT 1 FROM asked_again AS q
            WHERE q.provider_code = a.provider_code AND q.subject = a.subject)
    ), stays AS (
        SELECT DISTINCT provider_code, subject FROM found_without
        UNION SELECT DISTINCT f.provider_code, f.subject FROM sealed_findings AS f WHERE NOT EXISTS (
            SELECT 1 FROM asked_again AS q WHERE q.provider_code = f.provider_code AND q.subject = f.subject)
    ), last AS (
        SELECT c.*, CASE
            WHEN r.case_id IS NOT NULL THEN 'correction_due'
            WHEN c.state IN ({UNANSWERED_LIST}) AND s.subject IS NULL AND NOT EXISTS (
                SELECT 1 FROM standing_case_objections AS o WHERE o.case_id = c.case_id AND o.episode = c.episode
            ) THEN 'withdrawn'
            WHEN c.state = 'withdrawn' AND s.subject IS NOT NULL THEN 'lead'
            ELSE c.state END AS state_without
        FROM last_cases AS c LEFT JOIN reopened_cases AS r ON r.case_id = c.case_id AND r.episode = c.episode
        LEFT JOIN stays AS s ON s.provider_code = c.provider_code AND s.subject = c.subject
    ), placed AS (
        SELECT *, row_number() OVER (
            PARTITION BY provider_code, subject ORDER BY state NOT IN ({OPEN_LIST}), episode DESC, case_id) AS place
        FROM last
    ), every_row AS (
        SELECT c.case_id, t.*, c.state, COALESCE(c.state_without, 'lead') AS state_without, c.due_on, c.episode
        FROM told AS t LEFT JOIN placed AS c
            ON c.place = 1 AND c.provider_code = t.provider_code AND c.subject = t.subject
        UNION ALL BY NAME
        SELECT c.case_id, c.provider_code, c.account_code, c.subject, 'proof' AS without, TRUE AS is_direct, c.state,
            c.state_without, c.due_on, c.episode
        FROM placed AS c JOIN reopened_cases AS r ON r.case_id = c.case_id AND r.episode = c.episode
        UNION ALL BY NAME
        SELECT DISTINCT c.case_id, c.provider_code, c.account_code, c.subject, 'objection' AS without,
            TRUE AS is_direct, c.state, c.state_without, c.due_on, c.episode
        FROM placed AS c JOIN recalled_objections AS o ON o.case_id = c.case_id
    )
    SELECT e.case_id, e.provider_code, e.account_code, e.subject, e.rule_id, e.notice_source, e.notice_id, e.verdict,
        e.without, e.verdict_without, e.is_direct, e.state, e.state_without, e.due_on,
        CASE WHEN e.due_on IS NOT NULL THEN l.due_kind END AS due_kind, s.recipients
    FROM every_row AS e
    LEFT JOIN sealed_case_life AS l ON l.case_id = e.case_id AND l.episode = e.episode
    LEFT JOIN (
        SELECT case_id, string_agg(recipient, ';' ORDER BY recipient) AS recipients
        FROM sealed_sent_cases WHERE is_standing GROUP BY case_id
    ) AS s ON s.case_id = e.case_id
    ORDER BY ALL
"""


def record(book: Book, hashes: Sequence[str], *, by: str, reason: str, on: date | None) -> list[Entry]:
    """Put the decision to recall files into the inbox, one entry each; the next night takes them.

    Raises
    ------
    UsageError
        Nobody or no reason is named, or a file cannot be recalled; then nothing is recorded.
    """
    for given, name in ((by, "--by NAME"), (reason, "--reason TEXT")):
        if not given.strip():
            raise _not_recalled(f"{name.split()[0]} says nothing", f"give {name}: a recall is somebody's decision")
    wanted = _checked(book, hashes)
    pending = {e.body.get("sha256"): e.file_name for e in waiting(book) if e.kind == KIND}
    for sha256 in wanted:
        if sha256 in pending:
            raise _not_recalled(
                f"its recall waits in the inbox already: {pending[sha256]}", "run the next night, which takes it"
            )
    told = hide_numbers(pa.chunked_array([[reason]], pa.string()))[0].as_py()
    return [put(book, KIND, by=by, reason=told, body={"sha256": sha256}, on=on) for sha256 in wanted]


def _checked(book: Book, hashes: Sequence[str]) -> list[str]:
    """Return the whole hashes of files that can be recalled, each once."""
    wanted = list(dict.fromkeys(whole_hash(book, text) for text in hashes))
    known = {one.sha256: taken_on for taken_on, one in recalled_before(book)}
    for sha256 in wanted:
        if sha256 in known:
            raise _not_recalled(f"{sha256[:16]} was recalled: night {known[sha256]} took the decision", "see its page")
        why = refusal(book, sha256, ())
        if why is not None:
            raise _not_recalled(f"{sha256[:16]}: {why}", "nothing was recorded")
    return wanted


def _not_recalled(why: str, next_step: str) -> UsageError:
    return UsageError("the file cannot be recalled", why=why, next_step=next_step)
