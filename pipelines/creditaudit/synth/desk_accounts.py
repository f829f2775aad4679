"""Accounts of a desk's world: what holders had before, what they opened after the loss, and what thieves did."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from creditaudit.synth.arrays import DAY_SECONDS, NO_DAY, Ints, Mask, chance, pick
from creditaudit.synth.desk_people import Holders
from creditaudit.synth.presets import Habits, Preset
from creditaudit.synth.scenarios import D1, DEPOSIT, R1, R2, WEALTH
from creditaudit.synth.vocabulary import AGENT, AREAS, COUNTER, MACHINE, NAMES, ONLINE

BEFORE, HOLDER, THIEF, FORGER = range(4)
"""Who opened it: the holder before any loss, the holder later, a thief with the lost card, or with a forged one."""

OPERATORS: Final = 40
"""Operators of an ordinary institution; the first two of them are the bent ones, so one in twenty is by chance."""
BENT: Final = 2
RING: Final = 5
"""Persons who share one phone or handler, where any do."""

_KINDS: Final = np.array([D1, R1, R2, DEPOSIT, WEALTH], np.int8)
_MIX = (38, 17, 22, 18, 5)
_USUAL = np.array([60_000, 30_000, 20_000, 0, 0, 0, 8_000, 50_000, 0])  # median amount in yuan by type
_SPREAD = 0.7
_VISITS = (45, 35, 20)  # of holders after a loss: one, two, three
_AGENTS_OF_REMOTE = 0.4
_CARD_ON_FILE, _OLD_CARD_SHOWN, _THIEF_CARD_ON_FILE = 0.45, 0.01, 0.08
_DAY_ONLY = 0.25
_NO_OPENING = 0.02
_EARLIEST = 1500
_INSTALMENTS = 12


@dataclass
class Opened:
    """Accounts; arrays have one element each.

    Attributes
    ----------
    person, who
        Index of the person whose number it bears, and who opened it (`BEFORE` … `FORGER`).
    provider, kind, region
        Indexes of institution, type and area.
    opened
        Instant; `day_only`: delivered as a date.
    shown
        Day on which the card on file begins, `NO_DAY` where there is none on file.
    name
        Index of the name on the account.
    amount, balance, overdue
        Yuan.
    channel, operator
        Index of the channel; number of the operator, unique within the institution.
    phone
        Number that makes the phone: equal ones are the same phone.
    handler
        Index into the holders' numbers, -1 without one.
    has_opening, face_check
        An opening row, a passed face match are delivered.
    inquiries
        How many other institutions asked for the person's report in the days before.
    """

    person: Ints
    who: Ints
    provider: Ints
    kind: Ints
    region: Ints
    opened: Ints
    day_only: Mask
    shown: Ints
    name: Ints
    amount: Ints
    balance: Ints
    overdue: Ints
    channel: Ints
    operator: Ints
    phone: Ints
    handler: Ints
    has_opening: Mask
    face_check: Mask
    inquiries: Ints

    def __len__(self) -> int:
        return len(self.person)

    @property
    def is_theft(self) -> Mask:
        """Which accounts the holder did not open."""
        theft: Mask = self.who >= THIEF
        return theft


@dataclass(frozen=True)
class _World:
    rng: np.random.Generator
    holders: Holders
    preset: Preset
    shares: list[float]
    first_day: int

    def habits(self, who: int) -> Habits:
        return self.preset.thief if who >= THIEF else self.preset.holder


@dataclass(frozen=True)
class _Visits:
    person: Ints
    day: Ints


def draw(rng: np.random.Generator, holders: Holders, preset: Preset, shares: list[float], first_day: int) -> Opened:
    """Make all accounts.

    Parameters
    ----------
    shares
        Part of all accounts for each institution.
    """
    has_lost, everyone = holders.has_lost, np.arange(len(holders))
    before = rng.integers(1, 4, len(holders)) - chance(rng, len(holders), 0.3)
    whose = np.repeat(everyone, before)
    until = np.where(has_lost, holders.lost_at // DAY_SECONDS, first_day)[whose]
    start = first_day - 2_400 - 1_500
    early = start + (rng.random(len(whose)) * (until - 1 - start)).astype(np.int64)
    losers = np.flatnonzero(has_lost)
    own = np.repeat(losers, 1 + pick(rng, len(losers), _VISITS))
    world = _World(rng, holders, preset, shares, first_day)
    victims = np.flatnonzero(holders.is_victim)
    parts = [
        _accounts(world, _Visits(whose, early), BEFORE),
        _accounts(world, _later(world, own, HOLDER), HOLDER),
        _accounts(world, _later(world, victims, THIEF), THIEF),
        _accounts(world, _forged(world), FORGER),
    ]
    names = [f.name for f in fields(Opened)]
    order = rng.permutation(sum(len(p) for p in parts))
    return Opened(**{name: np.concatenate([getattr(p, name) for p in parts])[order] for name in names})


def _later(world: _World, person: Ints, who: int) -> _Visits:
    """Draw visits after the loss, at times at which an account without a card on file is no more than a lead."""
    rng, holders, habits = world.rng, world.holders, world.habits(who)
    start = holders.leads_from[person]
    wait = (habits.delay * np.exp(rng.standard_normal(len(person)))).astype(np.int64)
    room = world.first_day - 2 - start
    wait = np.where(wait < room, wait, (rng.random(len(person)) * np.maximum(room, 1)).astype(np.int64))
    month = holders.reported_at[person] // DAY_SECONDS + 24 - start
    soon = chance(rng, len(person), habits.rush) & (month > 0)
    hurried = (rng.random(len(person)) * np.maximum(month, 1)).astype(np.int64)
    return _Visits(person, start + np.where(soon, hurried, np.maximum(wait, 0)))


def _forged(world: _World) -> _Visits:
    person = np.flatnonzero(world.holders.is_forged)
    return _Visits(person, world.first_day - world.rng.integers(10, _EARLIEST, len(person)))


def _accounts(world: _World, visits: _Visits, who: int) -> Opened:
    rng, holders, habits = world.rng, world.holders, world.habits(who)
    many = np.ones(len(visits.person), np.int64) if who == BEFORE else 1 + pick(rng, len(visits.person), habits.bursts)
    visit = np.repeat(np.arange(len(visits.person)), many)
    person, count = visits.person[visit], len(visit)
    nth = np.arange(count) - np.repeat(np.cumsum(many) - many, many)
    day = np.minimum(visits.day[visit] + nth * rng.integers(0, 3, count), world.first_day - 1)
    late = chance(rng, count, habits.night)
    hour = np.where(late, rng.integers(22, 30, count) % 24, rng.integers(8, 20, count))
    opened = day * DAY_SECONDS + hour * 3600 + rng.integers(0, 3600, count)
    kind = _KINDS.take(pick(rng, count, _MIX))
    away = chance(rng, count, habits.away)
    region = np.where(away, rng.integers(0, len(AREAS), count), holders.home[person])
    factor = habits.amount if who != BEFORE else 1.0
    drawn = _USUAL[kind] * factor * np.exp(_SPREAD * rng.standard_normal(count))
    amount: Ints = np.maximum(drawn.astype(np.int64) // 100 * 100, 100)
    many_houses = len(world.shares)
    provider = rng.integers(0, many_houses, count) if world.preset.tiny else pick(rng, count, world.shares)
    channel, operator, handler = _doors(world, person, who)
    balance, overdue = _owed(rng, habits, kind, amount, world.first_day - day)
    ring = chance(rng, count, habits.ring_phone)
    name = holders.name[person]
    odd = np.ones(count, bool) if who == FORGER else chance(rng, count, habits.misnamed / (1 + 9 * (who == BEFORE)))
    return Opened(
        person=person,
        who=np.full(count, who, np.int8),
        provider=provider,
        kind=kind,
        region=region,
        opened=opened,
        day_only=chance(rng, count, _DAY_ONLY),
        shown=_shown(rng, holders, person, who),
        name=np.where(odd, (name + 1 + visit) % NAMES, name),
        amount=amount,
        balance=balance,
        overdue=overdue,
        channel=channel,
        operator=operator,
        phone=np.where(ring, _ring(person, who) + 50_000_000, person * 2 + (who >= THIEF)),
        handler=handler,
        has_opening=~chance(rng, count, _NO_OPENING),
        face_check=chance(rng, count, habits.face_check),
        inquiries=np.where(chance(rng, count, habits.inquired) & (who != BEFORE), rng.integers(1, 4, count), 0),
    )


def _ring(person: Ints, who: int) -> Ints:
    """Return the number of each person's ring: thieves and holders keep to their own."""
    return person // RING * 2 + (who >= THIEF)


