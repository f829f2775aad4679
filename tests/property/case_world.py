"""A small world for the correction lane: families of three persons, two institutions each, and what they deliver.

Each family has institutions of its own, so that nothing in one can reach another; they share a book and its nights,
since a night costs nearly the same for one as for many. What is told of a night is what was delivered, never what a
program made of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING

from property.history_rows import write_file
from reference.hostile_cells import make_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from place import Place

Cells = dict[str, str]
Code = tuple[str, str]
DAY = timedelta(days=1)
FIRST = date(2026, 11, 20)
CARD = "2020-01-01"
REPORTED = "2024-01-10 10:00:00"
BEFORE_LOSS = "2023-06-01 10:00:00"
FILLERS = 36  # so that a file lacking the accounts of three persons is no short one
MUTE = "650000"  # no recipient's region
BANKS = 3  # families whose first institution answers for itself; each more is a folder of reports every night

BESIDE = ("loss_reports", "openings", "account_renames", "objections")

# How a provider delivers its accounts tonight; every way but the first proves nothing.
SOUND = "sound"
DELIVERIES = (SOUND, "same bytes", "delta", "none", "no sha", "no rows", "wrong rows", "no scope", "short", "spoilt")


@dataclass
class Account:
    """An account as its institution has it now.

    Parameters
    ----------
    codes : list of Code
        Every code that it went by; the last one is in use.
    person : str
        Whose it is.
    cells : dict
    since : date
        First night on which it was delivered.
    """

    codes: list[Code]
    person: str
    cells: Cells
    first: Cells = field(default_factory=dict)
    since: date | None = None
    is_kept: bool = True
    original: Account | None = None

    @property
    def code(self) -> Code:
        return self.codes[-1]

    @property
    def row(self) -> Cells:
        return {**self.cells, "provider_code": self.code[0], "account_code": self.code[1]}


@dataclass
class Told:
    """What happened on one night, for whoever judges the cases by themselves.

    Parameters
    ----------
    held : set of Code
        Accounts with an accepted row.
    proving : dict
        Provider to the digest of a full delivery that can prove absence.
    spoilt : set
        Providers with a quarantined row tonight, and the person whose number it has.
    refused : set
        Providers with a file that was refused.
    registry : set of str
        Persons of whom a registry's row changed.
    own : set of Code
        Accounts (newest code) whose own row changed, or that were renamed.
    objections : list
        Number, person, provider, account code (or None), received_on.
    """

    night: date
    held: set[Code] = field(default_factory=set)
    proving: dict[str, str] = field(default_factory=dict)
    spoilt: set[tuple[str, str]] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    registry: set[str] = field(default_factory=set)
    own: set[Code] = field(default_factory=set)
    objections: list[tuple[str, str, str, str | None, date]] = field(default_factory=list)


class Family:
    """Three persons, two institutions, at most six accounts that matter, and many that do not."""

    def __init__(self, letter: str, rng: Random) -> None:
        self.letter = letter
        self.providers = (f"{letter}1", f"{letter}2")
        self.numbers = {f"{letter}{n}": make_number(rng)[0] for n in range(3)}
        self.stranger = make_number(rng)[0]
        self.crowd = [make_number(rng)[0] for _ in range(2 * FILLERS)]
        self.count = 0
        self.accounts: list[Account] = []
        self.losses: dict[str, Cells] = {}
        for number, (owner, at) in enumerate(((0, 0), (0, 1), (1, 0), (2, 1))):
            opened = f"2024-0{3 + number}-05 09:00:00"
            self.open(f"{letter}{owner}", self.providers[at], opened, str(1000 + number))
        for person in (f"{letter}0", f"{letter}1"):
            self.lose(person, f"L{person}", REPORTED)

    def open(self, person: str, provider: str, opened: str, amount: str, original: Account | None = None) -> Account:
        """Give a person another account."""
        cells = {
            "report_date": "2026-11-01",
            "id_type": "10",
            "id_number": self.numbers[person],
            "account_type": "C1" if original else "D1",
            "opened_at": opened,
            "amount": amount,
        }
        if original:
            cells |= {"original_provider_code": original.code[0], "original_account_code": original.code[1]}
        made = Account([(provider, self.next_code())], person, cells, dict(cells), original=original)
        self.count += 1
        self.accounts.append(made)
        return made

    def next_code(self) -> str:
        """Return the code that the next account gets."""
        return f"A{self.letter}{self.count}"

    def lose(self, person: str, report: str, reported: str) -> None:
        """Let a person report the card lost."""
        at = {"visible_at": reported, "card_valid_from": CARD, "reported_at": reported, "withdrawn_at": ""}
        self.losses[report] = {"report_no": report, "id_number": self.numbers[person], "lost_at": "", **at}

    def person_of(self, report: str) -> str:
        """Return whose report it is."""
        return next(p for p, number in self.numbers.items() if number == self.losses[report]["id_number"])

    def fillers(self, provider: str) -> Iterator[Cells]:
        """Give a provider's other accounts: of people who never lost a card."""
        at = self.providers.index(provider)
        for n, number in enumerate(self.crowd[at * FILLERS : (at + 1) * FILLERS]):
            cells = {"report_date": "2026-11-01", "id_type": "10", "id_number": number, "account_type": "D1"}
            where = {"provider_code": provider, "account_code": f"F{self.letter}{n}"}
            yield {**cells, **where, "opened_at": "2024-01-20 09:00:00", "amount": "5"}


