"""Next steps: what who may do about a case, and on what basis, by the reference table ``remedies`` (SPEC 8.5).

A row matches a case by account type, tier, verdict, state and fault, and holds on the day of the case's moment. Every
row that matches is told, in the order of the table: none shuts out another. A cell may list several values, separated
by ``;``; ``*``, or nothing, is any value. A case that lacks a value matches ``*`` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from creditaudit.engines import quoted

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from creditaudit.engines import Engine

# By what a row matches a case.
MATCHED: Final = ("account_type", "tier", "verdict", "state", "fault")

# Between two rows in one cell: a line break has no place in a spreadsheet's cell, and no text has this mark.
BETWEEN: Final = " | "


def next_steps(engine: Engine, night: date) -> None:
    """Make ``case_steps``: the next steps of every case.

    Reads ``remedies`` (the night's copy of the reference table, with ``row``) and ``case_rows_base`` (case_id, episode,
    state, tier, verdict, fault, account_type, moment_from TIMESTAMP; NULL in any but the first two: not known).

    ``case_steps`` (a view) has one row per row of ``case_rows_base``: case_id, episode, next_step_ids (remedy_id,
    joined by ``;``), next_step_zh, next_step_en (texts joined by `` | ``; a row without an English text gives its only
    one), next_step (both: each row ``zh / en``, joined by `` | ``). Texts are in the order of the table; NULL: no row
    matches.

    Parameters
    ----------
    engine : Engine
    night : date
        The day that counts for a case without a moment.
    """
    _match(engine, night, "SELECT * FROM case_rows_base")
    engine.table(
        "remedy_texts",
        f"""
        SELECT number, string_agg(remedy_id, ';' ORDER BY row) AS next_step_ids,
            string_agg(zh || COALESCE(' / ' || en, ''), '{BETWEEN}' ORDER BY row) AS next_step,
            string_agg(zh, '{BETWEEN}' ORDER BY row) AS next_step_zh,
            string_agg(COALESCE(en, zh), '{BETWEEN}' ORDER BY row) AS next_step_en
        FROM remedy_matches GROUP BY number
        """,
    )
    # A view: the texts are long, and stand once for each kind of case as long as nobody asks for those of every case.
    engine.view(
        "case_steps",
        "SELECT c.case_id, c.episode, t.next_step_ids, t.next_step, t.next_step_zh, t.next_step_en"
        " FROM remedy_cases AS c LEFT JOIN remedy_texts AS t ON t.number = c.number",
    )
    engine.drop("remedy_matches")


def remedies_of(engine: Engine, night: date, case_id: str) -> pa.Table:
    """Return the remedies of one case, with who and on what basis.

    Reads as :func:`next_steps`.

    Returns
    -------
    pyarrow.Table
        episode, remedy_id, next_step (Chinese), next_step_en (NULL: none), who, basis, in_force_from, in_force_to
        (DATE; NULL: open), source (NULL: none is given); by episode, then in the order of the table.
    """
    _match(engine, night, f"SELECT * FROM case_rows_base WHERE case_id = {quoted(case_id)}", "asked_cases")
    found = engine.fetch(
        "SELECT c.episode, r.remedy_id, r.next_step, r.next_step_en, r.who, r.basis, r.in_force_from, r.in_force_to,"
        " r.source FROM asked_cases AS c JOIN remedy_matches AS m ON m.number = c.number"
        " JOIN remedies AS r ON r.row = m.row ORDER BY c.episode, r.row"
    )
    engine.drop("asked_cases", "remedy_matches")
    return found


def _match(engine: Engine, night: date, cases: str, made: str = "remedy_cases") -> None:
    """Make ``remedy_cases`` and ``remedy_matches`` (number, row, remedy_id, zh, en).

    ``remedy_cases``, or under another name ``made``, has case_id, episode, number, and what is matched. ``number``
    stands for cases that the table cannot tell apart: alike in what is matched, and with moments between the same days
    on which a row begins or has ended. So the table is asked once for each kind of case, not for each case.
    """
    engine.table("remedy_breaks", _BREAKS)
    engine.table("remedy_days", _DAYS.format(night=night.isoformat(), cases=cases))
    matched = ", ".join(f"c.{name}" for name in MATCHED)
    engine.table(
        made,
        f"""
        SELECT c.case_id, c.episode, {matched}, d.stretch,
            dense_rank() OVER (ORDER BY {matched}, d.stretch) AS number
        FROM ({cases}) AS c JOIN remedy_days AS d
            ON d.day = COALESCE(epoch_day(c.moment_from), epoch_day(DATE '{night.isoformat()}'))
        """,
    )
    engine.table("remedy_matches", _MATCHES.format(cases=made))
    engine.drop("remedy_breaks", "remedy_days")


_BREAKS = """
    SELECT epoch_day(in_force_from) AS day FROM remedies WHERE in_force_from IS NOT NULL
    UNION SELECT epoch_day(in_force_to) + 1 AS day FROM remedies WHERE in_force_to IS NOT NULL
"""

# stretch: the last day up to this one on which something begins or has ended; all days of a stretch are alike.
_DAYS = """
    SELECT m.day, (SELECT max(b.day) FROM remedy_breaks AS b WHERE b.day <= m.day) AS stretch
    FROM (
        SELECT DISTINCT COALESCE(epoch_day(c.moment_from), epoch_day(DATE '{night}')) AS day FROM ({cases}) AS c
    ) AS m
"""

# NULL stretch: before the first break, where only rows that have always been in force hold.
_HOLDS = (
    "(r.in_force_from IS NULL OR epoch_day(r.in_force_from) <= k.stretch)"
    " AND (r.in_force_to IS NULL OR k.stretch IS NULL OR epoch_day(r.in_force_to) >= k.stretch)"
)

_MATCHES = f"""
    WITH listed AS (
        SELECT row, remedy_id, next_step AS zh, next_step_en AS en, in_force_from, in_force_to,
            {", ".join(f"';' || replace(COALESCE(NULLIF({n}, '*'), ''), ' ', '') || ';' AS {n}" for n in MATCHED)}
        FROM remedies WHERE next_step IS NOT NULL
    )
    SELECT k.number, r.row, r.remedy_id, r.zh, r.en
    FROM (SELECT DISTINCT number, stretch, {", ".join(MATCHED)} FROM {{cases}}) AS k
    JOIN listed AS r ON {" AND ".join(f"(r.{n} = ';;' OR contains(r.{n}, ';' || k.{n} || ';'))" for n in MATCHED)}
        AND {_HOLDS}
"""
