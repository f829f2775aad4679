"""What there is per institution and quarter of moment (SPEC 8.5): the table ``institutions`` of a night.

Every figure is what stands tonight, counted over the whole book, so it does not hang on whom tonight judged again. The
table stays in the house; whoever shows a figure outside it hides what is under five.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from creditaudit.tables import INSTITUTIONS

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from creditaudit.engines import Engine

# Cases that are over, because the record is the holder's, or nothing speaks against it any more, or another case
# follows: nothing is to be said of their institution.
_OVER: Final = "('holder_confirmed', 'withdrawn', 'reappeared')"


def late_answers(engine: Engine, night: date) -> pa.Table:
    """Return the episodes whose answer, taken tonight, bears a day after its due date.

    Reads ``answers_all`` and ``known_cases`` (the due date before the answer). Only the first answer to what was sent
    counts: a later one corrects it.

    Returns
    -------
    pyarrow.Table
        Schema ``LATE_ANSWERS`` of the book's state, by case_id and episode.
    """
    return engine.fetch(
        f"SELECT DATE '{night.isoformat()}' AS night, k.case_id, CAST(k.episode AS INTEGER) AS episode, k.due_on,"
        " a.answered_on FROM answers_all AS a"
        " JOIN known_cases AS k ON k.case_id = a.case_id AND k.episode = a.episode"
        " WHERE a.place = 1 AND a.from_state = 'sent' AND a.answered_on > k.due_on ORDER BY k.case_id, k.episode"
    )


def count_institutions(engine: Engine, night: date) -> pa.Table:
    """Count what stands tonight per institution and quarter of moment.

    Reads ``judged_counts`` (provider_code, quarter, accounts), ``findings`` (all that stand), ``case_rows`` and
    ``earlier_episodes`` (every episode; of ``case_rows`` moment_from TIMESTAMP, too) and ``standing_late_answers``
    (with tonight's).

    Returns
    -------
    pyarrow.Table
        Schema ``creditaudit.tables.INSTITUTIONS``, sorted by its columns; only figures above 0. Measures:

        - ``accounts_judged``: accounts, a lineage of renamed codes as one, under the newest institution;
        - ``findings:<rule_id>``: findings, whatever their verdict;
        - ``fault:<kind>``: cases by fault; ``undocumented_cells``: cases for which no document says what the duty was.
          Of each case the last episode, unless it was confirmed, withdrawn, or is followed by another case;
        - ``answers_late``: episodes without an answer on the night after the due date, or with one of a later day;
        - ``corrections_verified``, ``reappeared``: episodes in that state.

        quarter NULL: the account has no moment, or the case has none.
    """
    engine.table("institution_cases", _CASES)
    found = engine.fetch(
        f"SELECT DATE '{night.isoformat()}' AS night, provider_code, quarter, measure,"
        f" CAST(sum(value) AS BIGINT) AS value FROM ({_MEASURES.format(night=night.isoformat())}) AS m"
        " GROUP BY provider_code, quarter, measure HAVING sum(value) > 0 ORDER BY provider_code, quarter, measure"
    )
    engine.drop("institution_cases")
    return found.select(INSTITUTIONS.names).cast(INSTITUTIONS)


def _quarter(moment: str) -> str:
    """Return SQL for the quarter of a timestamp, as ``judged_counts`` writes it."""
    return f"lpad(CAST(year({moment}) AS VARCHAR), 4, '0') || 'Q' || CAST(quarter({moment}) AS VARCHAR)"


# Every episode, under the newest code and with the moment of its case; place 1 is the last one.
_CASES = f"""
    WITH last AS (
        SELECT case_id, max(episode) AS episode FROM case_rows GROUP BY case_id
    ), named AS (
        SELECT c.case_id, c.provider_code, {_quarter("c.moment_from")} AS quarter
        FROM case_rows AS c JOIN last AS l ON l.case_id = c.case_id AND l.episode = c.episode
    ), every_episode AS (
        SELECT case_id, episode, state, fault, duty, due_on FROM case_rows
        UNION ALL SELECT case_id, episode, state, fault, duty, due_on FROM earlier_episodes
    )
    SELECT e.case_id, e.episode, e.state, e.fault, e.duty, e.due_on, n.provider_code, n.quarter,
        e.episode = l.episode AS is_last
    FROM every_episode AS e JOIN last AS l ON l.case_id = e.case_id JOIN named AS n ON n.case_id = e.case_id
"""

_MEASURES = f"""
    SELECT provider_code, quarter, 'accounts_judged' AS measure, accounts AS value FROM judged_counts
    UNION ALL
    SELECT provider_code, {_quarter("moment_from")} AS quarter, 'findings:' || rule_id AS measure, 1 AS value
    FROM findings
    UNION ALL
    SELECT provider_code, quarter, 'fault:' || fault AS measure, 1 AS value
    FROM institution_cases WHERE is_last AND fault IS NOT NULL AND state NOT IN {_OVER}
    UNION ALL
    SELECT provider_code, quarter, 'undocumented_cells' AS measure, 1 AS value
    FROM institution_cases WHERE is_last AND duty = 'unknown' AND state NOT IN {_OVER}
    UNION ALL
    SELECT c.provider_code, c.quarter, 'answers_late' AS measure, 1 AS value
    FROM institution_cases AS c
    WHERE (c.is_last AND c.state = 'sent' AND c.due_on < DATE '{{night}}')
        OR EXISTS (SELECT 1 FROM standing_late_answers AS a WHERE a.case_id = c.case_id AND a.episode = c.episode)
    UNION ALL
    SELECT provider_code, quarter, 'corrections_verified' AS measure, 1 AS value
    FROM institution_cases WHERE state = 'correction_verified'
    UNION ALL
    SELECT provider_code, quarter, 'reappeared' AS measure, 1 AS value
    FROM institution_cases WHERE state = 'reappeared'
"""
