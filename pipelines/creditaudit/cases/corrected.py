"""Proofs that an account was corrected and stays: another person's number, or a new value (SPEC 8.3, outcomes 1, 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.proof_state import CASE_BASELINES
from creditaudit.cases.history import open_then
from creditaudit.cases.proof_rows import case_rows
from creditaudit.cases.rests_on import OWN_DAY, RESTS_ON, RESTS_ON_OPENING
from creditaudit.tables import FINDINGS

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

# Delivered column to SQL that is TRUE where the row (r) certainly has another value than the baseline (b).
_CHANGED: dict[str, str] = {
    "id_number": "r.id_status = 'ok' AND r.id_norm IS DISTINCT FROM b.id_norm",
    "name": "COALESCE(r.name_known, FALSE) AND r.name_norm IS DISTINCT FROM b.name_norm",
    **{
        name: f"r.{name} IS DISTINCT FROM b.{name}"
        for name in (*("id_type", "settlement_provider_code", "settlement_account_code"),)
    },
    # Findings ask for the original of a bought debt alone, and for the type where it says which moment counts.
    **{
        name: f"r.{name} IS DISTINCT FROM b.{name} AND (r.account_type = 'C1' OR b.account_type = 'C1')"
        for name in ("original_provider_code", "original_account_code")
    },
    "account_type": "r.account_type IS DISTINCT FROM b.account_type"
    " AND (r.account_type IN ('C1', 'R4') OR b.account_type IN ('C1', 'R4'))",
    # An instant told more or less exactly is no new one.
    "opened_at": "COALESCE(r.opened_from > b.opened_to OR r.opened_to < b.opened_from, FALSE)",
    # An agreement counts as the moment: one on the day that counted before changes nothing.
    "agreement_at": "((r.agreement_from IS NULL) <> (b.agreement_from IS NULL)"
    " OR r.agreement_from > b.agreement_to OR r.agreement_to < b.agreement_from) AND ("
    "(b.account_type = 'R4' AND b.agreement_from IS NULL)"
    " OR COALESCE(r.agreement_from, r.opened_from) > COALESCE(b.agreement_to, b.opened_to)"
    " OR COALESCE(r.agreement_to, r.opened_to) < COALESCE(b.agreement_from, b.opened_from))",
}

# The same for an old value that is there again: only what is known to be the old one.
_RESTORED = {
    **{name: f"NOT ({changed})" for name, changed in _CHANGED.items()},
    "id_number": "r.id_norm IS NOT DISTINCT FROM b.id_norm",
    "name": "COALESCE(r.name_known, FALSE) AND r.name_norm IS NOT DISTINCT FROM b.name_norm",
}


def prove_number(engine: Engine) -> None:
    """Make ``sound_numbers`` (case_id, episode, sha256s, files): tonight's rows have another person's number (1).

    Every row of the account that was delivered tonight has it, and so has the row in force, which is one of them.
    """
    engine.table(
        "sound_numbers",
        f"""
        SELECT p.case_id, p.episode, {_PROVING_FILES}
        FROM proof_cases AS p
        JOIN held_tonight AS h ON h.case_id = p.case_id
        JOIN case_rows AS r ON r.case_id = p.case_id
        WHERE NOT p.is_verified AND p.outcome = '1' AND p.id_norm IS NOT NULL
            AND r.id_status = 'ok' AND r.id_norm <> p.id_norm
        GROUP BY p.case_id, p.episode, r.provider_code, r.account_code
        HAVING bool_and(h.id_status = 'ok' AND h.id_norm <> p.id_norm)
            AND bool_or(h.provider_code = r.provider_code AND h.account_code = r.account_code)
        """,
    )


_PROVING_FILES = (
    "string_agg(DISTINCT h.sha256, ';' ORDER BY h.sha256) AS sha256s,"
    " string_agg(DISTINCT h.file, ';' ORDER BY h.file) AS files"
)


def prove_values(engine: Engine, night: date) -> None:
    """Make ``sound_values`` (case_id, episode, column_name, sha256s, files): a column has a new value tonight (3).

    Of the account's own row, where it is delivered tonight; and of the first opening, where the account or that opening
    is delivered tonight.
    """
    engine.table(
        "sound_values",
        f"""
        SELECT p.case_id, p.episode, v.column_name, {_PROVING_FILES}
        FROM proof_cases AS p
        JOIN ({compared("FALSE")}) AS v ON v.case_id = p.case_id AND v.episode = p.episode AND v.is_new
        JOIN held_tonight AS h ON h.case_id = p.case_id
            AND h.provider_code = v.provider_code AND h.account_code = v.account_code
        WHERE NOT p.is_verified AND p.outcome = '3'
        GROUP BY p.case_id, p.episode, v.column_name
        UNION ALL
        SELECT o.case_id, o.episode, o.column_name, {_PROVING_FILES}
        FROM ({_OPENED}) AS o
        JOIN (
            SELECT case_id, file, sha256 FROM held_tonight
            UNION ALL SELECT k.case_id, s.file, 'opening' AS sha256 FROM standing_openings AS s
            JOIN proof_codes AS k ON k.provider_code = s.provider_code AND k.account_code = s.account_code
            WHERE s.night = DATE '{night.isoformat()}'
        ) AS h ON h.case_id = o.case_id
        GROUP BY o.case_id, o.episode, o.column_name
        """,
    )


# The first accepted opening judges (SPEC 3.3). Where none was known when the findings stood, it says what was missing:
# which card was shown, or that none was.
_OPENED = """
    SELECT f.case_id, f.episode, f.column_name FROM (
        SELECT b.case_id, b.episode, b.rests_on,
            CASE WHEN s.document_kind = 'other' THEN 'document_kind'
                WHEN s.card_valid_from IS NOT NULL THEN 'card_valid_from' END AS column_name,
            row_number() OVER (PARTITION BY b.case_id ORDER BY s.night, s.provider_code, s.account_code) AS place
        FROM every_baseline AS b
        JOIN proof_cases AS p ON p.case_id = b.case_id AND p.episode = b.episode
            AND NOT p.is_verified AND p.outcome = '3'
        JOIN proof_codes AS k ON k.case_id = b.case_id
        JOIN standing_openings AS s ON s.provider_code = k.provider_code AND s.account_code = k.account_code
    ) AS f
    WHERE f.place = 1 AND f.column_name IS NOT NULL AND instr(';' || f.rests_on || ';', ';' || f.column_name || ';') > 0
