"""What changed tonight, and which delivery brought it about (SPEC 10.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from creditaudit.masking import without_numbers

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.engines import Engine

# Moves that rows of tonight can bring about; the others have a cause of their own, or none that is a file.
_BY_ROWS: Final = (
    *("opened", "woken", "evidence_changed", "fault_changed", "objection", "provider_changed", "reappeared"),
)
# Feeds whose rows speak of a person.
_OF_PEOPLE: Final = (
    "accounts",
    "loss_reports",
    "invalid_cards",
    "issuances",
    "inquiries",
    "fraud_alerts",
    "objections",
)
# Feeds whose rows speak of an account: by its code, both codes of a rename, or the impostor who opened it for another.
_OF_CODES: Final = {
    "openings": ("SELECT provider_code, account_code, file, night FROM whole_openings",),
    "verifications": ("SELECT provider_code, account_code, file, night FROM whole_verifications",),
    "account_renames": (
        "SELECT provider_code, old_account_code AS account_code, file, night FROM whole_account_renames",
        "SELECT COALESCE(new_provider_code, provider_code) AS provider_code, new_account_code AS account_code, file,"
        " night FROM whole_account_renames",
    ),
    "impostors": (
        "SELECT o.provider_code, o.account_code, i.file, i.night FROM whole_impostors AS i"
        " JOIN whole_openings AS o ON o.handler_id_norm = i.id_norm",
    ),
}
_FALLEN: Final = "no_finding_stands:"


def tell_changes(engine: Engine, night: date) -> dict[str, Any]:
    """Return tonight's moves by what brought them about, for the summary of the night.

    Reads ``tonights_events``, ``case_rows``, ``case_subjects``, ``lineage`` and the rows in force of every feed
    (``whole_<feed>``).

    Parameters
    ----------
    engine : Engine
    night : date

    Returns
    -------
    dict
        ``withdrawn_cases``: how many; ``changes``: event, cause (a feed, a registry that took a finding away,
        ``recalled_file``, ``inbox`` or ``other``), file (empty: no file) and cases, sorted by event, cause, file. Rows
        of tonight that speak of the case's person, its account (any code of its lineage) or who opened it count as its
        cause: a case that several files name is counted under each.
    """
    moves = ", ".join(f"'{event}'" for event in _BY_ROWS)
    moved = engine.table(
        "moved_tonight",
        f"""
        SELECT DISTINCT e.event, e.case_id, c.provider_code, c.account_code, s.id_norm
        FROM tonights_events AS e
        JOIN case_rows AS c ON c.case_id = e.case_id AND c.episode = e.episode
        LEFT JOIN case_subjects AS s ON s.provider_code = c.provider_code AND s.subject = c.subject
        WHERE e.event IN ({moves})
        """,
    )
    tonight = f"DATE '{night.isoformat()}'"
    engine.table(
        "cause_codes",
        """
        SELECT event, case_id, provider_code, account_code FROM moved_tonight
        UNION
        SELECT m.event, m.case_id, o.provider_code, o.account_code FROM moved_tonight AS m
        JOIN lineage AS l ON l.provider_code = m.provider_code AND l.account_code = m.account_code
        JOIN lineage AS o ON o.head_provider = l.head_provider AND o.head_code = l.head_code
        """,
    )
    named = {
        feed: f"SELECT m.event, m.case_id, r.file FROM whole_{feed} AS r"
        f" JOIN moved_tonight AS m ON m.id_norm = r.id_norm WHERE r.night = {tonight}"
        for feed in _OF_PEOPLE
    } | {
        feed: f"SELECT m.event, m.case_id, r.file FROM ({' UNION ALL '.join(parts)}) AS r JOIN cause_codes AS m"
        f" ON m.provider_code = r.provider_code AND m.account_code = r.account_code WHERE r.night = {tonight}"
        for feed, parts in _OF_CODES.items()
    }
    # Feed by feed: of all at once each would hold the cases in memory for itself.
    made = []
    for feed, select in named.items() if moved else ():
        if engine.table(f"moved_by_{feed}", f"SELECT DISTINCT event, case_id, file FROM ({select}) AS n"):
            made.append(feed)
    by_rows = " UNION ALL ".join(
        f"SELECT event, case_id, '{feed}' AS cause, file FROM moved_by_{feed}" for feed in made
    )
    engine.view("moved_by", by_rows or "SELECT event, case_id, '' AS cause, '' AS file FROM moved_tonight WHERE FALSE")
    rows = engine.fetch(
        f"""
        SELECT event, cause, file, count(DISTINCT case_id) AS cases FROM (
            SELECT event, case_id, cause, file FROM moved_by
            UNION ALL
            SELECT m.event, m.case_id, 'other' AS cause, '' AS file FROM moved_tonight AS m
            WHERE NOT EXISTS (SELECT 1 FROM moved_by AS b WHERE b.event = m.event AND b.case_id = m.case_id)
            UNION ALL
            SELECT event, case_id, replace(proof, '{_FALLEN}', '') AS cause, '' AS file FROM tonights_events
            WHERE event = 'withdrawn'
            UNION ALL
            SELECT event, case_id, CASE event WHEN 'answered' THEN 'inbox'
                WHEN 'proof_recalled' THEN 'recalled_file' ELSE 'other' END AS cause, '' AS file
            FROM tonights_events WHERE event NOT IN ({moves}, 'withdrawn', 'sent')
        ) AS told GROUP BY event, cause, file ORDER BY event, cause, file
        """
    )
    fallen = engine.fetch("SELECT count(DISTINCT case_id) AS n FROM tonights_events WHERE event = 'withdrawn'")
    engine.drop("moved_by", *(f"moved_by_{feed}" for feed in named), "moved_tonight", "cause_codes")
    return {"withdrawn_cases": int(fallen["n"][0].as_py()), "changes": rows.to_pylist()}


def count_other_ids(engine: Engine, night: date) -> list[dict[str, Any]]:
    """Return tonight's account rows that are identified by another document and have a sound number (SPEC 3.2).

    Reads ``whole_accounts``. Such rows are accepted, and no number of theirs is matched.

    Returns
    -------
    list of dict
        provider_code (as pages show it), rows; by provider_code.
    """
    found = engine.fetch(
        "SELECT provider_code, count(*) AS rows FROM whole_accounts"
        f" WHERE night = DATE '{night.isoformat()}' AND id_type <> '10' AND id_status = 'ok'"
        " GROUP BY provider_code ORDER BY provider_code"
    )
    return [{**row, "provider_code": without_numbers(row["provider_code"])} for row in found.to_pylist()]
