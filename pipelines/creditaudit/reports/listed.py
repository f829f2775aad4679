"""Which cases each recipient's files hold tonight, and which of those it was sent are taken back (SPEC 8.1, 10.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import pyarrow as pa

    from creditaudit.engines import Engine

OPEN_STATES = ("lead", "sent", "undetermined", "correction_due", "correction_overdue")


def build_listed(engine: Engine) -> None:
    """Make ``report_rows``, ``recipient_rows`` and ``retracted``.

    Reads ``case_rows``, ``earlier_episodes``, ``case_recipients``, ``case_subjects``, ``recipients`` and
    ``standing_sent_cases``.

    - ``report_rows``: one row per open case that some file may hold, ``place`` counts them in the order of the files;
      their next steps, long texts, stay in ``case_rows``.
    - ``recipient_rows``: recipient, place, and change: what ``exceptions.csv`` says of the row; NULL: it stands in
      ``exceptions_all.csv`` alone. A case that was never sent to a recipient is ``new`` to it, whatever it is to
      others; one that was taken back and stands again has ``changed``.
    - ``retracted``: recipient, case_id, episode, and provider_code and account_code as they were sent; state, why.

    Parameters
    ----------
    engine : Engine
    """
    engine.table("sent_before", "SELECT * FROM standing_sent_cases")
    engine.table("report_places", _PLACES)
    engine.table("report_rows", _ROWS)
    engine.drop("report_places")
    engine.table("recipient_rows", _LISTED)
    engine.table("retracted", _RETRACTED.format(states=", ".join(f"'{s}'" for s in OPEN_STATES)))


def sent_changed(engine: Engine, night: date) -> Iterator[pa.RecordBatch]:
    """Yield who got which case, as far as that is another thing than last night (schema of ``SENT_CASES``).

    Parameters
    ----------
    engine : Engine
        Holds what :func:`build_listed` made.
    night : date
    """
    return engine.stream(
        f"SELECT DATE '{night.isoformat()}' AS night, t.* FROM ("
        " SELECT r.case_id, r.recipient, r.episode, r.provider_code, r.account_code, TRUE AS is_standing"
        " FROM recipient_rows AS r WHERE NOT r.is_data_quality AND NOT EXISTS (SELECT 1 FROM sent_before AS s"
        " WHERE s.is_standing AND s.case_id = r.case_id AND s.recipient = r.recipient AND s.episode = r.episode"
        " AND s.provider_code = r.provider_code AND s.account_code IS NOT DISTINCT FROM r.account_code)"
        " UNION ALL"
        " SELECT case_id, recipient, episode, provider_code, account_code, FALSE AS is_standing FROM retracted"
        ") AS t ORDER BY t.case_id, t.recipient"
    )


# What is numbered is held in memory to the last row: keys alone, of millions of cases, and not their texts.
_PLACES = """
    SELECT case_id, episode, row_number() OVER (ORDER BY provider_code, account_code, case_id, episode) - 1 AS place
    FROM case_rows WHERE is_open AND NOT COALESCE(is_quiet, FALSE)
"""

_ROWS = """
    SELECT c.case_id, c.episode, c.change, c.provider_code, c.account_code, r.id_norm, r.account_type,
        r.opened_from, r.opened_to, c.tier, c.verdict, c.notice_source,
        epoch_second(c.reported_from) AS reported_from, epoch_second(c.reported_to) AS reported_to,
        c.fault, CAST(c.due_on AS VARCHAR) AS due_on, c.due_kind, c.reasons, c.ask_for, c.blind_spots,
        COALESCE(c.is_data_quality, FALSE) AS is_data_quality, p.place
    FROM case_rows AS c
    JOIN report_places AS p ON p.case_id = c.case_id AND p.episode = c.episode
    LEFT JOIN case_subjects AS r ON r.provider_code = c.provider_code AND r.subject = c.subject
"""

# A book that an older program wrote does not say what was sent: then nothing is new to anyone for that alone.
_LISTED = """
    WITH known AS (SELECT count(*) > 0 AS is_known FROM sent_before)
    SELECT t.recipient, r.place, r.case_id, r.episode, r.provider_code, r.account_code, r.is_data_quality,
        CASE WHEN r.is_data_quality OR NOT k.is_known THEN r.change
            WHEN s.case_id IS NULL THEN 'new'
            WHEN NOT s.is_standing THEN COALESCE(r.change, 'changed')
            ELSE r.change END AS change
    FROM report_rows AS r
    JOIN (SELECT DISTINCT case_id, recipient FROM case_recipients) AS t ON t.case_id = r.case_id
    CROSS JOIN known AS k
    LEFT JOIN sent_before AS s ON s.case_id = r.case_id AND s.recipient = t.recipient
"""

# Nothing leaves a recipient's list without a word: closed cases, those that are another's now, and those that are no
# exceptions any more. A recipient that is no longer in the table has no file; its rows stay as they are, and when it
# is back they may be of an earlier episode: that one's state, and why it or what came of it left the list.
_RETRACTED = """
    SELECT s.recipient, s.case_id, s.episode, s.provider_code, s.account_code, COALESCE(c.state, e.state) AS state,
        CASE WHEN COALESCE(c.state, e.state) NOT IN ({states}) THEN COALESCE(c.state, e.state)
            WHEN n.state NOT IN ({states}) THEN n.state
            WHEN n.is_quiet THEN 'only_replaced_cards'
            WHEN n.is_data_quality THEN 'data_quality'
            ELSE 'moved' END AS why
    FROM sent_before AS s
    LEFT JOIN case_rows AS c ON c.case_id = s.case_id AND c.episode = s.episode
    LEFT JOIN earlier_episodes AS e ON e.case_id = s.case_id AND e.episode = s.episode
    LEFT JOIN case_rows AS n ON n.case_id = s.case_id AND NOT n.is_superseded
    WHERE s.is_standing AND s.recipient IN (SELECT recipient FROM recipients)
        AND NOT EXISTS (SELECT 1 FROM recipient_rows AS r
            WHERE r.recipient = s.recipient AND r.case_id = s.case_id AND NOT r.is_data_quality)
"""
