"""Which delivered rows came between two nights, and which changed subject each of them has to do with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from creditaudit.audit.lineage import build_lineage
from creditaudit.book.files import listed
from creditaudit.book.proof_state import ABSENT_ACCOUNTS, CASE_PROOFS
from creditaudit.book.sheet_state import SHEET_FACTS
from creditaudit.book.state import CHECK_GAPS, FULL_DELIVERIES, TABLES, open_state
from creditaudit.cases.strength import rule_feeds
from creditaudit.feeds import FEEDS
from creditaudit.feeds.model import PROVENANCE, typed_fields
from creditaudit.intake.landing import INBOX
from creditaudit.trace_sql import STEPS, rests_on

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine
    from creditaudit.feeds import TableSpec

# Cells that no rule, duty or check is judged by: a bank says them anew every night.
_UNJUDGED: Final = frozenset(
    ("report_date", "report_reason", "currency", "amount", "balance", "overdue_amount", "status")
)
# What a row takes back, beside being another one.
_WITHDRAWS: Final = {
    "loss_reports": "v.withdrawn_from IS NOT NULL AND p.withdrawn_from IS NULL AND p.night IS NOT NULL",
    "invalid_cards": "v.event = 'withdrawn'",
}

# Findings of every night between on what changed, and of each subject as such: an empty rule reads its account alone.
_FOUND: Final = """
    SELECT DISTINCT m.provider_code, m.account_code, m.subject, f.rule_id, f.notice_source, f.notice_id
    FROM matter_subjects AS m
    JOIN all_findings AS f ON f.provider_code = m.provider_code AND f.subject = m.subject
    UNION
    SELECT provider_code, account_code, subject, '' AS rule_id, NULL AS notice_source, NULL AS notice_id
    FROM matter_subjects
