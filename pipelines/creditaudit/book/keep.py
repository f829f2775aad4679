"""Whose rows stay when old nights give up theirs: what the findings of any case rest on (SPEC 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.book.row_sets import RowSet
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from creditaudit.engines import Engine

# Provenance of a typed row; a quarantined one has the feed beside it.
_NAMED = "night, file, row"

# How a row of a feed belongs to somebody who is kept; `x` is the row. The other feeds go by their person.
_BELONGS = {
    "openings": "EXISTS (SELECT 1 FROM kept_accounts AS a"
    " WHERE a.provider_code = x.provider_code AND a.account_code = x.account_code)",
    "verifications": "EXISTS (SELECT 1 FROM kept_accounts AS a"
    " WHERE a.provider_code = x.provider_code AND a.account_code = x.account_code)"
    " OR EXISTS (SELECT 1 FROM kept_sessions AS s"
    " WHERE s.provider_code = x.provider_code AND s.session_id = x.session_id)",
    "accounts": "EXISTS (SELECT 1 FROM kept_accounts AS a"
    " WHERE a.provider_code = x.provider_code AND a.account_code = x.account_code)",
    "account_renames": "EXISTS (SELECT 1 FROM kept_accounts AS a WHERE (a.provider_code = x.provider_code"
    " AND a.account_code = x.old_account_code) OR (a.provider_code = COALESCE(x.new_provider_code, x.provider_code)"
    " AND a.account_code = x.new_account_code))",
    "impostors": "x.id_norm IN (SELECT id_norm FROM kept_persons) OR x.id_norm IN (SELECT id_norm FROM kept_handlers)",
}
_BY_PERSON = "x.id_norm IN (SELECT id_norm FROM kept_persons)"


def open_ever(engine: Engine, files: Iterable[tuple[str, Path]]) -> None:
    """Name ``going_<feed>``, the rows of these files, and ``ever_<feed>``: they and ``standing_<feed>``."""
    listed: dict[str, list[Path]] = {feed: [] for feed in FEEDS}
    for feed, path in files:
        listed[feed].append(path)
    for feed, spec in FEEDS.items():
        engine.scan(f"going_{feed}", listed[feed], spec.schema)
        columns = ", ".join(spec.schema.names)
        engine.view(
            f"ever_{feed}", f"SELECT {columns} FROM standing_{feed} UNION ALL SELECT {columns} FROM going_{feed}"
        )


def close_ever(engine: Engine) -> None:
    """Forget what :func:`open_ever` and :func:`name_kept` named."""
    engine.drop(*(f"ever_{feed}" for feed in FEEDS), *(f"going_{feed}" for feed in FEEDS))
    engine.drop("kept_accounts", "kept_persons", "kept_sessions", "kept_handlers")


def name_kept(engine: Engine) -> None:
    """Make ``kept_accounts``, ``kept_persons``, ``kept_sessions`` and ``kept_handlers``: whom some cases rest on.

    Reads ``ever_<feed>`` of every feed, and ``every_case`` (provider_code, account_code and subject).
    """
    _accounts(engine)
    _persons(engine)
    engine.drop("case_links")


def keepers(engine: Engine, files: Iterable[tuple[str, Path]]) -> RowSet:
    """Find the rows that stay.

    Kept are the accounts of every case, all accounts that a rename, an original or a settlement link joins to them,
    all accounts of those persons, and every row of any feed that belongs to one of them: opening, check, notice, issued
    card, inquiry, objection, alert, rename, and what the impostors' list says of who handled an opening. Of the
    quarantine: rows in which a number of those persons was found, and account rows with the number of anyone who has a
    notice, since they stay unjudged.

    Parameters
    ----------
    engine : Engine
        Has ``standing_<feed>`` of every feed, ``standing_quarantined_numbers`` and ``every_case``.
    files : iterable of (feed, path)
        Typed rows that may go.

    Returns
    -------
    RowSet
    """
    open_ever(engine, files)
    name_kept(engine)
    typed = {
        feed: engine.fetch(f"SELECT {_NAMED} FROM going_{feed} AS x WHERE {_BELONGS.get(feed, _BY_PERSON)}")
        for feed in FEEDS
    }
    quarantined = engine.fetch(
        "SELECT DISTINCT night, feed, file, row FROM standing_quarantined_numbers AS q"
        " WHERE q.id_norm IN (SELECT id_norm FROM kept_persons) OR (q.feed = 'accounts' AND q.id_norm IN"
        " (SELECT id_norm FROM standing_loss_reports UNION SELECT id_norm FROM standing_invalid_cards))"
    )
    close_ever(engine)
    return RowSet(typed, quarantined)


def _accounts(engine: Engine) -> None:
    """Make ``kept_accounts``: the codes of every case, and all that renames and links join to them."""
    engine.table(
        "case_links",
        "SELECT DISTINCT provider_code AS from_provider, old_account_code AS from_code,"
        " COALESCE(new_provider_code, provider_code) AS to_provider, new_account_code AS to_code"
        " FROM ever_account_renames"
        " UNION SELECT DISTINCT COALESCE(new_provider_code, provider_code), new_account_code, provider_code,"
        " old_account_code FROM ever_account_renames"
        " UNION SELECT DISTINCT provider_code, account_code, original_provider_code, original_account_code"
        " FROM ever_accounts WHERE original_account_code IS NOT NULL"
        " UNION SELECT DISTINCT provider_code, account_code, COALESCE(settlement_provider_code, provider_code),"
        " settlement_account_code FROM ever_accounts WHERE settlement_account_code IS NOT NULL",
    )
    count = engine.table(
        "kept_accounts",
        "SELECT DISTINCT provider_code, account_code FROM every_case WHERE account_code IS NOT NULL",
    )
    before = -1
    while count != before:
        before = count
        count = engine.table(
            "kept_accounts",
            "SELECT provider_code, account_code FROM kept_accounts"
            " UNION SELECT l.to_provider, l.to_code FROM case_links AS l JOIN kept_accounts AS k"
            " ON k.provider_code = l.from_provider AND k.account_code = l.from_code"
            " WHERE l.to_provider IS NOT NULL",
        )


def _persons(engine: Engine) -> None:
    """Make ``kept_persons``, widen ``kept_accounts`` by all of theirs, and find their sessions and handlers."""
    here = "k.provider_code = x.provider_code AND k.account_code = x.account_code"
    engine.table(
        "kept_persons",
        "SELECT DISTINCT x.id_norm FROM ever_accounts AS x JOIN kept_accounts AS k"
        f" ON {here} WHERE x.id_norm IS NOT NULL"
        " UNION SELECT DISTINCT i.id_norm FROM ever_inquiries AS i JOIN every_case AS c"
        " ON c.provider_code = i.provider_code AND c.subject = 'inquiry:' || i.inquiry_id"
        " WHERE i.id_norm IS NOT NULL"
        " UNION SELECT DISTINCT o.id_norm FROM ever_objections AS o JOIN every_case AS c"
        " ON c.provider_code = o.provider_code AND c.subject = 'objection:' || o.objection_no"
        " WHERE o.id_norm IS NOT NULL",
    )
    engine.table(
        "kept_accounts",
        "SELECT provider_code, account_code FROM kept_accounts"
        " UNION SELECT DISTINCT provider_code, account_code FROM ever_accounts"
        " WHERE id_norm IN (SELECT id_norm FROM kept_persons)",
    )
    for name, columns, needed in (
        ("kept_sessions", "x.provider_code, x.session_id", "x.session_id"),
        ("kept_handlers", "x.handler_id_norm AS id_norm", "x.handler_id_norm"),
    ):
        engine.table(
            name,
            f"SELECT DISTINCT {columns} FROM ever_openings AS x JOIN kept_accounts AS k"
            f" ON {here} WHERE {needed} IS NOT NULL",
        )
