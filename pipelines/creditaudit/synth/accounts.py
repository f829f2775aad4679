"""Accounts of one chunk: whose, where, when, of what type, and which card was shown.

Accounts come in the order of their institutions, so that an institution's rows are one slice; persons are
scattered over them at random, so any slice is a fair sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from creditaudit.synth import identity, thefts
from creditaudit.synth.arrays import DAY_SECONDS, FAR, NO_DAY, NO_INSTANT, Cells, Ints, Mask, chance, pick, rare
from creditaudit.synth.calendars import COMPACT, DATE, MINUTE, SECOND, T_SECOND, day_of
from creditaudit.synth.institutions import BANK, DEBT_BUYER, LENDER, Provider
from creditaudit.synth.people import CARDS, Persons
from creditaudit.synth.rows import digits
from creditaudit.synth.scenarios import C1, D1, DEPOSIT, R1, R2, R3, R4, Cast, Plan

CODE_WIDTH: Final = 26
_MIX: Final = {
    BANK: (30, 7, 30, 2, 6, 0, 17, 4, 4),
    LENDER: (70, 22, 0, 0, 8, 0, 0, 0, 0),
    DEBT_BUYER: (0, 0, 0, 0, 0, 100, 0, 0, 0),
}
_SINCE = day_of("2007-01-01")
_NEW_SHARE, _UPDATED_SHARE, _RENAMED_SHARE = 0.0025, 0.0045, 0.0004
# An account has one later night: of more than a hundred nights each has its part of what can be dealt out.
_LATER_MOST = 0.9
PERMANENT, TEMPORARY, OTHER_DOCUMENT = range(3)
PASSPORT: Final = 2


@dataclass
class Accounts:
    """Accounts of a chunk; arrays have one element per account, in the order of institutions.

    Attributes
    ----------
    bounds
        Where each institution's accounts begin, and the end: one more than there are institutions.
    person
        Index into the chunk's persons.
    opened, agreed
        True instants; `agreed` is `NO_INSTANT` but for R4.
    form
        How its instants are delivered (`calendars`).
    card, document
        Which card of the person was shown (-1: a first-generation card or none that is known), and the kind.
    shown
        Printed start of the card that the opening row gives; `NO_DAY` where it gives none.
    id_type
        0 for type 10, 1 for the older spelling 7 of it, 2 for a passport.
    id_form
        How the number is spelled in the first delivery (`identity`).
    night, updated, renamed
        Night (0-based) of the first delivery, of a later row, of a new account code; -1 for never.
    opening_night
        Night of the opening row; -1: none is ever delivered.
    closed_on
        Day or `NO_DAY`.
    original, settlement
        Index of another account of the same person, -1 for none.
    story
        Scenario of a thief's account; -1: the holder's own.
    guarded
        A thief's account that random damage must not touch.
    """

    bounds: list[int]
    provider: Ints
    person: Ints
    serial: Ints
    kind: Ints
    opened: Ints
    agreed: Ints
    form: Ints
    card: Ints
    document: Ints
    shown: Ints
    id_type: Ints
    id_form: Ints
    night: Ints
    updated: Ints
    renamed: Ints
    opening_night: Ints
    closed_on: Ints
    original: Ints
    settlement: Ints
    story: Ints
    guarded: Ints
    codes: Cells

    def __len__(self) -> int:
        return len(self.person)

    @property
    def moment(self) -> Ints:
        """When the identity was checked: the agreement, else the opening."""
        moment: Ints = np.where(self.agreed != NO_INSTANT, self.agreed, self.opened)
        return moment


def code_cells(houses: Sequence[Provider], provider: Ints, serial: Ints) -> Cells:
    """Spell account codes; an extra last element is the empty cell, for index -1."""
    out = np.zeros(len(serial) + 1, dtype=[("p", "S14"), ("a", "S4"), ("b", "S4"), ("c", "S4")])
    prefixes = np.array([h.code_prefix for h in houses], dtype="S14")
    out["p"][:-1] = prefixes.take(provider)
    for name, part in zip("abc", digits(serial, 12), strict=True):
        out[name][:-1] = part
    return out.view(f"S{CODE_WIDTH}")


def _nights(bounds: list[int], plan: Plan) -> tuple[Ints, Ints, Ints]:
    """Deal the later nights out evenly, institution by institution, so that each delta is about as long as the last.

    Returns the nights of first delivery, update and rename.
    """
    count = bounds[-1]
    first, updated = np.zeros(count, np.int64), np.full(count, -1)
    renamed = np.full(count, -1)
    each_night = _NEW_SHARE + _UPDATED_SHARE + _RENAMED_SHARE
    fit = min(1.0, _LATER_MOST / (each_night * max(plan.nights - 1, 1)))
    for start, stop in pairwise(bounds):
        at = start
        least = min(2, (stop - start) // (6 * plan.nights))
        for night in range(1, plan.nights):
            for target, share, at_least in (
                (first, _NEW_SHARE, least),
                (updated, _UPDATED_SHARE, least),
                (renamed, _RENAMED_SHARE, int(plan.small and start == 0 and least > 0)),
            ):
                wanted = max(at_least, int(stop * share * fit) - int(start * share * fit))
                target[at : at + wanted] = night
                at += wanted
    return first, updated, renamed


def _opening_days(rng: np.random.Generator, persons: Persons, person: Ints, plan: Plan) -> Ints:
    """Draw when the holders themselves opened: as adults, in life, and with a card in hand or before the first."""
    low = np.maximum(persons.born.take(person) + 6600, _SINCE)
    high = np.minimum(plan.first_day - 1, persons.died_on.take(person))
    high = np.maximum(high, low + 1)
    # The exponent leans to recent years, as credit did.
    day: Ints = low + (rng.random(len(person)) ** 0.6 * (high - low)).astype(np.int64)
    return day


def _leave_gaps(rng: np.random.Generator, persons: Persons, person: Ints, day: Ints, plan: Plan) -> tuple[Ints, Mask]:
    """Move openings out of the days between the loss of one card and the next one's collection.

    Returns the card in hand, and who went with a temporary card in those days instead.
    """
    card = persons.card_at(person, day)
    since = persons.temporary_from.take(person)
    temporary: Mask = (card < 0) & (since < day) & (day < since + 80)
    stray = np.flatnonzero((card < 0) & (day >= persons.usable_from[0].take(person)) & ~temporary)
    if len(stray):
        whose = person[stray]
        before, after = np.full(len(stray), NO_DAY), np.full(len(stray), FAR)
        for start, end in zip(persons.usable_from, persons.usable_to, strict=True):
            ended = end.take(whose)
            before = np.where(ended <= day[stray], np.maximum(before, ended), before)
            begun = start.take(whose)
            after = np.where(begun > day[stray], np.minimum(after, begun), after)
        later = after + rng.integers(1, 400, len(stray))
        earlier = before - rng.integers(20, 200, len(stray))
        dead = np.minimum(plan.first_day, persons.died_on.take(whose))
        day[stray] = np.where(later < dead, later, earlier)
        card[stray] = persons.card_at(whose, day[stray])
    return card, temporary


def draw(
    rng: np.random.Generator,
    houses: Sequence[Provider],
    persons: Persons,
    plan: Plan,
    cast: Cast,
    *,
    first: int,
    count: int,
) -> Accounts:
    """Make `count` accounts, numbered from `first` on, for the chunk's persons.

    The holders' own accounts come first; then the thieves of `cast` take some of the slots.
    """
    sizes = rng.multinomial(count, [h.share for h in houses])
    bounds = [0, *np.cumsum(sizes).tolist()]
    provider = np.repeat(np.arange(len(houses), dtype=np.int8), sizes)
    people = len(persons)
    person = rng.permutation(
        np.concatenate([np.arange(min(people, count)), rng.integers(0, people, max(0, count - people))])
    )
    night, updated, renamed = _nights(bounds, plan)
    kind = np.concatenate([pick(rng, n, _MIX[h.role]) for h, n in zip(houses, sizes.tolist(), strict=True)])
    day = _opening_days(rng, persons, person, plan)
    fresh = np.flatnonzero((night > 0) & chance(rng, count, 0.6))
    day[fresh] = plan.first_day + night[fresh] - rng.integers(1, 4, len(fresh))
    day = np.minimum(day, np.maximum(persons.died_on.take(person) - 1, persons.born.take(person) + 6600))
    card, temporary = _leave_gaps(rng, persons, person, day, plan)
    opened = day * DAY_SECONDS + rng.integers(8 * 3600, 20 * 3600, count)
    style = pick(rng, count, (50, 15, 35))
    compact, t_mark = (
        np.array(t, dtype=bool).take(provider) for t in ([h.compact for h in houses], [h.t_mark for h in houses])
    )
    form = np.select(
        [style == 0, style == 1], [np.where(compact, COMPACT, DATE), MINUTE], np.where(t_mark, T_SECOND, SECOND)
    ).astype(np.int8)
    agreed = np.full(count, NO_INSTANT)
    line = np.flatnonzero((kind == R4) & chance(rng, count, 0.8))
    agreed[line] = opened[line]
    opened[line] += rng.integers(1, 300, len(line)) * DAY_SECONDS
    opened[line] = np.minimum(opened[line], np.maximum((plan.first_day - 1) * DAY_SECONDS, agreed[line]))
    document = np.zeros(count, np.int8)
    document[rare(rng, count, 0.006)] = OTHER_DOCUMENT
    shown = persons.of_card(persons.issued, card, person)
    document[temporary] = TEMPORARY
    shown[temporary] = persons.temporary_from[person[temporary]]
    # The latest card on file may have been put there long after the opening (documented, section 5.2).
    refreshed = np.flatnonzero(chance(rng, count, 0.03) & (card >= 0) & (card < CARDS - 1))
    later = persons.issued[card[refreshed] + 1, person[refreshed]]
    shown[refreshed] = np.where((later != NO_DAY) & (later < plan.first_day), later, shown[refreshed])
    shown[chance(rng, count, 0.07) | (kind == C1)] = NO_DAY
    opening_night = np.where((kind == C1) | chance(rng, count, 0.025), -1, night)
    serial = (first + np.arange(count, dtype=np.int64)) * 7_919 % 499_999_999_993
    accounts = Accounts(
        bounds,
        provider,
        person,
        serial,
        kind,
        opened,
        agreed,
        form,
        card,
        document,
        shown,
        np.zeros(count, np.int8),
        np.zeros(count, np.int8),
        night,
        updated,
        renamed,
        opening_night,
        np.full(count, NO_DAY),
        np.full(count, -1),
        np.full(count, -1),
        np.full(count, -1, np.int8),
        np.zeros(count, bool),
        code_cells(houses, provider, serial),
    )
    thefts.commit(rng, houses, persons, accounts, cast, nights=plan.nights)
    _close(rng, accounts, plan)
    _misspell(rng, persons, accounts, plan)
    _link(rng, accounts, people)
    return accounts


def _close(rng: np.random.Generator, accounts: Accounts, plan: Plan) -> None:
    last = plan.first_day - 3
    day = np.maximum(accounts.opened, accounts.agreed) // DAY_SECONDS
    closing = np.flatnonzero(chance(rng, len(accounts), 0.22) & (day < last - 40) & (accounts.story < 0))
    accounts.closed_on[closing] = (
        day[closing] + 30 + (rng.random(len(closing)) * (last - 30 - day[closing])).astype(np.int64)
    )


def _misspell(rng: np.random.Generator, persons: Persons, accounts: Accounts, plan: Plan) -> None:
    count = len(accounts)
    accounts.id_type[rare(rng, count, 0.002)] = 1
    accounts.id_type[rare(rng, count, 0.002)] = 2
    accounts.id_type[accounts.story >= 0] = 0
    least = 3 * int(plan.small)
    for share, form in (
        (0.02, identity.LEGACY),
        (0.002, identity.BLANKS),
        (0.003, identity.LOOKALIKE),
        (0.006, identity.BAD_CHECK),
        (0.002, identity.BAD_DATE),
        (0.002, identity.BAD_FORM),
    ):
        accounts.id_form[rare(rng, count, share, least)] = form
    accounts.id_form[accounts.guarded] = identity.PLAIN
    born = persons.born.take(accounts.person)
    # Numbers of 15 digits ended with the cards that bore them; those born from 2000 on never had one.
    accounts.id_form[(accounts.id_form == identity.LEGACY) & (born >= day_of("2000-01-01"))] = identity.PLAIN


def _link(rng: np.random.Generator, accounts: Accounts, people: int) -> None:
    """Let loans be paid into the person's own deposit account, and let bought debts name the loan they come from."""
    count = len(accounts)
    every = np.arange(count)
    deposit, credit = np.full(people, -1), np.full(people, -1)
    held = accounts.kind == DEPOSIT
    deposit[accounts.person[held]] = every[held]
    owed = np.isin(accounts.kind, (D1, R1, R2, R3))
    credit[accounts.person[owed]] = every[owed]
    paid_into = deposit.take(accounts.person)
    pays = np.isin(accounts.kind, (D1, R1, R4)) & chance(rng, count, 0.8) & (paid_into >= 0) & (accounts.story < 0)
    older = accounts.opened[paid_into] <= accounts.opened
    accounts.settlement[pays & older] = paid_into[pays & older]
    bought = np.flatnonzero(accounts.kind == C1)
    accounts.original[bought] = credit[accounts.person[bought]]
