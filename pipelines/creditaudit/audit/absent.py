"""Accounts whose absence is proven: judged no more, until they are delivered again (SPEC 2, 8.3).

Such an account counts nowhere: not for its person, not for its group, and no chain leads to it. So its rows are left
out of ``standing_accounts`` as a whole while the night judges; the book keeps them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.book.proof_state import ABSENT_ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    import pyarrow as pa

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

# Accounts that are judged tonight and were not last night, or the other way round.
MOVED = "absences_moved"


def release(engine: Engine, night: date, quarantined: Callable[[], Mapping[str, pa.Table]]) -> pa.Table:
    """Return the absent accounts that are delivered again tonight, as rows that end their absence.

    A row that lost against another of its key was delivered all the same. With one code of a lineage its others come
    back. Reads ``standing_absent_accounts`` and ``delivered_accounts``.

    Parameters
    ----------
    engine : Engine
    night : date
    quarantined : callable
        Gives tonight's quarantined account rows (``creditaudit.intake.account_files``); called where an account is
        absent.

    Returns
    -------
    pyarrow.Table
        Schema ``ABSENT_ACCOUNTS``, sorted by key.
    """
    if not engine.table("absent_before", "SELECT * FROM standing_absent_accounts WHERE is_absent"):
        return ABSENT_ACCOUNTS.schema.empty_table()
    engine.load("quarantined_accounts", quarantined()["quarantined_accounts"])
    found = engine.fetch(
        f"""
        SELECT DATE '{night.isoformat()}' AS night, a.provider_code, a.account_code, a.case_id, FALSE AS is_absent
        FROM absent_before AS a
        WHERE a.case_id IN (
            SELECT b.case_id FROM absent_before AS b WHERE EXISTS (SELECT 1 FROM delivered_accounts AS d
                WHERE d.provider_code = b.provider_code AND d.account_code = b.account_code)
            UNION
            SELECT b.case_id FROM absent_before AS b WHERE EXISTS (SELECT 1 FROM quarantined_accounts AS q
                WHERE q.is_known_key AND q.provider_code = b.provider_code AND q.account_code = b.account_code)
        )
        ORDER BY a.provider_code, a.account_code
        """
    )
    engine.drop("absent_before", "quarantined_accounts")
    return found.cast(ABSENT_ACCOUNTS.schema)


def leave_out(engine: Engine, book: Book, night: date) -> None:
    """Let ``standing_accounts`` be the rows without those of absent accounts; ``audit.scope.widen`` undoes it.

    Makes ``absences_moved`` (provider_code, account_code, id_norm): accounts that are left out for the first time, and
    those that are judged again. Reads ``standing_absent_accounts`` with tonight's rows of it, and ``whole_accounts``.

    Parameters
    ----------
    engine : Engine
    book : Book
        As the last sealed night left it.
    night : date
    """
    last = "FALSE" if book.last is None else f"s.is_absent AND s.night = DATE '{book.last.isoformat()}'"
    # The night that proves an absence judged the account itself.
    engine.table(
        MOVED,
        f"""
        SELECT DISTINCT a.provider_code, a.account_code, a.id_norm FROM standing_accounts AS a
        JOIN standing_absent_accounts AS s ON s.provider_code = a.provider_code AND s.account_code = a.account_code
        WHERE ({last}) OR s.night = DATE '{night.isoformat()}'
        """,
    )
    is_any = engine.table(
        "absent_codes", "SELECT provider_code, account_code FROM standing_absent_accounts WHERE is_absent"
    )
    if is_any:
        engine.view(
            "standing_accounts",
            "SELECT a.* FROM whole_accounts AS a WHERE NOT EXISTS (SELECT 1 FROM absent_codes AS c"
            " WHERE c.provider_code = a.provider_code AND c.account_code = a.account_code)",
        )
