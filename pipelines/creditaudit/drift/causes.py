"""What caused each change: the nearest causes first, and where there is none of those, what else came that night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from creditaudit.audit.findings import in_order
from creditaudit.drift.value import CAUSED
from creditaudit.fault.grid import VERDICTS

if TYPE_CHECKING:
    import pyarrow as pa

    from creditaudit.engines import Engine

_LANE: Final = ", ".join(f"'{rule}'" for rule in VERDICTS)
# Rules that count groups of institutions; chains go by them where a debt names no original.
_BY_GROUP: Final = "'R109', 'R302', 'R401', 'R402'"
# Rules that look at other accounts than the finding's: one that is judged no more changes them, too.
_BY_OTHERS: Final = _BY_GROUP
_CHAINED_FROM: Final = "'R101', 'R102', 'R107'"

_NO_ROW: Final = "NULL AS role, NULL AS feed, NULL AS file, NULL AS row, NULL AS line"


def _cells(row: str, entry: str = "NULL") -> str:
    return f"{row}.cause, {row}.role, {row}.feed, {row}.file, {row}.row, {row}.line, NULL AS sha256, {entry} AS entry"


_SUBJECTS: Final = "JOIN matter_subjects AS m ON m.matter = f.matter"
_HERE: Final = "t.provider_code = m.provider_code AND t.subject = m.subject AND t.night = f.night"
_SAME: Final = """t.provider_code = f.provider_code AND t.subject = f.subject AND t.rule_id = f.rule_id
    AND t.notice_source IS NOT DISTINCT FROM f.notice_source AND t.notice_id IS NOT DISTINCT FROM f.notice_id
    AND t.night = f.night"""
_BANKS: Final = (
    f"{_SUBJECTS} JOIN own_codes AS o ON o.provider_code = m.provider_code AND o.account_code = m.account_code"
)
_OF_CHECKS: Final = "(f.kind = 'fault' OR f.rule_id = 'R202')"

# Each gives change, night, cause, role, feed, file, row, line, sha256, entry, detail.
_NEAREST: Final = (
    # Rows on which the finding rests, and those of the findings on which a case's fault or move hangs.
    f"SELECT f.change, f.night, {_cells('t')}, t.detail FROM flips AS f JOIN touch AS t ON {_SAME}"
    " WHERE f.kind = 'verdict'",
    f"SELECT f.change, f.night, {_cells('t')}, t.detail FROM flips AS f {_SUBJECTS} JOIN touch AS t ON {_HERE}"
    " WHERE f.kind <> 'verdict' AND f.by_evidence"
    f" AND (f.kind = 'state' OR f.was IS NULL OR t.rule_id IN ({_LANE}))",
    # Full files: of issuances for R102, of checks for what was or was not performed; and what they could not hold.
    "SELECT f.change, f.night, 'full_file' AS cause, t.role, t.feed, t.file, NULL AS row, NULL AS line,"
    " NULL AS sha256, NULL AS entry, NULL AS detail FROM flips AS f"
    f" {_SUBJECTS} JOIN rests_on AS t ON {_HERE} AND t.role = 'coverage' AND t.feed = 'issuances'"
    " WHERE f.by_evidence AND COALESCE(f.rule_id = 'R102', TRUE)",
    "SELECT f.change, f.night, 'full_file' AS cause, 'coverage' AS role, d.feed, d.file, NULL AS row, NULL AS line,"
    f" NULL AS sha256, NULL AS entry, 'by the account that a chain leads to' AS detail FROM flips AS f {_SUBJECTS}"
    " JOIN found AS t ON t.provider_code = m.provider_code AND t.subject = m.subject AND t.rule_id = 'R109'"
    " JOIN standing_full_deliveries AS d ON d.feed = 'issuances' AND d.all_regions AND d.night = f.night"
    " WHERE f.by_evidence AND COALESCE(f.rule_id = 'R109', TRUE) AND EXISTS (SELECT 1 FROM reach_codes AS n"
    " JOIN all_findings AS g ON g.provider_code = n.bank AND g.account_code = n.code AND g.rule_id = 'R102'"
    " WHERE n.provider_code = m.provider_code AND n.subject = m.subject AND g.night IN (f.night, f.night_before))",
    "SELECT f.change, f.night, 'full_file' AS cause, 'coverage' AS role, d.feed, d.file, NULL AS row, NULL AS line,"
    f" NULL AS sha256, NULL AS entry, NULL AS detail FROM flips AS f {_BANKS}"
    " JOIN standing_full_deliveries AS d ON d.feed = 'verifications' AND d.provider_code = o.bank"
    f" AND d.night = f.night WHERE {_OF_CHECKS}",
    "SELECT f.change, f.night, 'row_quarantined' AS cause, 'check' AS role, 'verifications' AS feed, g.file, g.row,"
    f" NULL AS line, NULL AS sha256, NULL AS entry, NULL AS detail FROM flips AS f {_BANKS}"
    " JOIN standing_check_gaps AS g ON g.night = f.night AND (g.is_unsplit OR g.account_code = o.code OR EXISTS"
    " (SELECT 1 FROM standing_openings AS s WHERE s.provider_code = o.bank AND s.account_code = o.code"
    f" AND s.session_id = g.session_id)) WHERE {_OF_CHECKS}",
    # What else judges.
    f"SELECT f.change, f.night, w.cause, {_NO_ROW}, w.sha256, w.entry, concat_ws(' ', w.about, w.detail) AS detail"
    " FROM flips AS f JOIN world AS w ON w.night = f.night AND w.cause IN ('rule_text', 'rule_dates')"
    " WHERE f.by_evidence AND CASE WHEN f.kind = 'verdict' THEN w.about = f.rule_id"
    f" OR (f.rule_id = 'R109' AND w.about IN ({_CHAINED_FROM}))"
    f" ELSE EXISTS (SELECT 1 FROM matter_subjects AS m JOIN found AS t ON t.provider_code = m.provider_code"
    " AND t.subject = m.subject WHERE m.matter = f.matter AND t.rule_id = w.about) END",
    f"SELECT f.change, f.night, w.cause, {_NO_ROW}, w.sha256, w.entry, w.detail FROM flips AS f"
    " JOIN world AS w ON w.night = f.night AND w.cause IN ('table', 'table_dates') WHERE CASE w.about"
    " WHEN 'duties' THEN f.kind = 'fault' AND f.has_other_duty"
    f" WHEN 'institutions' THEN (f.kind = 'fault' AND f.has_other_duty) OR COALESCE(f.rule_id IN ({_BY_GROUP}), FALSE)"
    " WHEN 'recipients' THEN f.kind = 'state' AND f.now = 'sent' AND f.was IS NOT NULL ELSE FALSE END",
    f"SELECT f.change, f.night, w.cause, {_NO_ROW}, w.sha256, w.entry, w.detail FROM flips AS f"
    " JOIN world AS w ON w.night = f.night AND w.cause = 'program' WHERE f.by_evidence",
    # The date alone.
    f"SELECT f.change, f.night, 'date' AS cause, {_NO_ROW}, NULL AS sha256, NULL AS entry,"
    " 'records need not be kept any more' AS detail FROM flips AS f WHERE f.kind = 'fault' AND f.is_retained_no_more"
    f" AND NOT EXISTS (SELECT 1 FROM matter_subjects AS m JOIN touch AS t ON {_HERE} AND t.feed = 'accounts'"
    " WHERE m.matter = f.matter)",
    "SELECT f.change, f.night, 'date' AS cause, 'rename' AS role, 'account_renames' AS feed, r.file, r.row, r.line,"
    " NULL AS sha256, NULL AS entry, 'in force from ' || CAST(r.effective_on AS VARCHAR) AS detail"
    f" FROM flips AS f {_SUBJECTS} JOIN rests_on AS t ON t.provider_code = m.provider_code AND t.subject = m.subject"
    " AND t.role = 'rename' JOIN standing_account_renames AS r ON r.night = t.night AND r.file = t.file"
    " AND r.row = t.row WHERE f.by_evidence AND r.night < f.night AND r.effective_on <= f.night"
    " AND r.effective_on > f.night_before",
    "SELECT f.change, f.night, 'date' AS cause, 'inquiry' AS role, 'inquiries' AS feed, r.file, r.row, r.line,"
    " NULL AS sha256, NULL AS entry, 'waited ' || CAST(w.days AS VARCHAR) || ' days for its account' AS detail"
    f" FROM flips AS f {_SUBJECTS} JOIN standing_inquiries AS r ON r.provider_code = m.provider_code"
    " AND m.subject = 'inquiry:' || r.inquiry_id JOIN waits AS w ON w.night = f.night"
    " AND CAST(r.inquired_from AS DATE) + CAST(w.days AS INTEGER) < f.night"
    " AND CAST(r.inquired_to AS DATE) + CAST(w.days AS INTEGER) >= f.night_before WHERE f.by_evidence",
    # Accounts that are judged no more, or again.
    f"SELECT f.change, f.night, CASE WHEN a.is_absent THEN 'proof' ELSE 'returned' END AS cause, {_NO_ROW},"
    " NULL AS sha256, NULL AS entry, CASE WHEN a.is_absent THEN 'judged no more: absence proven, case '"
    " ELSE 'judged again: delivered again, case ' END || a.case_id AS detail"
    f" FROM flips AS f {_SUBJECTS} JOIN reach_codes AS n ON n.provider_code = m.provider_code AND n.subject = m.subject"
    " JOIN standing_absent_accounts AS a ON a.provider_code = n.bank AND a.account_code = n.code"
    " AND a.night = CASE WHEN a.is_absent THEN f.night_before ELSE f.night END"
    " WHERE f.by_evidence AND f.now IS DISTINCT FROM 'reappeared'"
    f" AND (COALESCE(f.rule_id IN ({_BY_OTHERS}), FALSE) OR EXISTS (SELECT 1 FROM own_codes AS o"
    " WHERE o.provider_code = m.provider_code AND o.account_code = m.account_code AND o.bank = n.bank"
    " AND o.code = n.code))",
    # What moved the case itself.
    f"SELECT e.change, e.night, 'answer' AS cause, {_NO_ROW}, i.sha256, i.entry, split_part(e.proof, ' (', 1) AS detail"
    " FROM flip_events AS e JOIN entries AS i ON contains(e.proof, i.entry) WHERE e.event = 'answered'",
    f"SELECT e.change, e.night, CASE e.event WHEN 'overdue' THEN 'date' ELSE 'joined' END AS cause, {_NO_ROW},"
    " NULL AS sha256, NULL AS entry, e.proof AS detail FROM flip_events AS e WHERE e.event IN ('overdue', 'joined')",
    "SELECT e.change, e.night, 'proof' AS cause, NULL AS role, 'accounts' AS feed, p.file, NULL AS row, NULL AS line,"
    " p.sha256, NULL AS entry, e.proof AS detail FROM flip_events AS e JOIN flips AS f ON f.change = e.change"
    " AND f.night = e.night JOIN proof_files AS p ON p.case_id = f.case_id AND p.episode = f.episode"
    " AND p.night <= e.night WHERE e.event = 'verified'",
    # A residual is opened by the proof of the case that it follows: its rows may be of an earlier night.
    "SELECT f.change, f.night, 'proof' AS cause, NULL AS role, 'accounts' AS feed, p.file, NULL AS row, NULL AS line,"
    " p.sha256, NULL AS entry, 'what is left of case ' || e.case_id || ', verified: ' || e.proof AS detail"
    " FROM flips AS f JOIN all_cases AS k ON k.night = f.night AND k.case_id = f.case_id AND k.episode = f.episode"
    " JOIN all_events AS e ON e.case_id = k.follows AND e.night = f.night AND e.event = 'verified'"
    " JOIN proof_files AS p ON p.case_id = e.case_id AND p.episode = e.episode AND p.night <= e.night"
    " WHERE f.kind <> 'verdict' AND f.was IS NULL",
    f"SELECT e.change, e.night, 'returned' AS cause, {_NO_ROW}, NULL AS sha256, NULL AS entry, e.proof AS detail"
    " FROM flip_events AS e WHERE e.event = 'reappeared' OR (e.event = 'opened' AND starts_with(e.proof, 'returned:'))",
    f"SELECT f.change, f.night, {_cells('t')}, t.detail FROM (SELECT *, 'returned' AS role FROM near) AS t"
    f" JOIN matter_subjects AS m ON t.provider_code = m.provider_code AND t.subject = m.subject"
    " JOIN flips AS f ON f.matter = m.matter AND f.night = t.night JOIN flip_events AS e ON e.change = f.change"
    " AND e.night = f.night AND e.event = 'reappeared' WHERE t.feed = 'accounts'",
    "SELECT e.change, e.night, 'report' AS cause, NULL AS role, NULL AS feed,"
    " 'reports/' || s.recipient || '/' || s.file AS file, NULL AS row, NULL AS line, NULL AS sha256, NULL AS entry,"
    " 'row_token ' || s.row_token AS detail FROM flip_events AS e JOIN flips AS f ON f.change = e.change"
    " AND f.night = e.night JOIN sent_rows AS s ON s.case_id = f.case_id AND s.night = e.night"
    " AND s.file = 'exceptions.csv' WHERE e.event = 'sent'",
    # Rows that were taken back with their file, and proofs.
    f"SELECT e.change, e.night, 'recall' AS cause, {_NO_ROW}, w.file_sha256 AS sha256, w.entry, e.proof AS detail"
    " FROM flip_events AS e JOIN recalled AS w ON w.night = e.night WHERE e.event = 'proof_recalled'",
    "SELECT f.change, f.night, 'recall' AS cause, t.role, t.feed, t.file, t.row, t.line, w.file_sha256 AS sha256,"
    f" w.entry, w.detail FROM flips AS f {_SUBJECTS} JOIN rests_on AS t ON t.provider_code = m.provider_code"
    " AND t.subject = m.subject JOIN every_file AS c ON c.night = t.night AND c.feed = t.feed AND c.file = t.file"
    " JOIN recalled AS w ON w.night = f.night AND w.file_sha256 = c.sha256"
    " WHERE f.kind <> 'verdict' OR (t.rule_id = f.rule_id AND t.notice_id IS NOT DISTINCT FROM f.notice_id)",
)

# Where nothing of those is there: everything that came on that night to anybody in reach, then to the house.
_FURTHER: Final = (
    "SELECT f.change, f.night, 'date' AS cause, 'related' AS role, 'account_renames' AS feed, r.file, r.row, r.line,"
    " NULL AS sha256, NULL AS entry, 'in force from ' || CAST(r.effective_on AS VARCHAR) AS detail"
    f" FROM unexplained AS f {_SUBJECTS} JOIN reach_codes AS n ON n.provider_code = m.provider_code"
    " AND n.subject = m.subject JOIN standing_account_renames AS r ON r.effective_on <= f.night"
    " AND r.effective_on > f.night_before AND ((r.provider_code = n.bank AND r.old_account_code = n.code)"
    " OR (COALESCE(r.new_provider_code, r.provider_code) = n.bank AND r.new_account_code = n.code))",
    f"SELECT f.change, f.night, t.cause, 'related' AS role, t.feed, t.file, t.row, t.line, NULL AS sha256,"
    f" NULL AS entry, t.detail FROM unexplained AS f {_SUBJECTS} JOIN near AS t ON {_HERE}",
)
_HOUSE: Final = (
    f"SELECT f.change, f.night, w.cause, {_NO_ROW}, w.sha256, w.entry, concat_ws(' ', w.about, w.detail) AS detail"
    " FROM unexplained AS f JOIN world AS w ON w.night = f.night AND COALESCE(w.about, '') <> 'remedies'",
)
_UNNAMED: Final = f"""
    SELECT f.change, f.night, 'unnamed' AS cause, {_NO_ROW}, NULL AS sha256, NULL AS entry,
        'could not be named because nothing that night has to do with it as far as the book keeps: no row of its'
        || ' account, person or notice, no text, table, decision, program or date' AS detail
    FROM unexplained AS f
