"""Cases as the last night left them, under the codes of tonight (SPEC 4, 8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.tables import CASE_EVENTS, CASES, FINDINGS

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

UNANSWERED = ("lead", "sent", "undetermined")
CORRECTING = ("correction_due", "correction_overdue")
OPEN = (*UNANSWERED, *CORRECTING)
CLOSED = ("holder_confirmed", "correction_verified", "withdrawn", "reappeared")
OPEN_LIST = ", ".join(f"'{state}'" for state in OPEN)
UNANSWERED_LIST = ", ".join(f"'{state}'" for state in UNANSWERED)
CORRECTING_LIST = ", ".join(f"'{state}'" for state in CORRECTING)

# Under which subject each case goes tonight, of its last episode. place 1 is the case that goes on where several have
# one subject (a rename has joined two accounts that both had a case, or the account of several objections came): never
# one that another case follows, an open one before a closed one (and, of closed ones, one that follows another: it came
# back, and is the later matter), else the oldest. Others that are open have joined it:
# they keep their last values, and what is answered to it is answered to them. Of few columns: all cases ever opened
# are ordered here.
_PLACES = f"""
    WITH last AS (
        SELECT case_id, max(episode) AS episode, min(first_seen) AS opened_on FROM previous_cases GROUP BY case_id
    ), housed AS (
        SELECT c.case_id, c.episode, a.opened_on, c.state IN ({OPEN_LIST}) AS is_open,
            c.provider_code AS old_provider, c.subject AS old_subject,
            COALESCE(h.provider_code, c.provider_code) AS provider_code,
            COALESCE(h.account_code, c.account_code) AS account_code,
            COALESCE('account:' || h.account_code, c.subject) AS subject,
            c.follows IS NULL AND c.state NOT IN ({OPEN_LIST}) AS is_past
        FROM previous_cases AS c JOIN last AS a ON a.case_id = c.case_id AND a.episode = c.episode
        LEFT JOIN case_homes AS h ON h.case_id = c.case_id
    ), moved AS (
        SELECT c.* EXCLUDE (provider_code, account_code, subject),
            COALESCE(l.head_provider, j.provider_code, c.provider_code) AS provider_code,
            COALESCE(l.head_code, j.account_code, c.account_code) AS account_code,
            CASE WHEN l.head_code IS NOT NULL THEN 'account:' || l.head_code
                WHEN j.account_code IS NOT NULL THEN j.subject ELSE c.subject END AS subject,
            EXISTS (SELECT 1 FROM previous_cases AS f WHERE f.follows = c.case_id) AS is_followed
        FROM housed AS c
        LEFT JOIN lineage AS l ON l.provider_code = c.provider_code AND l.account_code = c.account_code
        LEFT JOIN (SELECT * FROM objected WHERE case_id IS NOT NULL AND account_code IS NOT NULL) AS j
            ON j.case_id = c.case_id AND c.subject = 'objection:' || j.objection_no
    ), placed AS (
        SELECT *, row_number() OVER (
            PARTITION BY provider_code, subject ORDER BY is_followed, NOT is_open, is_past, opened_on, case_id
        ) AS place
        FROM moved
    )
    SELECT c.* EXCLUDE (is_open, is_past, is_followed), f.case_id AS joined_to FROM placed AS c
    LEFT JOIN placed AS f ON c.place > 1 AND c.is_open AND f.place = 1 AND f.is_open
        AND f.provider_code = c.provider_code AND f.subject = c.subject
