"""Accounts as they are judged: renames, rings, originals and moments (SPEC 4 and 12, "Lineage")."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reference.identity import Identity, identify
from reference.intervals import Interval, undecided

if TYPE_CHECKING:
    from datetime import date

    from reference.cells import Row
    from reference.keys import Book

Code = tuple[str, str]


@dataclass(eq=False)
class Account:
    """One lineage: published under its newest code, judged from one row."""

    provider_code: str
    account_code: str
    codes: frozenset[Code]
    row: Row
    own_opening: Row | None
    identity: Identity
    basis: Account | None = None  # whose moment, opening and verifications are taken; itself unless C1
    moment: Interval | None = None
    unjudged: str | None = None  # why there is no moment

    @property
    def is_c1(self) -> bool:
        return bool(self.row.get("account_type") == "C1")

    @property
    def by_number(self) -> bool:
        """Return whether the account is matched by number (SPEC 3.2 id_type, SPEC 4 bad_form)."""
        return bool(self.row.get("id_type") == "10") and self.identity.matchable

    @property
    def opening(self) -> Row | None:
        return self.basis.own_opening if self.basis is not None else None

    @property
    def shows_other(self) -> bool:
        """With document_kind ``other`` no ID card was shown (SPEC 3.2)."""
        return self.opening is not None and self.opening.get("document_kind") == "other"


def _renames_in_force(book: Book, night: date) -> list[tuple[Code, Code, date]]:
    renames = []
    for row in book.rows("account_renames"):
        if row.get("effective_on") <= night:
            old = (row.get("provider_code"), row.get("old_account_code"))
            new = (row.get("new_provider_code") or row.get("provider_code"), row.get("new_account_code"))
            renames.append((old, new, row.get("effective_on")))
    return renames


def _contradicts(old: Row | None, new: Row | None) -> bool:
    """A rename is asked only where both codes have a row (SPEC 12)."""
    if old is None or new is None:
        return False
    same_number = identify(old.get("id_number")).id_norm == identify(new.get("id_number")).id_norm
    return not same_number or not undecided(old.get("opened_at"), new.get("opened_at"))


def _components(codes: set[Code], next_code: dict[Code, Code]) -> list[set[Code]]:
    """Group the codes that renames join."""
    neighbours: dict[Code, set[Code]] = defaultdict(set)
    for old, new in next_code.items():
        neighbours[old].add(new)
        neighbours[new].add(old)
    components: list[set[Code]] = []
    seen: set[Code] = set()
    for start in sorted(codes | set(neighbours)):
        if start in seen:
            continue
        component = {start}
        todo = [start]
        while todo:
            for neighbour in neighbours[todo.pop()]:
                if neighbour not in component:
                    component.add(neighbour)
                    todo.append(neighbour)
        seen |= component
        components.append(component)
    return components


def newest_code(component: set[Code], next_code: dict[Code, Code], effective: dict[Code, date]) -> Code:
    """Return the end of the rename chain; on a ring, the new code of the latest effective_on."""
    code = min(component)
    walked: list[Code] = []
    while code in next_code and code not in walked:
        walked.append(code)
        code = next_code[code]
    if code not in next_code:
        return code
    ring = walked[walked.index(code) :]
    # SPEC 12: in a cycle only the renames on the ring count, ties by the greater new code.
    latest = max(ring, key=lambda old: (effective[old], next_code[old]))
    return next_code[latest]


def _steps_to(code: Code, end: Code, next_code: dict[Code, Code]) -> int:
    steps = 0
    while code != end:
        code = next_code[code]
        steps += 1
    return steps


def _judging_row(rows: dict[Code, Row], end: Code, next_code: dict[Code, Code]) -> Row:
    """The latest report_date; ties: fewest renames to the end, then the greater code (SPEC 12)."""
    best = max(rows, key=lambda code: (rows[code].get("report_date"), -_steps_to(code, end, next_code), code))
    return rows[best]


def build_accounts(book: Book, night: date) -> tuple[list[Account], dict[Code, Account], list[str]]:
    """Return the lineages that have a row, every code's lineage, and the contradicting renames."""
    rows: dict[Code, Row] = {key: row for key, row in book.standing["accounts"].items()}  # noqa: C416
    next_code: dict[Code, Code] = {}
    effective: dict[Code, date] = {}
    notes: list[str] = []
    for old, new, effective_on in _renames_in_force(book, night):
        if _contradicts(rows.get(old), rows.get(new)):
            notes.append(f"rename_contradicts: {'/'.join(old)} -> {'/'.join(new)}")
            continue
        next_code[old] = new
        effective[old] = effective_on
    accounts: list[Account] = []
    by_code: dict[Code, Account] = {}
    for component in _components(set(rows), next_code):
        with_row = {code: rows[code] for code in component if code in rows}
        if not with_row:
            continue
        end = newest_code(component, next_code, effective)
        row = _judging_row(with_row, end, next_code)
        account = Account(
            end[0], end[1], frozenset(component), row, _judging_opening(book, component), identify(row.get("id_number"))
        )
        accounts.append(account)
        for code in component:
            by_code[code] = account
    for account in accounts:
        _set_moment(account, by_code)
    return accounts, by_code, sorted(notes)


def _judging_opening(book: Book, codes: set[Code]) -> Row | None:
    """The first accepted opening, by (night, provider_code, account_code), of all codes (SPEC 3.3)."""
    openings = [book.first_openings[code] for code in codes if code in book.first_openings]
    if not openings:
        return None
    return min(openings, key=lambda row: (row.night, row.get("provider_code"), row.get("account_code")))


def original_of(account: Account, by_code: dict[Code, Account]) -> Account | None:
    """Return the account that a C1 names as its original, where it is in the book and has the same id_norm."""
    named = (account.row.get("original_provider_code"), account.row.get("original_account_code"))
    found = by_code.get(named) if None not in named else None
    if found is None or found.identity.id_norm != account.identity.id_norm:
        return None
    return found


def _set_moment(account: Account, by_code: dict[Code, Account]) -> None:
    """SPEC 4, "Moment": a C1's is that of its original, followed through C1s; a cycle gives none."""
    basis: Account | None = account
    walked: list[Account] = []
    while basis is not None and basis.is_c1:
        walked.append(basis)
        basis = original_of(basis, by_code)
        if basis in walked:
            basis = None
    account.basis = basis
    if basis is None:
        account.unjudged = "transferred_debt"
    elif basis.row.get("agreement_at") is not None:
        account.moment = basis.row.get("agreement_at")
    elif basis.row.get("account_type") == "R4":
        account.unjudged = "agreement_unknown"
    else:
        account.moment = basis.row.get("opened_at")
