"""From a finding to the delivered lines and inbox entries that it rests on, and back, in one query (SPEC 1, 9).

A finding rests on every row in force that its judgment read of its account, its person and its notice: a row that is
among them may have made it, and without any of the others it would be judged from the same rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit.audit.lineage import build_lineage
from creditaudit.book.files import storage
from creditaudit.book.inbox import taken
from creditaudit.book.layout import Book
from creditaudit.book.state import open_states
from creditaudit.case_view import last_night, no_case
from creditaudit.cases.sealed_cases import open_sealed_cases
from creditaudit.cases.strength import rule_feeds
from creditaudit.engines import engine_aside, quoted
from creditaudit.errors import UsageError
from creditaudit.intake.readmission import label
from creditaudit.tables import CASE_EVENTS, COVERAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from creditaudit.engines import Engine

# One row per finding and line that it rests on. Grain: case_id, rule_id, notice, feed, night, file, row, role.
TRACE: Final = pa.schema(
    [
        *(pa.field(n, pa.string()) for n in ("case_id", "provider_code", "account_code", "subject", "rule_id")),
        pa.field("verdict", pa.string()),
        pa.field("notice_source", pa.string()),  # of the finding; NULL: it names none
        pa.field("notice_id", pa.string()),
        pa.field("role", pa.string()),  # what the line is to the finding: a key of ROLES
        pa.field("feed", pa.string()),  # NULL: an inbox entry that is no row of a feed
        pa.field("night", pa.date32()),  # that read it
        pa.field("file", pa.string()),
        pa.field("row", pa.int64()),  # 1-based data row; NULL: the whole file
        pa.field("line", pa.int64()),  # 1-based line; NULL: the whole file
        pa.field("sha256", pa.string()),  # of the file as delivered, or of the entry
        pa.field("entry", pa.string()),  # file of the inbox; NULL: it was delivered
    ]
)

# What a line is to a finding.
ROLES: Final = {
    "account": "the account's own row, under any code of its lineage",
    "linked_account": "an account that its debt or its chain leads to",
    "person_account": "another account of the person, where the rule looks at all of them",
    "opening": "who was seen, and which card was shown",
    "check": "an identity check of the account",
    "notice": "the notice that the finding names",
    "registry": "another row of the person in the two registries: a twin, a withdrawal, a changed name",
    "issuance": "a card of the person",
    "alert": "a fraud alert of the person",
    "impostor": "an entry of the handler in the list",
    "inquiry": "the inquiry itself",
    "rename": "a change of a code of the account",
    "coverage": "a full file that says what is not there",
    "rule_text": "the approval of the text that judged",
    "answer": "an answer that moved the case",
}
_SHA: Final = re.compile("[0-9a-f]{8,64}", re.ASCII)


@dataclass(frozen=True)
class Source:
    """A delivered file, or one line of it.

    Parameters
    ----------
    name : str
        Its label in ``coverage``, with or without its feed before it, or the SHA-256 of its bytes (8 digits or more).
    line : int or None
        1-based; None: any.
    """

    name: str
    line: int | None = None


def trace(book: Book, *, case_id: str | None = None, source: Source | None = None) -> pa.Table:
    """Return what findings rest on: of one case, or all findings that rest on one file or line.

    Of a case without a standing finding those of the last night on which it had some, as of that night.

    Parameters
    ----------
    book : Book
    case_id : str, optional
    source : Source, optional
        One of the two is given.

    Returns
    -------
    pyarrow.Table
        Schema ``TRACE``, sorted by its columns. **Codes as delivered**, no ID number, name or phone otherwise.

    Raises
    ------
    UsageError
        The book has no sealed night, no such case, or no such file; both or none of the two are given.
    """
    if (case_id is None) == (source is None):
        raise UsageError(
            "nothing can be traced", why="exactly one of a case and a file is needed", next_step="name one of them"
        )
    night = last_night(book)
    with engine_aside() as engine:
        open_sealed_cases(engine, book, night)
        engine.view("last_cases", _LAST_CASES)
        if case_id is not None:
            night = _night_of(engine, book, case_id, night)
        _open(engine, Book(book.root, until=night), night)
        where = f"t.case_id = {quoted(case_id)}" if case_id is not None else _of_source(engine, source)
        found = engine.fetch(f"{_TRACED} WHERE {where} ORDER BY ALL")
    return found.select(TRACE.names).cast(TRACE)


_LAST_CASES = """
    SELECT * EXCLUDE (age) FROM (
        SELECT *, row_number() OVER (PARTITION BY case_id ORDER BY episode DESC) AS age FROM sealed_cases
    ) AS aged WHERE age = 1