class World:
    """Families, and what they deliver for the next night.

    Parameters
    ----------
    place : Place
    seed : int
    families : int
    """

    def __init__(self, place: Place, seed: int, families: int) -> None:
        rng = Random(seed)  # noqa: S311 - test data
        self.place = place
        self.families = [Family(letter, rng) for letter in "abcdefghijklmnopqrstuvwxyz"[:families]]
        self.night = FIRST
        self.told = Told(FIRST)
        self.book: dict[Code, Cells] = {}  # the last accepted row of each code
        self.ways: dict[str, str] = {}
        self.last_full: dict[str, list[Cells]] = {}
        self.sizes: dict[str, list[tuple[date, int]]] = {}
        self.banks: set[str] = set()
        self.held_whole: set[Code] = set()  # codes that some full delivery held
        self.rows: dict[str, list[Cells]] = {name: [] for name in BESIDE}
        self._write_reference()
        for family in self.families:
            for report, cells in family.losses.items():
                self.rows["loss_reports"].append(cells)
                self.told.registry.add(family.person_of(report))

    def _write_reference(self) -> None:
        lines = ["provider_code,name,kind,region_code,parent_code,valid_from,valid_to"]
        who = ["recipient,kind,provider_code,region_prefix,id_mask,encoding,language,pseudonym_key_id"]
        who.append("pboc,pboc_liaison,,11,3+4,utf-8-sig,en,")
        for at, family in enumerate(self.families):
            for provider in family.providers:
                region = MUTE if at == 0 and provider == family.providers[1] else "110000"
                lines.append(f"{provider},{provider},state_bank,{region},,2000-01-01,")
            if at < BANKS:
                who.append(f"bank{family.providers[0]},institution,{family.providers[0]},,3+4,utf-8-sig,en,")
                self.banks.add(family.providers[0])
        for name, text in (("institutions", lines), ("recipients", who)):
            path = self.place.book / "reference" / f"{name}.csv"
            path.write_text("\n".join(text) + "\n", encoding="utf-8", newline="\n")

    def account(self, code: Code) -> Account:
        """Return the account that goes, or went, by a code."""
        return next(a for f in self.families for a in f.accounts if code in a.codes)

    def accounts_of(self, person: str) -> list[Account]:
        """Return what a person has, or had."""
        return [a for f in self.families for a in f.accounts if a.person == person]

    def standing(self, account: Account) -> Cells | None:
        """Return the row of an account that stands, under whatever code; None: it never came."""
        return next((self.book[code] for code in reversed(account.codes) if code in self.book), None)

    # What happens --------------------------------------------------------------------------------

    def changed_loss(self, family: Family, report: str) -> None:
        """Deliver a loss report as it is now."""
        self.rows["loss_reports"].append({**family.losses[report], "entered_at": self.night.isoformat()})
        self.told.registry.add(family.person_of(report))

    def rename(self, account: Account, provider: str, code: str) -> None:
        """Give an account another code, on the next night."""
        old = account.code
        names = {"provider_code": old[0], "old_account_code": old[1], "new_provider_code": provider}
        names |= {"new_account_code": code, "effective_on": self.night.isoformat()}
        self.rows["account_renames"].append(names)
        account.codes.append((provider, code))
        self.told.own.add(account.code)

    def objects(self, person: str, provider: str, code: str | None) -> None:
        """Let a person object at an institution."""
        number = f"O{person}{self.night.isoformat()}{len(self.told.objections)}"
        received = self.night - 3 * DAY
        family = next(f for f in self.families if person in f.numbers)
        names = {"objection_no": number, "id_number": family.numbers[person], "provider_code": provider}
        self.rows["objections"].append({**names, "account_code": code or "", "received_on": received.isoformat()})
        self.told.objections.append((number, person, provider, code, received))

    # Files ---------------------------------------------------------------------------------------

    def deliver(self) -> Told:
        """Write tonight's files; returns what they tell."""
        folder = self.place.landing / self.night.isoformat()
        for feed in ("accounts", "invalid_cards", "loss_reports"):  # no night without them
            write_file(folder / feed / "f.csv", feed, [])
        for family in self.families:
            for provider in family.providers:
                self._accounts(family, provider, self.ways.get(provider, SOUND))
        for feed, rows in self.rows.items():
            if rows:
                write_file(folder / feed / "g.csv", feed, rows)
        return self.told

    def next(self, gap: int) -> None:
        """Go on to the night ``gap`` days later."""
        self.night += gap * DAY
        self.told = Told(self.night)
        self.ways = {}
        self.rows = {feed: [] for feed in self.rows}

    def _accounts(self, family: Family, provider: str, way: str) -> None:
        kept = [a for a in family.accounts if a.is_kept and a.code[0] == provider]
        rows = [a.row for a in kept]
        if way == "none":
            return
        changed = [row for row in rows if self.book.get((provider, row["account_code"])) != row]
        whole = [*rows, *family.fillers(provider)]
        if way == "delta":
            self._put(provider, changed, None)
            return
        scope = {"provider_code": provider, "region_code": None, "business_codes": None}
        control = {"kind": "full", **scope, "covers_from": "2000-01-01", "covers_to": self.night.isoformat()}
        sent = list(whole)
        sent[len(rows)] = {**whole[len(rows)], "balance": str(self.night.toordinal())}  # other bytes every night
        if way == "same bytes" and self._unchanged(provider, rows):
            sent = self.last_full[provider]
        elif way == "short":
            sent = sent[:-8]
        elif way == "no scope":
            del control["region_code"]
        spoilt = []
        if way == "spoilt":
            person = kept[0].person if kept else next(iter(family.numbers))
            row = {**family.accounts[0].row, "provider_code": provider, "account_code": f"X{self.night.toordinal()}"}
            spoilt = [{**row, "id_number": family.numbers[person], "account_type": "?"}]
            self.told.spoilt.add((provider, person))
        self._put(provider, [*sent, *spoilt], control, way)
        self._prove(provider, [*sent, *spoilt], way)
        self.last_full[provider] = sent

    def _unchanged(self, provider: str, rows: list[Cells]) -> bool:
        last = self.last_full.get(provider, [])
        return len(last) == len(rows) + FILLERS and last[: len(rows)] == rows

    def _put(self, provider: str, rows: list[Cells], control: Mapping[str, object] | None, way: str = "") -> None:
        path = self.place.landing / self.night.isoformat() / "accounts" / f"{provider}.csv"
        write_file(path, "accounts", rows)
        if control is not None:
            stated = {"rows": len(rows), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            if way == "wrong rows":
                stated["rows"] = len(rows) + 1
                self.told.refused.add(provider)
            elif way in ("no sha", "no rows"):
                del stated["sha256" if way == "no sha" else "rows"]
            path.with_name(f"{path.name}.ctl").write_text(json.dumps({**control, **stated}), encoding="utf-8")
        if way != "wrong rows":  # refused as a whole
            self._accept(provider, rows)

    def _accept(self, provider: str, rows: list[Cells]) -> None:
        for row in rows:
            code = (provider, row["account_code"])
            if row["account_type"] == "?" or code[1].startswith("F"):
                continue
            account = self.account(code)
            self.told.held.add(code)
            known = self.book.get(code)
            if known is None:
                first = account.since is None
                account.since = account.since or self.night
                if first and account.original is None:
                    shown = {"document_kind": "permanent", "card_valid_from": CARD}
                    self.rows["openings"].append({"provider_code": provider, "account_code": code[1], **shown})
            if known != row:
                self.told.own.add(account.code)
            self.book[code] = row

    def _prove(self, provider: str, rows: list[Cells], way: str) -> None:
        if way in ("wrong rows", "no scope"):
            return
        self.held_whole |= {(provider, row["account_code"]) for row in rows if row["account_type"] != "?"}
        before = [n for day, n in self.sizes.get(provider, []) if (self.night - day).days <= 366]
        self.sizes.setdefault(provider, []).append((self.night, len(rows)))
        if way not in ("no sha", "no rows") and before and 10 * len(rows) >= 9 * max(before):
            text = json.dumps(rows, sort_keys=True)
            self.told.proving[provider] = hashlib.sha256(text.encode()).hexdigest()
