"""Whose rows stay when old nights give up theirs: what the findings of any case rest on (SPEC 9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from creditaudit.book.keys import Keyring
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


@dataclass(frozen=True)
class Keepers:
    """The rows that stay, by where they came from."""

    typed: dict[str, pa.Table]
    quarantined: pa.Table
    _cut: dict[tuple[str, bool], dict[tuple[object, str], np.ndarray]] = field(default_factory=dict)

    def stay(self, feed: str, rows: pa.Table, *, is_typed: bool) -> np.ndarray:
        """Say of rows with night, file and row which stay."""
        by_file = self._rows_by_file(feed, is_typed=is_typed)
        mask = np.zeros(rows.num_rows, dtype=bool)
        numbers = rows["row"].to_numpy()
        origins = rows.select(["night", "file"]).group_by(["night", "file"], use_threads=False).aggregate([])
        for origin in origins.to_pylist():
            chosen = by_file.get((origin["night"], origin["file"]))
            if chosen is not None:
                here = pc.and_(pc.equal(rows["night"], origin["night"]), pc.equal(rows["file"], origin["file"]))
                mask |= here.to_numpy() & np.isin(numbers, chosen)
        return mask

    def _rows_by_file(self, feed: str, *, is_typed: bool) -> dict[tuple[object, str], np.ndarray]:
        """Return the rows that stay of each file of a feed; made once."""
        if (feed, is_typed) not in self._cut:
            whole = self.typed[feed] if is_typed else self.quarantined.filter(pc.equal(self.quarantined["feed"], feed))
            grouped = whole.group_by(["night", "file"], use_threads=False).aggregate([("row", "list")])
            self._cut[feed, is_typed] = {
                (night, file): np.array(rows, dtype=np.int64)
                for night, file, rows in zip(
                    grouped["night"].to_pylist(),
                    grouped["file"].to_pylist(),
                    grouped["row_list"].to_pylist(),
                    strict=True,
                )
            }
        return self._cut[feed, is_typed]


def keepers(engine: Engine, files: Iterable[tuple[str, Path]], cases: pa.Table, keys: Keyring) -> Keepers:
    """Find the rows that stay.

    Kept are the accounts of every case, all accounts that a rename, an original or a settlement link joins to them,
    all accounts of those persons, and every row of any feed that belongs to one of them: opening, check, notice, issued
    card, inquiry, objection, alert, rename, and what the impostors' list says of who handled an opening. Of the
    quarantine: rows in which a number of those persons was found, and account rows with the number of anyone who has a
    notice, since they stay unjudged.

    Parameters
    ----------
    engine : Engine
        Has ``standing_<feed>`` of every feed, and ``standing_quarantined_numbers``.
    files : iterable of (feed, path)
        Typed rows that may go.
    cases : pyarrow.Table
        Schema ``creditaudit.tables.CASES``: every case ever opened.
    keys : Keyring
        Makes the tokens of cases that are about a person and no account.

    Returns
    -------
    Keepers
    """
    listed: dict[str, list[Path]] = {feed: [] for feed in FEEDS}
    for feed, path in files:
        listed[feed].append(path)
    for feed, spec in FEEDS.items():
        engine.scan(f"going_{feed}", listed[feed], spec.schema)
        columns = ", ".join(spec.schema.names)
        engine.view(
            f"ever_{feed}", f"SELECT {columns} FROM standing_{feed} UNION ALL SELECT {columns} FROM going_{feed}"
        )
    engine.load("every_case", cases)
    _accounts(engine)
    _persons(engine, cases, keys)
    typed = {
        feed: engine.fetch(f"SELECT {_NAMED} FROM going_{feed} AS x WHERE {_BELONGS.get(feed, _BY_PERSON)}")
        for feed in FEEDS
    }
    quarantined = engine.fetch(
        "SELECT DISTINCT night, feed, file, row FROM standing_quarantined_numbers AS q"
        " WHERE q.id_norm IN (SELECT id_norm FROM kept_persons) OR (q.feed = 'accounts' AND q.id_norm IN"
        " (SELECT id_norm FROM standing_loss_reports UNION SELECT id_norm FROM standing_invalid_cards))"
    )
    engine.drop(*(f"ever_{feed}" for feed in FEEDS), *(f"going_{feed}" for feed in FEEDS), "every_case", "case_links")
    engine.drop("kept_accounts", "kept_persons", "kept_sessions", "kept_handlers")
    return Keepers(typed, quarantined)


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


def _persons(engine: Engine, cases: pa.Table, keys: Keyring) -> None:
    """Make ``kept_persons``, widen ``kept_accounts`` by all of theirs, and find their sessions and handlers."""
    engine.load("token_persons", _by_token(engine, cases, keys))
    here = "k.provider_code = x.provider_code AND k.account_code = x.account_code"
    engine.table(
        "kept_persons",
        "SELECT DISTINCT x.id_norm FROM ever_accounts AS x JOIN kept_accounts AS k"
        f" ON {here} WHERE x.id_norm IS NOT NULL"
        " UNION SELECT id_norm FROM token_persons"
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
    engine.drop("token_persons")


def _by_token(engine: Engine, cases: pa.Table, keys: Keyring) -> pa.Table:
    """Return the persons of cases that name no account: those whose number gives the case's token."""
    alone = cases.filter(pc.and_(pc.is_null(cases["account_code"]), pc.is_valid(cases["person_token"])))
    wanted = set(alone["person_token"].to_pylist())
    found: list[str] = []
    if wanted:
        # The tokens of a book's cases have one length; asked of all, so that no order of a set counts.
        length = min(map(len, wanted))
        numbers = engine.fetch("SELECT DISTINCT id_norm FROM ever_inquiries WHERE id_norm IS NOT NULL")["id_norm"]
        found = [n for n in numbers.to_pylist() if any(k.token("person", n)[:length] in wanted for k in keys.keys)]
    return pa.table({"id_norm": pa.array(sorted(found), pa.string())})
