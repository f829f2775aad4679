"""What earlier nights knew of an account: looked up only where a proof hangs on it (SPEC 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.book.proof_state import HELD_SCOPES
from creditaudit.book.state import open_state
from creditaudit.errors import UsageError
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

_ACCOUNTS = FEEDS["accounts"].schema


def open_then(engine: Engine, book: Book, night: date, feed: str = "accounts") -> bool:
    """Name ``<feed>_then``, the rows of a feed in force as of a sealed night; FALSE where they were removed since."""
    try:
        open_state(engine, book.then(night), feed, f"{feed}_then")
    except UsageError:  # removed by decision: what is not known proves nothing, and whoever asked says so
        return False
    return True


def drop_known(engine: Engine, book: Book, suspects: str) -> None:
    """Leave in a table of suspects (case_id, provider_code, account_code, opened_on) those first seen after that night.

    One that was known then under another code of its lineage is none: a new code makes no new account. Where the book
    does not know any more what it knew then, a suspect counts as new.
    """
    days = engine.fetch(f"SELECT DISTINCT opened_on FROM {suspects} ORDER BY opened_on")["opened_on"].to_pylist()
    for day in days:
        sealed = [night for night in book.sealed if night <= day]
        if sealed and open_then(engine, book, sealed[-1]):
            engine.table(
                suspects,
                f"SELECT s.* FROM {suspects} AS s WHERE s.opened_on <> DATE '{day.isoformat()}' OR NOT EXISTS"
                f" (SELECT 1 FROM ({_EVERY_CODE.format(suspects=suspects)}) AS e JOIN accounts_then AS a"
                " ON a.provider_code = e.known_provider AND a.account_code = e.known_code"
                " WHERE e.provider_code = s.provider_code AND e.account_code = s.account_code)",
            )


# Each suspect under each code that it went by.
_EVERY_CODE = """
    SELECT provider_code, account_code, provider_code AS known_provider, account_code AS known_code FROM {suspects}
    UNION
    SELECT s.provider_code, s.account_code, o.provider_code AS known_provider, o.account_code AS known_code
    FROM {suspects} AS s
    JOIN lineage AS l ON l.provider_code = s.provider_code AND l.account_code = s.account_code
    JOIN lineage AS o ON o.head_provider = l.head_provider AND o.head_code = l.head_code
"""


def open_held(engine: Engine, book: Book, night: date) -> pa.Table:
    """Make ``held_before`` (case_id, scope, held_on) for the rows of ``asked_scopes`` (case_id, scope).

    held_on is a night before tonight whose delivery of that scope held a code of the lineage; NULL: none did.
    Deliveries of nights that gave up their rows hold nothing. Returns what was looked up, schema ``HELD_SCOPES``.
    """
    engine.table(
        "asked_held",
        """
        SELECT a.case_id, a.scope, c.codes, h.held_on, h.night AS asked_on FROM asked_scopes AS a
        JOIN (SELECT case_id, string_agg(provider_code || '/' || account_code, ';' ORDER BY provider_code, account_code)
                AS codes FROM proof_codes GROUP BY case_id) AS c ON c.case_id = a.case_id
        LEFT JOIN standing_held_scopes AS h ON h.case_id = a.case_id AND h.scope = a.scope AND h.codes = c.codes
        """,
    )
    engine.table("found_held", "SELECT case_id, scope, held_on FROM asked_held WHERE held_on IS NOT NULL")
    for day in _nights(engine, night):
        engine.scan("intake_then", book.parts(day, "intake/accounts"), _ACCOUNTS)
        found = engine.table(
            "found_now",
            f"""
            SELECT DISTINCT o.case_id, o.scope, DATE '{day.isoformat()}' AS held_on
            FROM intake_then AS i
            JOIN standing_account_deliveries AS d ON d.night = DATE '{day.isoformat()}' AND d.file = i.file
            JOIN proof_codes AS c ON c.provider_code = i.provider_code AND c.account_code = i.account_code
            JOIN asked_held AS o ON o.case_id = c.case_id AND o.scope = d.scope
            WHERE NOT EXISTS (SELECT 1 FROM found_held AS f WHERE f.case_id = o.case_id AND f.scope = o.scope)
            """,
        )
        if found:
            engine.table("found_held", "SELECT * FROM found_held UNION ALL SELECT * FROM found_now")
        if not engine.fetch(f"SELECT count(*) AS n FROM ({_OPEN}) AS o")["n"][0].as_py():
            break
    engine.table(
        "held_before",
        "SELECT a.case_id, a.scope, f.held_on FROM asked_held AS a"
        " LEFT JOIN found_held AS f ON f.case_id = a.case_id AND f.scope = a.scope",
    )
    fresh = engine.fetch(
        f"SELECT DATE '{night.isoformat()}' AS night, a.case_id, a.scope, a.codes, b.held_on FROM asked_held AS a"
        " JOIN held_before AS b ON b.case_id = a.case_id AND b.scope = a.scope WHERE a.held_on IS NULL"
        " ORDER BY a.case_id, a.scope"
    )
    engine.drop("asked_held", "found_held", "found_now")
    return fresh.cast(HELD_SCOPES.schema)


_OPEN = """
    SELECT a.case_id, a.scope, a.asked_on FROM asked_held AS a WHERE NOT EXISTS
        (SELECT 1 FROM found_held AS f WHERE f.case_id = a.case_id AND f.scope = a.scope)
"""


def _nights(engine: Engine, night: date) -> list[date]:
    """Return the nights with a delivery that was not asked yet, the newest first: the account mostly was there."""
    found = engine.fetch(
        f"SELECT DISTINCT d.night FROM standing_account_deliveries AS d JOIN ({_OPEN}) AS o ON o.scope = d.scope"
        f" WHERE d.night < DATE '{night.isoformat()}' AND (o.asked_on IS NULL OR d.night >= o.asked_on)"
        " ORDER BY d.night DESC"
    )
    nights: list[date] = found["night"].to_pylist()
    return nights
