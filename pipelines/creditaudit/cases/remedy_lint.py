"""What a person should look at in a table of remedies, and the cases that it has no word for (SPEC 8.5)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from creditaudit.cases.remedies import MATCHED, next_steps
from creditaudit.cases.strength import strengths
from creditaudit.feeds import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    import pyarrow as pa

    from creditaudit.engines import Engine

# The tier of a case that only an objection opened (SPEC 8.1), and the rule whose subject is an inquiry, no account.
_OBJECTION: Final = "objection"
_INQUIRY_RULE: Final = "R401"
_DEBT: Final = "C1"
# Rules that give no finding on a bought debt (SPEC 6.2, 6.3).
_NOT_OF_DEBTS: Final = frozenset({"R108", "R201", "R202", "R203", "R401", "R402"})
_NO_FAULT: Final = "not_applicable"

_STRENGTHS: Final = frozenset((r["rule_id"], r["verdict"]) for r in strengths().to_pylist())

WORDS: Final[dict[str, tuple[str, ...]]] = {
    "account_type": ACCOUNTS.by_name["account_type"].codes,
    "tier": (*sorted({rule for rule, _ in _STRENGTHS}), _OBJECTION),
    "verdict": ("violation", "undecidable", "lead"),
    "state": (
        *("lead", "sent", "undetermined", "correction_due", "correction_overdue"),
        *("holder_confirmed", "correction_verified", "withdrawn", "reappeared"),
    ),
    "fault": ("fault_indicated", "needs_evidence", "fault_unproven", "no_fault_indicated", _NO_FAULT),
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing to look at.

    Parameters
    ----------
    kind : str
        ``no_id``, ``double_id``, ``no_text``, ``no_source``, ``dates``, ``unknown_word``, ``unreachable`` or
        ``no_remedy``.
    about : str
        The remedy_id (``row N`` where it has none), or the case_id of ``no_remedy``.
    words : str
        What is wrong.
    """

    kind: str
    about: str
    words: str


def doubts_of(remedies: pa.Table) -> tuple[Doubt, ...]:
    """Return everything doubtful in a table of remedies, in file order.

    Parameters
    ----------
    remedies : pyarrow.Table
        As ``book.reference.read`` gives it.
    """
    rows = sorted(remedies.to_pylist(), key=lambda r: r["row"])
    return tuple(doubt for row in rows for doubt in (*_cells(row, rows), *_reach(row)))


def without_remedy(engine: Engine, night: date) -> tuple[Doubt, ...]:
    """Return the cases for which no row has a next step, by case_id and episode.

    Reads and makes what :func:`creditaudit.cases.remedies.next_steps` does.
    """
    next_steps(engine, night)
    told = ", ".join(f"COALESCE(c.{name}, 'none') AS {name}" for name in MATCHED)
    found = engine.fetch(
        f"SELECT c.case_id, c.episode, {told} FROM case_rows_base AS c JOIN case_steps AS s"
        " ON s.case_id = c.case_id AND s.episode = c.episode WHERE s.next_step IS NULL ORDER BY c.case_id, c.episode"
    )
    return tuple(
        Doubt(
            "no_remedy",
            row["case_id"],
            f"episode {row['episode']} matches no row: {', '.join(f'{name} {row[name]}' for name in MATCHED)}",
        )
        for row in found.to_pylist()
    )


def _cells(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Iterator[Doubt]:
    about = _name(row)
    if row["remedy_id"] is None:
        yield Doubt("no_id", about, "no remedy_id: no case can name it")
    elif any(other["remedy_id"] == row["remedy_id"] and other["row"] < row["row"] for other in rows):
        yield Doubt("double_id", about, f"row {row['row']} has the remedy_id of an earlier row")
    if row["next_step"] is None:
        yield Doubt("no_text", about, "no next_step: it says nothing, and is never told")
    if row["source"] is None:
        yield Doubt("no_source", about, "no source: nobody can check what it says")
    if row["state"] is None:
        yield Doubt("unknown_word", about, "no state: it is read as *")


def _reach(row: dict[str, Any]) -> Iterator[Doubt]:
    """Yield why no case, or only some of those that are listed, can ever match a row."""
    about = _name(row)
    first, last = row["in_force_from"], row["in_force_to"]
    if first is not None and last is not None and last < first:
        yield Doubt("dates", about, f"it ends on {last}, before it begins on {first}: it never holds")
    listed = {name: _listed(row[name]) for name in MATCHED}
    is_known = True
    for name in MATCHED:
        unknown = [word for word in listed[name] or () if word not in WORDS[name]]
        if unknown:
            known = ", ".join(WORDS[name])
            yield Doubt("unknown_word", about, f"{name} {', '.join(unknown)} is none of {known}: no case has it")
        is_known &= listed[name] is None or len(unknown) < len(listed[name] or ())
    if is_known and not _can_match(listed):
        combined = ", ".join(f"{n} {';'.join(w)}" for n, w in listed.items() if w is not None)
        yield Doubt("unreachable", about, f"no case can be all of this: {combined}")


def _listed(cell: str | None) -> tuple[str, ...] | None:
    """Return the values of a cell; None: any."""
    text = (cell or "").replace(" ", "")
    return None if text in {"", "*"} else tuple(text.split(";"))


def _can_match(listed: dict[str, tuple[str, ...] | None]) -> bool:
    """Say whether a case can have a listed value in every column; one that lacks a value matches any alone."""
    values = [[*WORDS[n], None] if listed[n] is None else listed[n] for n in ("account_type", "tier", "verdict")]
    return any(
        _is_case(account_type, tier, verdict) and _has_fault(account_type, tier, listed["fault"])
        for account_type, tier, verdict in product(*(v or () for v in values))
    )


def _is_case(account_type: str | None, tier: str | None, verdict: str | None) -> bool:
    if tier == _OBJECTION:
        return verdict is None
    if (tier, verdict) not in _STRENGTHS or (account_type == _DEBT and tier in _NOT_OF_DEBTS):
        return False
    return (account_type is None) == (tier == _INQUIRY_RULE)


def _has_fault(account_type: str | None, tier: str | None, faults: tuple[str, ...] | None) -> bool:
    """Say whether such a case can have one of the faults: bought debts, inquiries and objections are in no lane."""
    outside = account_type in {None, _DEBT} or tier == _OBJECTION
    return faults is None or _NO_FAULT in faults or not outside


def _name(row: dict[str, Any]) -> str:
    return row["remedy_id"] or f"row {row['row']}"