"""
_NAMES: Final = tuple(CAUSED.names)


def find_causes(engine: Engine) -> pa.Table:
    """Return why each change is one (schema ``CAUSED``, sorted by its columns); every change has a row at least.

    Reads what :mod:`creditaudit.drift.between` and :mod:`creditaudit.drift.rows` make, ``world``, ``recalled`` (night,
    file_sha256, entry, detail), ``entries`` (entry, sha256, label), ``every_file`` (night, feed, file, sha256) and
    ``sent_rows``, and ``waits`` (night, days: how long a rule of that night waits for an account).
    """
    engine.table("proof_files", _PROOF_FILES)
    engine.table("named", " UNION ".join(_NEAREST))
    for further in (_FURTHER, _HOUSE, (_UNNAMED,)):
        engine.table(
            "unexplained",
            "SELECT f.* FROM flips AS f WHERE NOT EXISTS"
            " (SELECT 1 FROM named AS n WHERE n.change = f.change AND n.night = f.night)",
        )
        engine.table("named", " UNION ".join(("SELECT * FROM named", *further)))
    columns = ", ".join(f"n.{name}" for name in _NAMES if name not in {"sha256", "entry"})
    found = engine.fetch(
        f"SELECT DISTINCT {columns}, COALESCE(n.sha256, i.sha256, c.sha256) AS sha256,"
        " COALESCE(n.entry, i.entry) AS entry FROM named AS n"
        " LEFT JOIN every_file AS c ON c.night = n.night AND c.feed = n.feed AND c.file = n.file"
        " LEFT JOIN entries AS i ON i.label = n.file"
    )
    return in_order(found.select(_NAMES).cast(CAUSED), _NAMES)


# The files of every proof that holds, each with its hash.
_PROOF_FILES: Final = """
    SELECT p.case_id, p.episode, p.night, p.file, c.sha256 FROM (
        SELECT case_id, episode, night, unnest(string_split(files, ';')) AS file FROM standing_case_proofs
        WHERE NOT is_void
    ) AS p LEFT JOIN every_file AS c ON c.night = p.night AND c.feed = 'accounts' AND c.file = p.file
"""