"""

# Everybody and every account that a subject may hang on, whatever the rule: what is looked at where nothing nearer is
# found, and for chains, which hang on other people's accounts.
_REACH: Final = {
    "reach_people": """
        SELECT provider_code, subject, id_norm FROM persons
        UNION
        SELECT o.provider_code, 'account:' || o.account_code AS subject, a.id_norm FROM linked_codes AS o
        JOIN standing_accounts AS a ON a.provider_code = o.bank AND a.account_code = o.code
        UNION
        SELECT m.provider_code, m.subject, r.id_norm FROM matter_subjects AS m
        JOIN standing_objections AS r ON r.provider_code = m.provider_code
            AND m.subject = 'objection:' || r.objection_no
    """,
    "reach_codes": """
        WITH near AS (
            SELECT provider_code, 'account:' || account_code AS subject, bank, code FROM own_codes
            UNION SELECT provider_code, 'account:' || account_code AS subject, bank, code FROM linked_codes
            UNION SELECT p.provider_code, p.subject, a.provider_code AS bank, a.account_code AS code
            FROM reach_people AS p JOIN standing_accounts AS a ON a.id_norm = p.id_norm
        )
        SELECT * FROM near
        UNION
        SELECT n.provider_code, n.subject, m.provider_code AS bank, m.account_code AS code FROM near AS n
        JOIN lineage AS l ON l.provider_code = n.bank AND l.account_code = n.code
        JOIN lineage AS m ON m.head_provider = l.head_provider AND m.head_code = l.head_code
    """,
}
_BY_PERSON: Final = (
    "accounts",
    "loss_reports",
    "invalid_cards",
    "issuances",
    "fraud_alerts",
    "inquiries",
    "objections",
)
_BY_CODE: Final = ("accounts", "openings", "verifications", "objections")


def open_rows(engine: Engine, book: Book, nights: Sequence[date]) -> None:
    """Make what the causes are asked of.

    - ``standing_<feed>``: every row that was in force on one of the nights; ``came_<feed>``: those of nights after the
      first. ``lineage``: that of the first and of the last night together. ``standing_full_deliveries``,
      ``standing_check_gaps``, ``standing_case_proofs``.
    - ``rests_on``: what trace says that findings on changed subjects rest on; see ``creditaudit.trace_sql``.
      ``rests_now``: the rows of those that came, and rows that came in their place.
    - ``moved``: feed, night, file, row, line, cause, detail (columns that differ), is_judged: every row of those that
      came, and those in reach.
    - ``touch``: provider_code, subject, rule_id, notice_source, notice_id, role and what ``moved`` says: judged rows
      that came and on which findings rest. ``near``: provider_code, subject and what ``moved`` says, of all in reach.

    Raises
    ------
    UsageError
        What was in force on the first night was removed since.
    """
    before, after = book.then(nights[0]), book.then(nights[-1])
    for table in (*FEEDS, ABSENT_ACCOUNTS.name):
        _between(engine, before, after, table)
    for name, side in (("a_", before), ("b_", after)):
        for feed in ("accounts", "account_renames"):
            open_state(engine, side, feed, f"{name}standing_{feed}")
        build_lineage(engine, nights[0] if side is before else nights[-1], name)
    engine.table("lineage", "SELECT * FROM a_lineage UNION SELECT * FROM b_lineage")
    for kept in (FULL_DELIVERIES, SHEET_FACTS, CASE_PROOFS, CHECK_GAPS):
        open_state(engine, after, kept.name, f"standing_{kept.name}")
    engine.load("rule_feeds", rule_feeds())
    engine.table("found", _FOUND)
    for name, select in STEPS.items():
        if name != "found":
            engine.table(name, select)
    engine.table("rests_on", rests_on())
    for name, select in _REACH.items():
        engine.table(name, select)
    engine.table("reach", " UNION ".join(_reached()))
    engine.table("rests_now", " UNION ALL ".join(_replacing(spec) for spec in FEEDS.values()))
    engine.table("hits", "SELECT feed, night, file, row FROM rests_now UNION SELECT feed, night, file, row FROM reach")
    engine.table("moved", " UNION ALL ".join(_moved(engine, spec, nights[0]) for spec in FEEDS.values()))
    at = "m.feed = r.feed AND m.night = r.night AND m.file = r.file AND m.row = r.row"
    engine.table("near", f"SELECT DISTINCT r.provider_code, r.subject, m.* FROM reach AS r JOIN moved AS m ON {at}")
    engine.table(
        "touch",
        f"SELECT DISTINCT r.provider_code, r.subject, r.rule_id, r.notice_source, r.notice_id, r.role, m.*"
        f" FROM rests_now AS r JOIN moved AS m ON {at} AND m.is_judged"
        # Chains hang on other accounts' findings, and what a house's rule reads nobody has told us.
        " UNION SELECT f.provider_code, f.subject, f.rule_id, f.notice_source, f.notice_id, 'related' AS role,"
        " n.* EXCLUDE (provider_code, subject) FROM found AS f JOIN near AS n"
        " ON n.provider_code = f.provider_code AND n.subject = f.subject AND n.is_judged"
        " WHERE f.rule_id = 'R109' OR (f.rule_id <> '' AND NOT EXISTS"
        " (SELECT 1 FROM rule_feeds AS g WHERE g.rule_id = f.rule_id))"
        " UNION SELECT n.provider_code, n.subject, '' AS rule_id, NULL AS notice_source, NULL AS notice_id,"
        " 'objection' AS role, n.* EXCLUDE (provider_code, subject) FROM near AS n WHERE n.feed = 'objections'",
    )


def _between(engine: Engine, before: Book, after: Book, table: str) -> None:
    """Make ``came_<table>`` and ``standing_<table>``: a complete state has only its own night's rows anew."""
    schema = TABLES[table].schema
    open_state(engine, before, table, f"before_{table}")
    changes, parts = [], [f"SELECT * FROM changes_{table}"]
    for night in after.sealed:
        if before.last is not None and night <= before.last:
            continue
        files = listed(after.folder(night) / "state" / table)
        if after.manifests[night]["state"] != "complete":
            changes += files
            continue
        whole = f"whole_{table}_{night:%Y%m%d}"
        engine.scan(whole, files, schema)
        parts.append(f"SELECT * FROM {whole} WHERE night = DATE '{night.isoformat()}'")
    engine.scan(f"changes_{table}", changes, schema)
    engine.view(f"came_{table}", " UNION ALL ".join(parts))
    engine.view(f"standing_{table}", f"SELECT * FROM before_{table} UNION ALL SELECT * FROM came_{table}")