"""


def compared(otherwise: str) -> str:
    """Select case_id, episode, provider_code, account_code, column_name, is_new, is_old of the row in force.

    ``otherwise`` is what ``is_new`` is where a column is not compared.
    """
    parts = [
        f"SELECT b.case_id, b.episode, r.provider_code, r.account_code, '{name}' AS column_name,"
        f" COALESCE({changed}, {otherwise}) AS is_new, COALESCE({_RESTORED[name]}, FALSE) AS is_old"
        " FROM every_baseline AS b JOIN case_rows AS r ON r.case_id = b.case_id"
        f" WHERE instr(';' || b.rests_on || ';', ';{name};') > 0"
        for name, changed in _CHANGED.items()
    ]
    return " UNION ALL ".join(parts)


def open_baselines(engine: Engine, book: Book, night: date) -> pa.Table:
    """Make ``every_baseline``: on which values the findings of each case with outcome 3 rest.

    They are those in force on the last night, up to the one that took the answer, on which the case had findings. Where
    that night's rows were removed, or there were never findings, ``rests_on`` is NULL, and nothing can be proven.

    Returns
    -------
    pyarrow.Table
        The baselines that are new tonight, schema ``CASE_BASELINES``.
    """
    engine.table(
        "asked_baselines",
        "SELECT p.* FROM proof_cases AS p WHERE NOT p.is_verified AND p.outcome = '3' AND NOT EXISTS"
        " (SELECT 1 FROM standing_case_baselines AS b"
        " WHERE b.case_id = p.case_id AND b.episode = p.episode AND b.taken_on = p.taken_on)",
    )
    stood = _stood(engine, book)
    fresh = [_made(engine, book, night, day, stood) for day in sorted({day for day, _ in stood.values()}, key=str)]
    table = pa.concat_tables([CASE_BASELINES.schema.empty_table(), *fresh])
    table = table.sort_by([("case_id", "ascending"), ("episode", "ascending")])
    engine.load("fresh_baselines", table)
    engine.table(
        "every_baseline",
        "SELECT * FROM fresh_baselines UNION ALL SELECT b.* FROM standing_case_baselines AS b WHERE NOT EXISTS"
        " (SELECT 1 FROM fresh_baselines AS f WHERE f.case_id = b.case_id AND f.episode = b.episode)",
    )
    engine.drop("asked_baselines", "fresh_baselines")
    return table


def _stood(engine: Engine, book: Book) -> dict[str, tuple[date | None, tuple[str, ...]]]:
    """Return, per case that is asked for, the last night of its findings and their rules; (None, ()): never any."""
    asked = engine.fetch("SELECT case_id, opened_on, taken_on FROM asked_baselines ORDER BY case_id").to_pylist()
    found: dict[str, tuple[date | None, tuple[str, ...]]] = {}
    for day in reversed(book.sealed):
        open_ones = [
            a["case_id"] for a in asked if a["opened_on"] <= day <= a["taken_on"] and a["case_id"] not in found
        ]
        if not open_ones:
            continue
        engine.scan("findings_then", [book.folder(day) / "published" / "findings.parquet"], FINDINGS)
        rows = engine.fetch(
            "SELECT DISTINCT c.case_id, f.rule_id FROM findings_then AS f JOIN proof_codes AS c"
            " ON c.provider_code = f.provider_code AND c.account_code = f.account_code ORDER BY c.case_id, f.rule_id"
        ).to_pylist()
        for case in open_ones:
            if rules := tuple(r["rule_id"] for r in rows if r["case_id"] == case):
                found[case] = (day, rules)
    return {a["case_id"]: found.get(a["case_id"], (None, ())) for a in asked}


def _made(
    engine: Engine,
    book: Book,
    night: date,
    day: date | None,
    stood: dict[str, tuple[date | None, tuple[str, ...]]],
) -> pa.Table:
    """Return the baselines of the cases whose findings last stood on a night."""
    cases = sorted(case for case, (then, _) in stood.items() if then == day)
    listed = pa.table({"case_id": cases}, schema=pa.schema([("case_id", pa.string())]))
    engine.load("cases_then", listed)
    engine.table("codes_then", "SELECT c.* FROM proof_codes AS c JOIN cases_then AS t ON t.case_id = c.case_id")
    is_known = day is not None and open_then(engine, book, day)
    accounts = "accounts_then" if is_known else "(SELECT * FROM standing_accounts WHERE 1 = 0)"
    names = [n for n in CASE_BASELINES.schema.names if n not in {"night", "case_id", "episode", "taken_on"}]
    values = ", ".join(f"r.{name}" for name in names if name not in {"stood_on", "rests_on"})
    rows = engine.fetch(
        f"SELECT p.case_id, p.episode, p.taken_on, {values} FROM asked_baselines AS p"
        " JOIN cases_then AS t ON t.case_id = p.case_id"
        f" LEFT JOIN ({case_rows(accounts, 'codes_then')}) AS r ON r.case_id = p.case_id ORDER BY p.case_id"
    ).to_pylist()
    opened = _opened_then(engine, book, day) if is_known and day is not None else set()
    for row in rows:
        row["night"], row["stood_on"] = night, day
        has_opening = row["case_id"] in opened
        columns = _columns(stood[row["case_id"]][1], row, has_opening=has_opening) if is_known else []
        row["rests_on"] = ";".join(columns) or None
    engine.drop("cases_then", "codes_then")
    return pa.Table.from_pylist(rows, schema=CASE_BASELINES.schema)


def _opened_then(engine: Engine, book: Book, day: date) -> set[str]:
    """Return the cases of ``codes_then`` whose account had an opening as of a sealed night, or may have had one."""
    is_known = open_then(engine, book, day, "openings")
    had = (
        " JOIN openings_then AS o ON o.provider_code = c.provider_code AND o.account_code = c.account_code"
        if is_known
        else ""
    )
    return set(engine.fetch(f"SELECT DISTINCT c.case_id FROM codes_then AS c{had}")["case_id"].to_pylist())


def _columns(rules: tuple[str, ...], row: dict[str, object], *, has_opening: bool) -> list[str]:
    """Return the columns on which findings of these rules rest, for an account with such a row."""
    found = {column for rule in rules for column in RESTS_ON.get(rule, ())}
    if not has_opening and row["account_type"] != "C1":  # of a bought debt the original's opening judges
        found |= {column for rule in rules for column in RESTS_ON_OPENING.get(rule, ())}
    if not OWN_DAY & set(rules):
        if row["account_type"] == "C1":
            found -= {"opened_at", "agreement_at"}  # its moment is that of its original
        elif row["agreement_from"] is not None:
            found -= {"opened_at"}  # its moment is that of the agreement
    return sorted(found)