"""

# The last episode of every case without its next step: a long text, told anew each night.
_KNOWN = """
    SELECT c.* EXCLUDE (next_step, provider_code, account_code, subject), p.* EXCLUDE (case_id, episode),
        q.case_id IS NOT NULL AS is_resting,
        m.fingerprint, y.id_norm, y.account_type, y.region_code, y.opened_from, y.opened_to,
        f.outcome, f.answered_on, f.taken_on, f.answered_by, f.by_kind, f.evidence_ref,
        f.clock_id, f.clock_from, f.due_kind, f.notice_source, f.reported_from, f.reported_to, f.moment_from,
        COALESCE(f.id_norm, y.id_norm) AS person,
        COALESCE(f.is_quiet, FALSE) AS is_quiet, COALESCE(f.is_data_quality, FALSE) AS is_data_quality,
        f.held_by, f.case_id IS NOT NULL AS is_remembered,
        CASE WHEN f.case_id IS NULL THEN c.blind_spots ELSE f.spots END AS spots
    FROM previous_cases AS c JOIN case_places AS p ON p.case_id = c.case_id AND p.episode = c.episode
    LEFT JOIN standing_case_memory AS m ON m.case_id = c.case_id AND m.episode = c.episode
    LEFT JOIN standing_case_life AS f ON f.case_id = c.case_id AND f.episode = c.episode
    LEFT JOIN standing_case_subjects AS y ON y.provider_code = p.old_provider AND y.subject = p.old_subject
    LEFT JOIN case_rests AS q ON q.case_id = p.case_id
"""

_EARLIER = """
    SELECT c.* FROM previous_cases AS c JOIN case_places AS p ON p.case_id = c.case_id AND p.episode > c.episode
"""

_WAITING = """
    SELECT case_id, episode, provider_code, account_code, subject, person AS id_norm, outcome, taken_on, opened_on
    FROM known_cases WHERE {which}
"""


# Verified by a proof of which a file is recalled tonight.
_REOPENED = "SELECT case_id FROM reopened_cases"


def open_previous(engine: Engine, book: Book) -> None:
    """Name ``previous_cases``, ``previous_events`` and ``previous_findings``: what the last night published."""
    for name, schema in (("cases", CASES), ("case_events", CASE_EVENTS), ("findings", FINDINGS)):
        files = [] if book.last is None else [book.folder(book.last) / "published" / f"{name}.parquet"]
        engine.scan(f"previous_{name.removeprefix('case_')}", files, schema)


def place_cases(engine: Engine) -> None:
    """Make ``case_places``: under which subject each case goes tonight, one row per case, of its last episode.

    Reads ``previous_cases``, ``case_homes``, ``lineage``, ``objected``.
    """
    engine.table("case_places", _PLACES)


def load_known(engine: Engine, night: date) -> None:
    """Make the relations of what is known of cases before tonight.

    Reads ``previous_cases``, ``case_places``, ``case_rests``, ``reopened_cases`` and the ``standing_case_`` tables.

    ``known_cases`` has one row per case that tonight may move, its last episode: the published columns but next_step
    under tonight's newest code, with old_provider and old_subject beside, joined_to (the open case of the same account
    that goes on; NULL: this one does, or is closed), and what the book remembers of it. ``resting_cases`` has those
    that nothing speaks of (:mod:`creditaudit.cases.resting`), with the same columns. ``earlier_episodes`` are the
    others, as published. ``awaiting`` are the cases whose correction may be proven tonight, ``verified_cases`` those
    that may come back (case_id, episode, provider_code, account_code, subject, id_norm, outcome, taken_on, opened_on).
    """
    engine.table("every_known_case", _KNOWN)
    for name, which in (("known_cases", "NOT is_resting"), ("resting_cases", "is_resting")):
        engine.view(name, f"SELECT * EXCLUDE (is_resting) FROM every_known_case WHERE {which}")
    engine.table("earlier_episodes", _EARLIER)
    engine.drop("case_places", "case_rests")
    due = f"(state IN ({CORRECTING_LIST}) AND taken_on < DATE '{night.isoformat()}') OR case_id IN ({_REOPENED})"
    engine.table("awaiting", _WAITING.format(which=due))
    verified = f"state = 'correction_verified' AND case_id NOT IN ({_REOPENED})"
    engine.table("verified_cases", _WAITING.format(which=verified))
