"""Which answers hold: asked of a file when it is handed in, and again by the night that takes it (SPEC 8.2, 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.cases.reviewers import name_reviewers

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

# Answers as they come to the checks: one row each.
ANSWERS = pa.schema(
    [
        pa.field("entry", pa.string()),  # file name of the inbox entry; of a file that is handed in: any name
        pa.field("place", pa.int64()),  # order in which entries are taken
        pa.field("decided_on", pa.date32()),  # NULL: not known yet
        pa.field("row", pa.int64()),  # 1-based data row of the file
        pa.field("case_id", pa.string()),
        pa.field("episode", pa.int32()),  # NULL: the last one is meant
        pa.field("row_token", pa.string()),
        pa.field("outcome", pa.string()),  # 0 … 5; NULL: missing or not readable
        pa.field("answered_on", pa.date32()),
        pa.field("answered_by", pa.string()),
        pa.field("evidence_ref", pa.string()),
        pa.field("flaws", pa.string()),  # what is wrong with its cells, codes joined by `;`; NULL: nothing
    ]
)

OUTCOMES = ("0", "1", "2", "3", "4", "5")
LIAISON, INSTITUTION = "pboc_liaison", "institution"

_UNANSWERED, _IN_CORRECTION = ("sent", "undetermined"), ("correction_due", "correction_overdue")


def _moves() -> pa.Table:
    """Return every move that an answer can make (SPEC 8.2), one row per state, outcome and kind of who answers."""
    rows = []
    for kind in (LIAISON, INSTITUTION):
        for state in (*_UNANSWERED, *_IN_CORRECTION):
            for outcome in OUTCOMES:
                if outcome == "2":  # an institution that finds itself right only claims it
                    target = "holder_confirmed" if kind == LIAISON else "undetermined"
                    if state in _IN_CORRECTION:
                        continue
                else:
                    target = "undetermined" if outcome == "0" else "correction_due"
                rows.append({"from_state": state, "outcome": outcome, "by_kind": kind, "to_state": target})
    text = pa.string()
    return pa.Table.from_pylist(
        rows, schema=pa.schema([("from_state", text), ("outcome", text), ("by_kind", text), ("to_state", text)])
    )


def check_answers(engine: Engine, answers: pa.Table, night: date, keys: Keyring) -> None:
    """Ask of every answer whether it holds, and which move it makes.

    Reads ``previous_cases`` (the last night's published cases), ``standing_case_subjects``, ``recipients`` and
    ``institutions``. Makes ``checked_answers``: the columns of ``ANSWERS`` (episode: the case's last one; NULL where
    the case is not known), ``flaws`` (all that speaks against it, codes joined by ``;``; NULL: it holds), ``is_repeat``
    (it says what an earlier answer of that day says), ``by_kind``, ``step`` (order among the answers of its case that
    hold), ``from_state`` and ``to_state`` (both NULL where it does not hold, or repeats).

    Parameters
    ----------
    engine : Engine
    answers : pyarrow.Table
        Schema ``ANSWERS``.
    night : date
        Institutions are asked as they are in force on this day.
    keys : Keyring
        Tokens of every key that is not retired are taken.
    """
    engine.load("given_answers", answers.cast(ANSWERS))
    engine.load("answer_moves", _moves())
    engine.table("answer_cases", _CASES)
    _load_tokens(engine, keys)
    name_reviewers(engine, "answer_cases", "answer_reviewers", night)
    engine.table("said_answers", _SAID)
    engine.table("sound_answers", _SOUND)
    engine.table("ranked_answers", _RANKED)
    steps = _walk(engine)
    engine.table("checked_answers", _CHECKED if steps else _CHECKED_NONE)


def _load_tokens(engine: Engine, keys: Keyring) -> None:
    """Load the row tokens of every episode of the cases that are named, under every key that still counts."""
    named = engine.fetch(
        "SELECT case_id, episode FROM previous_cases AS c"
        " WHERE EXISTS (SELECT 1 FROM answer_cases AS a WHERE a.case_id = c.case_id) ORDER BY case_id, episode"
    )
    cases, episodes = named["case_id"].to_pylist(), named["episode"].to_pylist()
    tokens = [token for key in keys.accepted for token in keys.row_tokens(cases, episodes, key)]
    count = len(keys.accepted)
    engine.load(
        "answer_tokens",
        pa.table(
            {
                "case_id": pa.array(cases * count, pa.string()),
                "episode": pa.array(episodes * count, pa.int32()),
                "row_token": pa.array(tokens, pa.string()),
            }
        ),
    )


def _walk(engine: Engine) -> bool:
    """Let the answers of each case move it one after the other; says whether there was any.

    One round per rank of an answer within its case: as many as there are answers of different days, files and
    recipients to one case, however many cases there are.
    """
    last = engine.fetch("SELECT max(step) AS n FROM ranked_answers WHERE NOT is_repeat")["n"][0].as_py()
    if last is None:
        return False
    engine.table("answer_states", "SELECT case_id, state FROM answer_cases")
    for step in range(1, last + 1):
        engine.table(
            "moved_now",
            "SELECT r.entry, r.row, r.case_id, s.state AS from_state, m.to_state"
            " FROM ranked_answers AS r JOIN answer_states AS s ON s.case_id = r.case_id"
            " LEFT JOIN answer_moves AS m ON m.from_state = s.state AND m.outcome = r.outcome"
            f" AND m.by_kind = r.by_kind WHERE NOT r.is_repeat AND r.step = {step}",
        )
        before = "" if step == 1 else "SELECT * FROM moved_answers UNION ALL "
        engine.table("moved_answers", before + "SELECT * FROM moved_now")
        engine.table(
            "answer_states",
            "SELECT s.case_id, COALESCE(m.to_state, s.state) AS state FROM answer_states AS s"
            " LEFT JOIN moved_now AS m ON m.case_id = s.case_id",
        )
    return True


# Only the last episode of a case takes answers (SPEC 8.1).
_CASES = """
    SELECT case_id, episode, state, provider_code, account_code, subject FROM (
        SELECT c.case_id, c.episode, c.state, c.provider_code, c.account_code, c.subject,
            row_number() OVER (PARTITION BY c.case_id ORDER BY c.episode DESC) AS age
        FROM previous_cases AS c WHERE EXISTS (SELECT 1 FROM given_answers AS g WHERE g.case_id = c.case_id)
    ) AS aged WHERE age = 1
"""

# What speaks against an answer by itself: what it names, who answers, what it must bring.
_SAID = """
    WITH twice AS (
        SELECT entry, case_id FROM given_answers WHERE case_id IS NOT NULL AND outcome IS NOT NULL
        GROUP BY entry, case_id HAVING count(DISTINCT outcome) > 1
    ), unlike AS (
        SELECT entry, case_id, answered_by FROM given_answers WHERE flaws IS NULL AND case_id IS NOT NULL
        GROUP BY entry, case_id, answered_by
        HAVING count(DISTINCT CAST(answered_on AS VARCHAR) || ' ' || COALESCE(evidence_ref, '')) > 1
    ), kinds AS (
        SELECT recipient, min(kind) AS kind FROM recipients GROUP BY recipient
    )
    SELECT g.* EXCLUDE (episode, flaws), c.episode, k.kind AS by_kind,
        NULLIF(concat_ws(';', g.flaws,
            CASE WHEN g.flaws IS NULL AND (g.case_id IS NULL OR g.row_token IS NULL OR g.outcome IS NULL
                OR g.outcome NOT IN ('0', '1', '2', '3', '4', '5') OR g.answered_on IS NULL OR g.answered_by IS NULL)
                THEN 'incomplete' END,
            CASE WHEN g.case_id IS NOT NULL AND c.case_id IS NULL THEN 'unknown_case' END,
            CASE WHEN c.case_id IS NULL OR g.row_token IS NULL OR t.row_token IS NOT NULL THEN NULL
                WHEN EXISTS (SELECT 1 FROM answer_tokens AS o
                    WHERE o.row_token = g.row_token AND o.case_id = g.case_id) THEN 'token_of_earlier_episode'
                WHEN EXISTS (SELECT 1 FROM answer_tokens AS o WHERE o.row_token = g.row_token)
                    THEN 'token_of_another_case'
                ELSE 'wrong_token' END,
            CASE WHEN g.episode <> c.episode THEN 'earlier_episode' END,
            CASE WHEN g.answered_by IS NULL THEN NULL
                WHEN k.recipient IS NULL THEN 'unknown_recipient'
                WHEN c.case_id IS NOT NULL AND w.recipient IS NULL THEN 'not_theirs' END,
            CASE WHEN g.outcome IN ('2', '4', '5') AND g.evidence_ref IS NULL THEN 'no_evidence' END,
            CASE WHEN g.answered_on > g.decided_on THEN 'after_decision' END,
            CASE WHEN x.case_id IS NOT NULL THEN 'contradicts_row'
                WHEN u.case_id IS NOT NULL THEN 'answered_twice' END
        ), '') AS flaws
    FROM given_answers AS g
    LEFT JOIN answer_cases AS c ON c.case_id = g.case_id
    LEFT JOIN (SELECT DISTINCT * FROM answer_tokens) AS t
        ON t.case_id = c.case_id AND t.episode = c.episode AND t.row_token = g.row_token
    LEFT JOIN kinds AS k ON k.recipient = g.answered_by
    LEFT JOIN answer_reviewers AS w ON w.case_id = g.case_id AND w.recipient = g.answered_by
    LEFT JOIN twice AS x ON x.entry = g.entry AND x.case_id = g.case_id
    LEFT JOIN unlike AS u ON u.entry = g.entry AND u.case_id = g.case_id AND u.answered_by = g.answered_by
"""

# Two answers of one day that say different things: nobody can tell which was meant (SPEC 9).
_SOUND = """
    WITH contradicted AS (
        SELECT decided_on, case_id FROM said_answers WHERE flaws IS NULL
        GROUP BY decided_on, case_id HAVING count(DISTINCT outcome) > 1
    )
    SELECT s.* EXCLUDE (flaws),
        CASE WHEN s.flaws IS NULL AND c.case_id IS NOT NULL THEN 'contradicts_answer' ELSE s.flaws END AS flaws
    FROM said_answers AS s
    LEFT JOIN contradicted AS c ON c.case_id = s.case_id AND c.decided_on IS NOT DISTINCT FROM s.decided_on
"""

_RANKED = """
    WITH numbered AS (
        SELECT *, row_number() OVER (
            PARTITION BY decided_on, case_id, answered_by, outcome, answered_on, COALESCE(evidence_ref, '')
            ORDER BY place, row
        ) > 1 AS is_repeat
        FROM sound_answers WHERE flaws IS NULL
    )
    SELECT *, row_number() OVER (PARTITION BY is_repeat, case_id ORDER BY decided_on, place, row) AS step FROM numbered
"""

_CHECKED = """
    SELECT s.* EXCLUDE (flaws),
        CASE WHEN m.case_id IS NULL OR m.to_state IS NOT NULL THEN s.flaws
            WHEN m.from_state = 'lead' THEN 'not_sent'
            WHEN m.from_state IN ('sent', 'undetermined', 'correction_due', 'correction_overdue') THEN 'no_such_move'
            ELSE 'closed' END AS flaws,
        COALESCE(r.is_repeat, FALSE) AS is_repeat, CASE WHEN r.is_repeat THEN NULL ELSE r.step END AS step,
        CASE WHEN m.to_state IS NOT NULL THEN m.from_state END AS from_state, m.to_state
    FROM sound_answers AS s
    LEFT JOIN ranked_answers AS r ON r.entry = s.entry AND r.row = s.row
    LEFT JOIN moved_answers AS m ON m.entry = s.entry AND m.row = s.row
"""

# No answer holds.
_CHECKED_NONE = """
    SELECT s.*, FALSE AS is_repeat, CAST(NULL AS BIGINT) AS step, CAST(NULL AS VARCHAR) AS from_state,
        CAST(NULL AS VARCHAR) AS to_state
    FROM sound_answers AS s
"""
