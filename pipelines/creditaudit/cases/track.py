"""Cases: one account lineage of one institution with all its findings, from night to night (SPEC 8.1, 9).

The order of a night: what is known of cases (``known``), what people answered (``answers``) and what deliveries prove
(``absence``, ``corrected``, ``returns``), what stands tonight (``standing``), what fell (``fallen``), how each case
moves (``moves``), and its row, clocks and log (``rows``, ``clocks``, ``events``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.case_state import CASE_LIFE, CASE_SUBJECTS
from creditaudit.book.state import news
from creditaudit.cases.clocks import start_clocks
from creditaudit.cases.events import log_events
from creditaudit.cases.fallen import find_fallen
from creditaudit.cases.joined import find_homes
from creditaudit.cases.known import load_known, place_cases
from creditaudit.cases.moves import move
from creditaudit.cases.objected import resolve_objections
from creditaudit.cases.remedies import next_steps
from creditaudit.cases.resting import let_rest
from creditaudit.cases.rows import finish_rows, write_rows
from creditaudit.cases.sampling import draw_sample
from creditaudit.cases.standing import stand
from creditaudit.cases.strength import rule_feeds, strengths
from creditaudit.tables import CASES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.book.keys import Keyring
    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine


def recall_cases(engine: Engine, book: Book, night: date, *, may_rest: bool) -> None:
    """Make ``known_cases``, ``resting_cases``, ``earlier_episodes``, ``awaiting``, ``verified_cases`` and ``objected``.

    After the answers are taken: a case of which one speaks does not rest. Proofs are asked of the cases named here.

    Parameters
    ----------
    engine : Engine
    book : Book
        As of last night.
    night : date
    may_rest : bool
        As :func:`creditaudit.cases.resting.let_rest`.
    """
    resolve_objections(engine)
    find_homes(engine, book, night)
    place_cases(engine)
    let_rest(engine, may_rest=may_rest)
    load_known(engine, night)


def track(
    engine: Engine,
    night: date,
    keys: Keyring,
    *,
    stale_feeds: Sequence[str],
    tonight: Mapping[str, Sequence[Path]],
) -> None:
    """Open new cases, move known ones by their proofs, send what a recipient gets.

    Reads ``findings``, ``scores`` (provider_code, subject, priority, terms), ``previous_findings``, ``case_faults``,
    ``carried_subjects`` (provider_code, subject: not judged
    tonight), ``judged_rows``, ``judged_inquiries``, ``lineage``, ``opening_changed``,
    ``standing_quarantined_numbers``, ``previous_cases`` and ``previous_events`` (the last night's published tables),
    the ``standing_case_`` tables, ``institutions``, ``recipients``, ``clocks``, ``remedies``; what
    :func:`recall_cases` made; ``rows_before_<feed>`` of the keys;
    ``answers_all`` and ``answers_taken``; ``proofs_tonight``, ``returns_tonight`` and ``residual_tonight``.
    Makes ``case_rows`` (the published columns, and what reports need of each case), ``every_case`` (the published
    columns, of every case ever opened), ``tonights_events``, ``case_subjects`` (the columns of the state's table but
    night) and ``case_recipients`` (case_id, recipient).

    Parameters
    ----------
    engine : Engine
    night : date
    keys : Keyring
    stale_feeds : sequence of str
        Feeds that are missing or incomplete tonight.
    tonight : mapping
        Feed to the files of the rows that came into force tonight.
    """
    found = engine.fetch("SELECT DISTINCT rule_id FROM findings ORDER BY rule_id")
    engine.load("strengths", strengths(found["rule_id"].to_pylist()))
    engine.load("rule_feeds", rule_feeds())
    engine.load("stale_feeds", pa.table({"feed": pa.array(sorted(stale_feeds), type=pa.string())}))
    stand(engine, keys)
    find_fallen(engine, tonight)
    move(engine, night, keys)
    draw_sample(engine, keys)
    write_rows(engine, night)
    engine.drop("case_now", "standing_cases")  # wide, and of all cases ever opened: case_sent has what is left of them
    start_clocks(engine)
    finish_rows(engine, night)
    engine.drop("case_sent")
    next_steps(engine, night)
    engine.view(  # the texts of next steps are long: a table of them would hold one of each for every case
        "case_rows",
        "SELECT r.*, s.next_step_ids, s.next_step, s.next_step_zh, s.next_step_en FROM case_rows_base AS r"
        " LEFT JOIN case_steps AS s ON s.case_id = r.case_id AND s.episode = r.episode AND NOT r.is_superseded",
    )
    engine.table("objections_joined", _JOINED)
    log_events(engine)
    columns = ", ".join(CASES.names)
    earlier = ", ".join(f"DATE '{night}' AS night" if name == "night" else name for name in CASES.names)
    engine.view("every_case", f"SELECT {columns} FROM case_rows UNION ALL SELECT {earlier} FROM earlier_episodes")


def case_rows(engine: Engine) -> Iterator[pa.RecordBatch]:
    """Yield the rows of ``every_case`` as they are published (schema ``CASES``, sorted left to right)."""
    # By the key: all columns from left to right say the same, and cost ten times more.
    for batch in engine.stream("SELECT * FROM every_case ORDER BY case_id, episode"):
        yield batch.cast(CASES)


# Which case tonight's objections have opened or joined; also older ones whose account came to have another's case.
_JOINED = """
    SELECT r.case_id, r.episode, r.state_before, r.is_new, string_agg(o.objection_no, ', ' ORDER BY o.objection_no)
        AS numbers
    FROM objected AS o JOIN case_rows AS r
        ON r.is_current AND NOT r.is_superseded AND r.provider_code = o.provider_code AND r.subject = o.subject
    WHERE o.is_new OR (o.account_code IS NOT NULL AND o.case_id <> r.case_id)
    GROUP BY r.case_id, r.episode, r.state_before, r.is_new
"""


def case_memory(engine: Engine, night: date) -> Iterator[pa.RecordBatch]:
    """Yield what tonight's new and changed cases must remember (schema ``CASE_MEMORY`` of the book's state)."""
    return engine.stream(
        f"SELECT DATE '{night.isoformat()}' AS night, case_id, episode, fingerprint FROM case_rows"
        " WHERE fingerprint IS DISTINCT FROM fingerprint_0 AND NOT is_superseded ORDER BY case_id, episode"
    )


def subjects_changed(engine: Engine, night: date) -> Iterator[pa.RecordBatch]:
    """Yield the rows of ``case_subjects`` that say something new (schema ``CASE_SUBJECTS`` of the book's state)."""
    return news(engine, CASE_SUBJECTS, "case_subjects", night)


def lives_changed(engine: Engine, night: date) -> Iterator[pa.RecordBatch]:
    """Yield the rows of ``case_lives`` that say something new (schema ``CASE_LIFE`` of the book's state)."""
    return news(engine, CASE_LIFE, "case_lives", night)


# An objection goes with its case until it is answered: what wakes the case takes the objection along.
_OBJECTIONS = """
    WITH woken AS (
        SELECT k.case_id, k.episode, k.taken_on FROM known_cases AS k
        JOIN moved_cases AS m ON m.case_id = k.case_id AND m.is_woken AND NOT m.is_answered
    )
    SELECT DATE '{night}' AS night, o.objection_no, COALESCE(o.case_id, r.case_id) AS case_id,
        COALESCE(o.episode + CAST(w.case_id IS NOT NULL AS INTEGER), r.episode) AS episode,
        o.provider_code, o.account_code, o.id_norm, o.received_on
    FROM objected AS o
    LEFT JOIN woken AS w ON w.case_id = o.case_id AND w.episode = o.episode
    LEFT JOIN case_rows AS r ON o.is_new AND r.is_current AND NOT r.is_superseded
        AND r.provider_code = o.provider_code AND r.subject = o.subject
    WHERE o.is_new OR o.account_code IS NOT NULL
    UNION ALL
    SELECT DATE '{night}' AS night, m.objection_no, m.case_id, m.episode + 1 AS episode,
        m.provider_code, m.account_code, m.id_norm, m.received_on
    FROM standing_case_objections AS m
    JOIN woken AS w ON w.case_id = m.case_id AND w.episode = m.episode
    WHERE COALESCE(m.night >= w.taken_on, TRUE)
        AND NOT EXISTS (SELECT 1 FROM objected AS o WHERE o.objection_no = m.objection_no)
    ORDER BY objection_no
"""


def objections_changed(engine: Engine, night: date) -> Iterator[pa.RecordBatch]:
    """Yield which case and episode has tonight's objections, and those of cases that woke (``CASE_OBJECTIONS``)."""
    return engine.stream(_OBJECTIONS.format(night=night.isoformat()))