"""


def _night_of(engine: Engine, book: Book, case_id: str, night: date) -> date:
    """Return the last night on which the case had a standing finding; tonight, where it never had one."""
    found = engine.fetch(f"SELECT provider_code, subject FROM last_cases WHERE case_id = {quoted(case_id)}")
    if not found.num_rows:
        raise no_case(engine, case_id)
    of = [(name, "=", found[name][0].as_py()) for name in ("provider_code", "subject")]
    for earlier in reversed(book.sealed):
        path = book.folder(earlier) / "published" / "findings.parquet"
        with storage(path):
            if pq.read_table(path, columns=["rule_id"], filters=of).num_rows:
                return earlier
    return night


def _of_source(engine: Engine, source: Source | None) -> str:
    """Return the condition for a file or line; a file that the book never read is refused."""
    name = quoted(source.name if source is not None else "")
    asked = f"c.file = {name} OR c.feed || '/' || c.file = {name}"
    if source is not None and _SHA.fullmatch(source.name):
        asked += f" OR starts_with(c.sha256, {name})"
    if not engine.fetch(f"SELECT c.file FROM every_file AS c WHERE {asked} LIMIT 1").num_rows:
        near = engine.fetch(f"SELECT feed, file FROM every_file ORDER BY levenshtein(file, {name}), file LIMIT 1")
        hint = f"; did you mean {near['feed'][0]}/{near['file'][0]}?" if near.num_rows else ""
        raise UsageError(
            "the file cannot be traced",
            why=f"no sealed night read a file of that name or SHA-256{hint}",
            next_step="name one of published/coverage.parquet",
        )
    at = f" AND t.line = {source.line}" if source is not None and source.line is not None else ""
    return f"({asked.replace('c.', 't.')}){at}"


def _open(engine: Engine, book: Book, night: date) -> None:
    """Make what the query reads: findings, the rows in force, files, entries."""
    open_sealed_cases(engine, book, night)
    open_states(engine, book)
    build_lineage(engine, night)
    engine.load("rule_feeds", rule_feeds())
    published = [book.folder(day) / "published" for day in book.sealed]
    engine.scan("every_file", [path / "coverage.parquet" for path in published], COVERAGE)
    engine.scan("every_event", [path / "case_events.parquet" for path in published], CASE_EVENTS)
    engine.load("entries", pa.Table.from_pylist(list(_entries(book)), schema=_ENTRIES))
    for name, select in _STEPS.items():
        engine.table(name, select)
    engine.table("rests_on", " UNION ".join(_ROLES_OF))


_ENTRIES = pa.schema([(name, pa.string()) for name in ("entry", "sha256", "label", "rule_id")])


def _entries(book: Book) -> Iterator[dict[str, str | None]]:
    """Yield the inbox entries that sealed nights took; of approvals the last one of each rule has the rule."""
    told = {name for night in book.sealed for name in book.manifests[night]["inbox"]}
    approved: dict[str, str] = {}
    entries = [entry for entry in taken(book) if entry.file_name in told]
    for entry in entries:
        if entry.kind == "rule_approval":
            approved[str(entry.body.get("folder", "")).split("_", 1)[0]] = entry.file_name
    for entry in entries:
        rules = [rule for rule, name in approved.items() if name == entry.file_name]
        yield {
            **{"entry": entry.file_name, "sha256": entry.sha256, "label": label(entry.sha256)},
            "rule_id": rules[0] if rules else None,
        }


# In this order: findings, the codes of their accounts, what those lead to, whose they are.
_STEPS: Final = {
    "found": """
        SELECT f.provider_code, f.account_code, f.subject, f.rule_id, f.verdict, f.notice_source, f.notice_id,
            c.case_id
        FROM sealed_findings AS f
        LEFT JOIN (
            SELECT provider_code, subject, case_id, row_number() OVER (
                PARTITION BY provider_code, subject ORDER BY episode DESC, case_id DESC
            ) AS age FROM sealed_cases
        ) AS c ON c.provider_code = f.provider_code AND c.subject = f.subject AND c.age = 1
    """,
    "own_codes": """
        SELECT h.provider_code, h.account_code, l.provider_code AS bank, l.account_code AS code
        FROM (SELECT DISTINCT provider_code, account_code FROM found WHERE account_code IS NOT NULL) AS h
        JOIN lineage AS l ON l.head_provider = h.provider_code AND l.head_code = h.account_code
        UNION
        SELECT DISTINCT provider_code, account_code, provider_code AS bank, account_code AS code
        FROM found WHERE account_code IS NOT NULL
    """,
    "account_links": """
        SELECT n.provider_code, n.account_code, n.is_debt,
            COALESCE(m.provider_code, n.to_provider) AS to_provider, COALESCE(m.account_code, n.to_code) AS to_code
        FROM (
            SELECT provider_code, account_code, TRUE AS is_debt,
                original_provider_code AS to_provider, original_account_code AS to_code
            FROM standing_accounts WHERE account_type = 'C1' AND original_account_code IS NOT NULL
            UNION ALL
            SELECT provider_code, account_code, FALSE AS is_debt,
                settlement_provider_code AS to_provider, settlement_account_code AS to_code
            FROM standing_accounts WHERE settlement_account_code IS NOT NULL
        ) AS n
        LEFT JOIN lineage AS l ON l.provider_code = n.to_provider AND l.account_code = n.to_code
        LEFT JOIN lineage AS m ON m.head_provider = l.head_provider AND m.head_code = l.head_code
    """,
    "linked_codes": """
        WITH RECURSIVE reached AS (
            SELECT provider_code, account_code, bank, code, TRUE AS is_debt FROM own_codes
            UNION
            SELECT r.provider_code, r.account_code, k.to_provider AS bank, k.to_code AS code,
                r.is_debt AND k.is_debt AS is_debt
            FROM reached AS r
            JOIN account_links AS k ON k.provider_code = r.bank AND k.account_code = r.code
            WHERE k.is_debt OR EXISTS (SELECT 1 FROM found AS f WHERE f.rule_id = 'R109'
                AND f.provider_code = r.provider_code AND f.account_code = r.account_code)
        )
        SELECT DISTINCT r.* FROM reached AS r WHERE NOT EXISTS (SELECT 1 FROM own_codes AS o
            WHERE o.provider_code = r.provider_code AND o.account_code = r.account_code
            AND o.bank = r.bank AND o.code = r.code)
    """,
    # Whose checks and openings count: the account's own, and those of the account that a debt comes from.
    "seen_codes": """
        SELECT provider_code, account_code, bank, code FROM own_codes
        UNION SELECT provider_code, account_code, bank, code FROM linked_codes WHERE is_debt
    """,
    "persons": """
        SELECT DISTINCT f.provider_code, f.subject, a.id_norm
        FROM found AS f
        JOIN own_codes AS o ON o.provider_code = f.provider_code AND o.account_code = f.account_code
        JOIN standing_accounts AS a ON a.provider_code = o.bank AND a.account_code = o.code
        UNION
        SELECT DISTINCT f.provider_code, f.subject, i.id_norm
        FROM found AS f
        JOIN standing_inquiries AS i ON i.provider_code = f.provider_code AND f.subject = 'inquiry:' || i.inquiry_id
    """,
    "handlers": """
        SELECT DISTINCT s.provider_code, s.account_code, p.handler_id_norm
        FROM seen_codes AS s
        JOIN standing_openings AS p ON p.provider_code = s.bank AND p.account_code = s.code
        WHERE p.handler_id_norm IS NOT NULL
    """,
}


def _role(role: str, feed: str, joins: str, place: str = "r.night, r.file, r.row, r.line") -> str:
    """Select the lines of one role: ``r`` is the row, ``f`` the finding."""
    return (
        "SELECT f.provider_code, f.subject, f.rule_id, f.notice_source, f.notice_id,"
        f" '{role}' AS role, '{feed}' AS feed, {place} FROM found AS f {joins}"
    )


_OWN = "o.provider_code = f.provider_code AND o.account_code = f.account_code"
_AT = "r.provider_code = o.bank AND r.account_code = o.code"
_PERSON = "JOIN persons AS p ON p.provider_code = f.provider_code AND p.subject = f.subject"
_CODED = "CAST(NULL AS BIGINT) AS row, CAST(NULL AS BIGINT) AS line"


def _reads(feed: str) -> str:
    return f"JOIN rule_feeds AS g ON g.rule_id = f.rule_id AND g.feed = '{feed}'"


_ROLES_OF: Final = (
    _role("account", "accounts", f"JOIN own_codes AS o ON {_OWN} JOIN standing_accounts AS r ON {_AT}"),
    _role("linked_account", "accounts", f"JOIN linked_codes AS o ON {_OWN} JOIN standing_accounts AS r ON {_AT}"),
    _role(
        "person_account",
        "accounts",
        f"{_PERSON} JOIN standing_accounts AS r ON r.id_norm = p.id_norm AND f.rule_id IN ('R302', 'R401', 'R402')"
        f" AND NOT EXISTS (SELECT 1 FROM own_codes AS o WHERE {_OWN} AND {_AT})",
    ),
    _role(
        "opening",
        "openings",
        f"{_reads('openings')} JOIN seen_codes AS o ON {_OWN} JOIN standing_openings AS r ON {_AT}",
    ),
    _role(
        "check",
        "verifications",
        f"{_reads('verifications')} JOIN seen_codes AS o ON {_OWN} JOIN standing_verifications AS r ON {_AT}",
    ),
    _role(
        "check",
        "verifications",
        f"{_reads('verifications')} JOIN seen_codes AS o ON {_OWN}"
        " JOIN standing_openings AS s ON s.provider_code = o.bank AND s.account_code = o.code"
        " JOIN standing_verifications AS r ON r.provider_code = s.provider_code AND r.session_id = s.session_id",
    ),
    *(
        _role(
            "notice",
            feed,
            f"JOIN standing_{feed} AS r ON f.notice_source = '{feed}' AND f.notice_id = r.{key}",
        )
        for feed, key in (("loss_reports", "report_no"), ("invalid_cards", "event_id"))
    ),
    *(
        _role(
            "registry",
            feed,
            f"{_PERSON} JOIN standing_{feed} AS r ON r.id_norm = p.id_norm AND r.id_status <> 'bad_form'"
            f" AND (f.notice_id IS NOT NULL OR (f.rule_id = 'R302' AND '{feed}' = 'invalid_cards'))"
            f" AND NOT (COALESCE(f.notice_source, '') = '{feed}' AND COALESCE(f.notice_id, '') = r.{key})",
        )
        for feed, key in (("loss_reports", "report_no"), ("invalid_cards", "event_id"))
    ),
    _role(
        "issuance",
        "issuances",
        f"{_reads('issuances')} {_PERSON} JOIN standing_issuances AS r ON r.id_norm = p.id_norm"
        " AND f.notice_id IS NOT NULL",
    ),
    _role(
        "alert",
        "fraud_alerts",
        f"{_PERSON} JOIN standing_fraud_alerts AS r ON r.id_norm = p.id_norm AND f.rule_id = 'R204'",
    ),
    _role(
        "impostor",
        "impostors",
        f"JOIN handlers AS o ON {_OWN} AND f.rule_id = 'R203'"
        " JOIN standing_impostors AS r ON r.id_norm = o.handler_id_norm",
    ),
    _role(
        "inquiry",
        "inquiries",
        "JOIN standing_inquiries AS r ON r.provider_code = f.provider_code AND f.subject = 'inquiry:' || r.inquiry_id",
    ),
    _role(
        "rename",
        "account_renames",
        f"JOIN own_codes AS o ON {_OWN} JOIN standing_account_renames AS r ON (r.provider_code = o.bank"
        " AND r.old_account_code = o.code) OR (COALESCE(r.new_provider_code, r.provider_code) = o.bank"
        " AND r.new_account_code = o.code)",
    ),
    _role(
        "coverage",
        "issuances",
        "JOIN standing_full_deliveries AS r ON r.feed = 'issuances' AND r.all_regions AND f.rule_id = 'R102'",
        f"r.night, r.file, {_CODED}",
    ),
    _role(
        "coverage",
        "verifications",
        "JOIN standing_sheet_facts AS s ON s.provider_code = f.provider_code AND s.subject = f.subject"
        " AND s.rule_id = f.rule_id JOIN standing_full_deliveries AS r ON r.feed = 'verifications'"
        " AND s.covered_by = CAST(r.night AS VARCHAR) || '/' || r.file",
        f"r.night, r.file, {_CODED}",
    ),
)

# One query for both ways. A corrected row is of an inbox entry; an approval and an answer are entries themselves.
_TRACED: Final = """
    SELECT t.* FROM (
        SELECT f.case_id, f.provider_code, f.account_code, f.subject, f.rule_id, f.verdict, f.notice_source,
            f.notice_id, r.role, r.feed, r.night, r.file, r.row, r.line, COALESCE(e.sha256, c.sha256) AS sha256, e.entry
        FROM found AS f
        JOIN rests_on AS r ON r.provider_code = f.provider_code AND r.subject = f.subject AND r.rule_id = f.rule_id
            AND r.notice_source IS NOT DISTINCT FROM f.notice_source AND r.notice_id IS NOT DISTINCT FROM f.notice_id
        LEFT JOIN every_file AS c ON c.night = r.night AND c.feed = r.feed AND c.file = r.file
        LEFT JOIN entries AS e ON e.label = r.file
        UNION ALL
        SELECT f.case_id, f.provider_code, f.account_code, f.subject, f.rule_id, f.verdict, f.notice_source,
            f.notice_id, 'rule_text', NULL, NULL, NULL, NULL, NULL, e.sha256, e.entry
        FROM found AS f JOIN entries AS e ON e.rule_id = f.rule_id
        UNION ALL
        SELECT DISTINCT f.case_id, f.provider_code, f.account_code, f.subject, f.rule_id, f.verdict, f.notice_source,
            f.notice_id, 'answer', NULL, v.night, NULL, CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), e.sha256, e.entry
        FROM found AS f JOIN every_event AS v ON v.case_id = f.case_id AND v.event = 'answered'
        JOIN entries AS e ON contains(v.proof, e.entry)
    ) AS t
"""
