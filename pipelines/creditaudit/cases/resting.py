"""Cases of which nothing speaks tonight: they stand as the last night left them (SPEC 2, 8.1).

Most cases of a large book are such, every night. What stands on them is what stood, nobody answered, no clock ends
with a move: each step of tracking would give what it gave last night, so none is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.cases.clocks import holder_sql, overdue_sql
from creditaudit.cases.known import OPEN_LIST

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.engines import Engine

# States in which only evidence, an answer or an objection moves a case: no proof is awaited, and nothing can come back.
_STILL = "'lead', 'sent', 'undetermined', 'holder_confirmed', 'withdrawn'"

# The case that goes on of its account or inquiry, under the code it had, where that was not judged tonight. A lead is
# one that nobody is sent: its findings are of replaced cards or of data quality alone.
_RESTS = f"""
    SELECT p.case_id FROM case_places AS p
    JOIN previous_cases AS c ON c.case_id = p.case_id AND c.episode = p.episode
    JOIN standing_case_life AS f ON f.case_id = p.case_id AND f.episode = p.episode
    WHERE p.place = 1 AND p.old_provider = p.provider_code AND p.old_subject = p.subject
        AND c.stale_inputs IS NULL AND c.state IN ({_STILL}) AND (c.state <> 'lead' OR f.is_quiet OR f.is_data_quality)
        AND NOT EXISTS (SELECT 1 FROM judged_subjects AS j
            WHERE j.provider_code = p.provider_code AND j.subject = p.subject)
        AND NOT EXISTS (SELECT 1 FROM answers_all AS a WHERE a.case_id = p.case_id)
        AND NOT EXISTS (SELECT 1 FROM objected AS o WHERE o.provider_code = p.provider_code AND o.subject = p.subject)
        AND NOT EXISTS (SELECT 1 FROM recalled_objections AS r WHERE r.case_id = p.case_id)
"""


def let_rest(engine: Engine, *, may_rest: bool) -> None:
    """Make ``case_rests`` (case_id): the cases that no step of tracking needs to ask.

    Reads ``case_places``, ``previous_cases``, ``judged_subjects``, ``answers_all``, ``objected``,
    ``recalled_objections`` and ``standing_case_life``.

    Parameters
    ----------
    engine : Engine
    may_rest : bool
        False where something speaks of every case: everyone is judged, all are scored anew, a feed is stale.
    """
    engine.table("case_rests", _RESTS if may_rest else "SELECT CAST(NULL AS VARCHAR) AS case_id WHERE 1 = 0")


# As ``case_rows_base`` has it, of a case whose every step gave what it gave last night.
_ROWS = """
    SELECT DATE '{night}' AS night, case_id, CAST(episode AS INTEGER) AS episode, follows, provider_code,
        account_code, subject, person_token, tier, verdict, state, state AS state_before, state AS state_0,
        knowable, duty, duty_source, performed, fault, priority, reasons, sampled, first_seen, last_changed,
        due_on, due_provisional, due_kind,
        CASE WHEN is_open THEN {holder} END AS holds_the_ball,
        ask_for, blind_spots, stale_inputs, fingerprint, notice_source, reported_from, reported_to, moment_from,
        account_type, is_quiet, is_data_quality, CAST(NULL AS VARCHAR) AS residual,
        CASE WHEN state <> 'lead' OR is_data_quality THEN NULL
            WHEN episode = 1 THEN 'new' ELSE 'changed' END AS change,
        CASE WHEN is_open THEN {overdue} END AS overdue_kind,
        is_open, FALSE AS is_new, FALSE AS is_wake, FALSE AS is_superseded, TRUE AS is_current, FALSE AS is_changed,
        FALSE AS is_copy, FALSE AS has_new_evidence, FALSE AS has_new_fault,
        fault AS fault_before, fingerprint AS fingerprint_0, held_by
    FROM (SELECT *, state IN ({open}) AS is_open FROM resting_cases) AS r
"""


def resting_rows(night: date) -> str:
    """Select tonight's rows of the cases that rest, with the columns of ``case_rows_base``."""
    tonight = night.isoformat()
    late = overdue_sql("state", "due_on", "due_kind", f"DATE '{tonight}'")
    return _ROWS.format(night=tonight, open=OPEN_LIST, holder=holder_sql("state"), overdue=late)
