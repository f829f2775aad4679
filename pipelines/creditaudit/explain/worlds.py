"""Other worlds: the rows of one account with some facts changed, all judged in one run by the night's own SQL.

Each world is a copy of the rows whose persons, institutions, codes and sessions carry the world's number, so that
worlds do not meet and any number of them costs one judgment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from creditaudit.engines import Engine

Row = dict[str, Any]
Rows = dict[str, list[Row]]  # relation → rows

_MARK = "/"

# What tells persons, institutions, accounts and files apart, by relation. What is not named here is shared by all
# worlds, as it is: the full files of the registries, and the duties that name no institution.
_OWN: dict[str, tuple[str, ...]] = {
    "standing_accounts": (
        *("provider_code", "account_code", "id_norm", "original_provider_code", "original_account_code"),
        *("settlement_provider_code", "settlement_account_code"),
    ),
    "standing_openings": ("provider_code", "account_code", "session_id", "handler_id_norm"),
    "standing_verifications": ("provider_code", "check_id", "session_id", "account_code"),
    "standing_invalid_cards": ("event_id", "id_norm", "withdraws_event_id"),
    "standing_loss_reports": ("report_no", "id_norm"),
    "standing_issuances": ("id_norm",),
    "standing_impostors": ("person_ref", "id_norm"),
    "standing_fraud_alerts": ("alert_id", "id_norm"),
    "standing_inquiries": ("provider_code", "inquiry_id", "id_norm"),
    "standing_account_renames": ("provider_code", "old_account_code", "new_provider_code", "new_account_code"),
    "standing_full_deliveries": ("provider_code", "file"),
    "standing_check_gaps": ("file", "account_code", "session_id"),
    "institutions": ("provider_code", "parent_code"),
    "duties": ("provider_code", "duty_id"),  # the id last: ties go by the smallest
}
_SHARED: dict[str, Callable[[Row], bool]] = {
    "standing_full_deliveries": lambda row: row["feed"] != "verifications",
    "duties": lambda row: row["provider_code"] in {None, "*"},
}


@dataclass(frozen=True)
class Answer:
    """What one world's judgment says of the account.

    Parameters
    ----------
    fault : str or None
        As in ``cases``; None: no finding stands.
    rule_id, verdict : str or None
        Of the finding that decided; None: none is in the fault lane.
    """

    fault: str | None
    rule_id: str | None
    verdict: str | None


def load_worlds(engine: Engine, schemas: Mapping[str, pa.Schema], worlds: Sequence[Rows]) -> None:
    """Make the relations that the judgment reads, with the rows of all worlds.

    Parameters
    ----------
    engine : Engine
    schemas : mapping of str to pyarrow.Schema
        Every relation to make; one that a world does not name is empty.
    worlds : sequence of dict
        Relation to rows.
    """
    for relation, schema in schemas.items():
        rows = [row for row in worlds[0].get(relation, []) if _is_shared(relation, row)]
        for number, world in enumerate(worlds):
            own = (row for row in world.get(relation, []) if not _is_shared(relation, row))
            rows += [_marked(relation, row, number) for row in own]
        engine.load(relation, pa.Table.from_pylist(rows, schema=schema))


def copied_rows(rows: Rows) -> int:
    """Count the rows that every world has a copy of."""
    return sum(not _is_shared(relation, row) for relation, listed in rows.items() for row in listed)


def _is_shared(relation: str, row: Row) -> bool:
    return _SHARED[relation](row) if relation in _SHARED else relation not in _OWN


def _marked(relation: str, row: Row, number: int) -> Row:
    marked = dict(row)
    for column in _OWN[relation]:
        if column == "duty_id":
            marked[column] = f"{marked[column]}{_MARK}{number}"
        elif marked.get(column) is not None:  # a made row has only what it says
            marked[column] = f"{number}{_MARK}{marked[column]}"
    return marked


def read_answers(engine: Engine, worlds: int, provider: str, subject: str) -> list[Answer]:
    """Return what ``case_faults`` says of one account in each of the worlds that were loaded, in their order."""
    found = engine.fetch("SELECT provider_code, subject, fault, rule_id, verdict FROM case_faults").to_pylist()
    kind, _, code = subject.partition(":")
    place = {(row["provider_code"], row["subject"]): row for row in found}
    rows = (place.get((f"{n}{_MARK}{provider}", f"{kind}:{n}{_MARK}{code}")) for n in range(worlds))
    return [Answer(None, None, None) if r is None else Answer(r["fault"], r["rule_id"], r["verdict"]) for r in rows]