def _replacing(spec: TableSpec) -> str:
    """Select what came of what findings rest on: the row itself, or a later one of its key, whomever that speaks of."""
    same = " AND ".join(f"c.{name} = v.{name}" for name in spec.key)
    return (
        "SELECT DISTINCT r.provider_code, r.subject, r.rule_id, r.notice_source, r.notice_id, r.role, r.feed,"
        f" c.night, c.file, c.row FROM rests_on AS r JOIN standing_{spec.name} AS v"
        f" ON r.feed = '{spec.name}' AND r.night = v.night AND r.file = v.file AND r.row = v.row"
        f" JOIN came_{spec.name} AS c ON {same} AND c.night >= v.night"
    )


def _reached() -> list[str]:
    """Select the rows that came and that have to do with somebody in reach: provider_code, subject, and the row.

    A row also has to do with whom the row of its key before it spoke of: corrected, it may speak of somebody else.
    """

    def row(feed: str) -> str:
        same = " AND ".join(f"c.{name} = r.{name}" for name in FEEDS[feed].key)
        return (
            f"SELECT n.provider_code, n.subject, '{feed}' AS feed, c.night, c.file, c.row FROM came_{feed} AS c"
            f" JOIN standing_{feed} AS r ON {same} AND r.night <= c.night JOIN "
        )

    at = "reach_codes AS n ON r.provider_code = n.bank AND "
    return [
        *(row(feed) + "reach_people AS n ON r.id_norm = n.id_norm" for feed in _BY_PERSON),
        *(row(feed) + at + "r.account_code = n.code" for feed in _BY_CODE),
        row("account_renames") + at + "r.old_account_code = n.code",
        row("account_renames") + "reach_codes AS n ON COALESCE(r.new_provider_code, r.provider_code) = n.bank"
        " AND r.new_account_code = n.code",
        row("verifications")
        + "standing_openings AS s ON s.provider_code = r.provider_code AND s.session_id = r.session_id"
        " JOIN reach_codes AS n ON n.bank = s.provider_code AND n.code = s.account_code",
        row("impostors") + "standing_openings AS s ON s.handler_id_norm = r.id_norm"
        " JOIN reach_codes AS n ON n.bank = s.provider_code AND n.code = s.account_code",
    ]


def _moved(engine: Engine, spec: TableSpec, first: date) -> str:
    """Make the versions of the keys that were hit; select what each row of a later night says that is another thing."""
    feed, same = spec.name, " AND ".join(f"{{0}}.{k} = {{1}}.{k}" for k in spec.key)
    engine.table(
        f"versions_{feed}",
        f"SELECT v.*, row_number() OVER (PARTITION BY {', '.join(f'v.{k}' for k in spec.key)} ORDER BY v.night)"
        f" AS version FROM standing_{feed} AS v WHERE EXISTS (SELECT 1 FROM came_{feed} AS c JOIN hits AS h"
        f" ON h.feed = '{feed}' AND h.night = c.night AND h.file = c.file AND h.row = c.row"
        f" WHERE {same.format('c', 'v')})",
    )
    compared = {*spec.compared, "dropped"}
    differs = {
        column.name: " OR ".join(
            f"v.{field.name} IS DISTINCT FROM p.{field.name}"
            for field in typed_fields(column)
            if field.name in compared
        )
        for column in spec.columns
    } | {"dropped": f"v.{PROVENANCE[-1].name} IS DISTINCT FROM p.{PROVENANCE[-1].name}"}
    said = ", ".join(f"CASE WHEN {test} THEN '{name}' END" for name, test in differs.items())
    judged = " OR ".join(f"({test})" for name, test in differs.items() if name not in _UNJUDGED)
    return f"""
        SELECT '{feed}' AS feed, v.night, v.file, v.row, v.line,
            CASE WHEN starts_with(v.file, '{INBOX}/') THEN 'row_readmitted'
                WHEN {_WITHDRAWS.get(feed, "FALSE")} THEN 'row_withdrawn'
                WHEN p.night IS NULL THEN 'row_new'
                WHEN {judged} THEN 'row_corrected' ELSE 'row_again' END AS cause,
            CASE WHEN p.night IS NOT NULL THEN concat_ws(';', {said}) END AS detail,
            p.night IS NULL OR ({judged}) AS is_judged
        FROM versions_{feed} AS v
        LEFT JOIN versions_{feed} AS p ON {same.format("p", "v")} AND p.version = v.version - 1
        WHERE v.night > DATE '{first}'
    """