def _doors(world: _World, person: Ints, who: int) -> tuple[Ints, Ints, Ints]:
    """Draw channel, operator and handler."""
    rng, holders, habits = world.rng, world.holders, world.habits(who)
    count = len(person)
    agent = chance(rng, count, _AGENTS_OF_REMOTE)
    remote = chance(rng, count, habits.remote)
    channel = np.where(
        remote, np.where(agent, AGENT, ONLINE), np.where(chance(rng, count, 0.85), COUNTER, MACHINE)
    ).astype(np.int8)
    many = 3 if world.preset.tiny else OPERATORS
    bent = chance(rng, count, habits.bent_operator)
    operator = np.where(bent, rng.integers(0, BENT, count), rng.integers(0, many, count))
    ring = len(holders) + _ring(person, who) % (len(holders.numbers) - len(holders))
    relative = rng.integers(0, len(holders), count)
    handler = np.where(chance(rng, count, habits.ring_handler), ring, relative)
    return channel, operator, np.where(channel == AGENT, handler, -1)


def _owed(rng: np.random.Generator, habits: Habits, kind: Ints, amount: Ints, age: Ints) -> tuple[Ints, Ints]:
    """Draw balance and overdue amount in yuan, for accounts of these ages in days."""
    count = len(kind)
    credit = kind < DEPOSIT
    months = np.maximum(age // 30, 0)
    behind = credit & chance(rng, count, habits.overdue) & (months > 0)
    never = chance(rng, count, habits.never_paid)
    missed = np.minimum(np.where(never, months, rng.integers(1, 4, count)), np.minimum(months, _INSTALMENTS))
    paid = np.minimum(months, _INSTALMENTS) - np.where(behind, missed, 0)
    balance = np.where(
        credit, amount - amount * np.maximum(paid, 0) // _INSTALMENTS, amount * rng.integers(0, 3, count)
    )
    return balance, np.where(behind, amount * missed // _INSTALMENTS, 0)


def _shown(rng: np.random.Generator, holders: Holders, person: Ints, who: int) -> Ints:
    count = len(person)
    if who == BEFORE:
        return np.where(chance(rng, count, 0.9), holders.old_card[person], NO_DAY)
    if who >= THIEF:
        return np.where(chance(rng, count, _THIEF_CARD_ON_FILE), holders.old_card[person], NO_DAY)
    card = np.where(chance(rng, count, _OLD_CARD_SHOWN), holders.old_card[person], holders.new_card[person])
    return np.where(chance(rng, count, _CARD_ON_FILE), card, NO_DAY)
