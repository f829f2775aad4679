"""Persons: their numbers, names and ID cards through the years, and what they lost.

A card history follows the documented validity by age at issue (DOMAIN 2.2): under 16 five years, 16 to 25
ten, 26 to 45 twenty, from 46 on for life.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from creditaudit.synth import identity
from creditaudit.synth.arrays import DAY_SECONDS, FAR, NO_DAY, NO_INSTANT, Cells, Ints, Mask, chance, pick, rare
from creditaudit.synth.calendars import add_months, day_of, years_between
from creditaudit.synth.scenarios import BETWEEN, DEAD, SUPERSEDED, WITHDRAWN, Plan
from creditaudit.synth.vocabulary import NAMES

CARDS: Final = 5
"""Cards followed per person; nobody here outlives so many."""
STILL_VALID, RENEWED, REPLACED, DAMAGED, NAME_CHANGED, ITEM_ERROR, LOST = range(7)

_TEMPORARY_IN_TEN = 3
# Years of validity below each age and from the last on; 0 is for life.
_AGES, _YEARS_VALID = np.array([16, 26, 46]), np.array([5, 10, 20, 0])
_RULES = day_of("2005-01-01")  # second-generation cards with printed validity, from about then on
_LOSSES_FROM = day_of("2012-01-01")


@dataclass(frozen=True)
class Persons:
    """Persons of one chunk; arrays have one element per person, card arrays one row per card of theirs.

    Attributes
    ----------
    first
        Running number of the first person.
    numbers
        Plain citizen numbers, 20 bytes wide.
    born
        Day.
    name, later_name
        Index into the names; `later_name` holds from `renamed_on` on (`FAR`: never).
    died_on
        Day of death or of leaving the country; `FAR` if neither.
    emigrated
        The day above is of leaving the country, not of death.
    issued, valid_to, usable_from, usable_to
        Shape (`CARDS`, persons), days: printed validity (`valid_to` `FAR`: for life), and the days on which the
        holder had the card: [usable_from, usable_to). `issued` `NO_DAY`: there is no such card.
    ended
        Why the card ended, `STILL_VALID` … `LOST`.
    lost_card
        Which card the person reported lost; -1 for nearly all: never.
    lost_at, reported_at, withdrawn_at
        Instants; `NO_INSTANT` where there is none.
    scenario
        Of a victim of theft; -1 otherwise.
    """

    first: int
    numbers: Cells
    born: Ints
    area: Ints
    name: Ints
    later_name: Ints
    renamed_on: Ints
    died_on: Ints
    emigrated: Mask
    issued: Ints
    valid_to: Ints
    usable_from: Ints
    usable_to: Ints
    ended: Ints
    lost_card: Ints
    lost_at: Ints
    reported_at: Ints
    withdrawn_at: Ints
    scenario: Ints

    def __len__(self) -> int:
        return len(self.born)

    @property
    def temporary_from(self) -> Ints:
        """Day from which the person had a temporary card, `FAR` for never: some of those who lost a card."""
        has = (
            (self.lost_card >= 0)
            & (self.withdrawn_at == NO_INSTANT)
            & (self.born % 10 < _TEMPORARY_IN_TEN)
            & (self.scenario < 0)
        )
        day: Ints = np.where(has, self.reported_at // DAY_SECONDS + 2, FAR)
        return day

    def card_at(self, person: Ints, day: Ints) -> Ints:
        """Return which card of the person was in hand on the day, -1 for none."""
        card = np.full(len(person), -1, dtype=np.int8)
        for nth in range(CARDS):
            had = (self.usable_from[nth].take(person) <= day) & (day < self.usable_to[nth].take(person))
            card[had] = nth
        return card

    def of_card(self, table: Ints, card: Ints, person: Ints) -> Ints:
        """Look up a card array; card -1 gives `NO_DAY`."""
        found: Ints = np.where(card < 0, NO_DAY, table[np.maximum(card, 0), person])
        return found

    def name_on(self, person: Ints, day: Ints) -> Ints:
        """Return the index of the name that the person bore on the day."""
        name = self.name.take(person)
        changed = np.flatnonzero(day >= self.renamed_on.take(person))
        name[changed] = self.later_name[person[changed]]
        return name


def _validity(born: Ints, issued: Ints) -> Ints:
    """Return the printed end of a card, `FAR` for life."""
    age = years_between(born, issued)
    years = _YEARS_VALID.take(np.searchsorted(_AGES, age, side="right"))
    ends: Ints = np.where(years == 0, FAR, add_months(issued, years * 12))
    return ends


@dataclass
class _Fate:
    """What will happen to each person, before the cards are dealt. Days, `FAR` = never."""

    lost_on: Ints
    delay: Ints
    other_on: Ints
    other_kind: Ints
    died_on: Ints
    emigrated: Mask
    withdrawn_after: Ints


def _fates(rng: np.random.Generator, born: Ints, first_card: Ints, plan: Plan, scenario: Ints) -> _Fate:
    count = len(born)
    last_day = plan.last_day
    loses = chance(rng, count, plan.loss_share)
    span = last_day - 2 - _LOSSES_FROM
    # The square root leans to recent years: reporting a loss at a counter or online became easy only lately.
    lost_on = _LOSSES_FROM + (np.sqrt(rng.random(count)) * span).astype(np.int64)
    recent = np.flatnonzero(loses & chance(rng, count, plan.recent_share))
    if plan.nights > 1 and len(recent):
        lost_on[recent] = plan.first_day + rng.integers(1, plan.nights, len(recent)) - rng.integers(1, 3, len(recent))
    delay = rng.integers(0, 5, count)
    other = chance(rng, count, 0.06)
    other_on = np.where(other, rng.integers(_LOSSES_FROM, last_day - 40, count), FAR)
    other_kind = pick(rng, count, (45, 35, 12, 8)) + REPLACED
    died_on = np.full(count, FAR)
    gone = rare(rng, count, 0.014)
    # Nobody here dies before having lived some years with accounts of their own.
    died = np.maximum(rng.integers(_LOSSES_FROM, last_day - 10, len(gone)), born[gone] + 25 * 365)
    died_on[gone] = np.where(died < last_day - 10, died, FAR)
    emigrated = chance(rng, count, 0.2)
    withdrawn_after = np.where(chance(rng, count, 0.06), rng.integers(1, 12, count), FAR)

    victim = np.flatnonzero(scenario >= 0)
    if len(victim):
        what = scenario[victim]
        safe = plan.first_day - 150
        floor = np.maximum(first_card[victim] + 120, day_of("2016-01-01"))
        day = np.minimum(floor + (rng.random(len(victim)) * np.maximum(safe - floor, 1)).astype(np.int64), safe)
        dead, replaced = what == DEAD, what == SUPERSEDED
        loses[victim] = ~dead & ~replaced
        lost_on[victim] = day
        delay[victim] = np.where(what == BETWEEN, 12, rng.integers(1, 4, len(victim)))
        other_on[victim] = np.where(replaced, day, FAR)
        other_kind[victim] = REPLACED
        died_on[victim] = np.where(dead, day, FAR)
        emigrated[victim] = False
        withdrawn_after[victim] = np.where(what == WITHDRAWN, 3, FAR)
    lost_on = np.where(loses, lost_on, FAR)
    return _Fate(lost_on, delay, other_on, other_kind, died_on, emigrated, withdrawn_after)


def draw(rng: np.random.Generator, first: int, count: int, plan: Plan, scenario: Ints) -> Persons:
    """Make `count` persons, numbered from `first` on.

    Parameters
    ----------
    scenario
        Theft scenario of each person, -1 for nearly all.
    """
    numbers, born, area = identity.draw(np.arange(first, first + count), plan.seed)
    adult = born + 5844  # 16 years
    issue = np.maximum(rng.integers(_RULES, _RULES + 2600, count), adult + rng.integers(0, 500, count))
    young = rare(rng, count, 0.02)
    issue[young] = np.maximum(_RULES, born[young] + 12 * 365)
    fate = _fates(rng, born, issue, plan, scenario)
    shape = (CARDS, count)
    issued, valid_to = np.full(shape, NO_DAY, np.int64), np.full(shape, NO_DAY, np.int64)
    start_of, end_of = np.full(shape, FAR, np.int64), np.full(shape, FAR, np.int64)
    ended = np.zeros(shape, np.int8)
    lost_card = np.full(count, -1, np.int8)
    lost_on = fate.lost_on
    lost_day = np.full(count, NO_DAY, np.int64)
    start = issue + rng.integers(3, 40, count)
    final = np.minimum(fate.died_on, plan.last_day - 1)
    for nth in range(CARDS):
        exists = issue < final
        if not exists.any():
            break
        to = _validity(born, np.where(exists, issue, born))
        issued[nth], valid_to[nth] = np.where(exists, issue, NO_DAY), np.where(exists, to, NO_DAY)
        renew = np.where(to == FAR, FAR, to - rng.integers(0, 60, count))
        other = np.where(fate.other_on > start + 20, fate.other_on, FAR)
        planned = np.minimum(renew, other)
        # A loss that falls before the card was in hand waits until it is.
        loss = np.where((lost_on != FAR) & (lost_card < 0), np.maximum(lost_on, start + 5), FAR)
        hit = exists & (loss < planned) & (loss + fate.delay < final)
        lost_card[hit], lost_day[hit] = nth, loss[hit]
        gone = hit & (fate.withdrawn_after == FAR)
        nxt = np.where(gone, loss + fate.delay + rng.integers(1, 21, count), planned)
        # A victim's new card takes long: there must be time for the thief.
        nxt += np.where(gone & (scenario >= 0), 20, 0)
        pickup = nxt + rng.integers(5, 46, count)
        follows = exists & (nxt < final)
        reason = np.where(gone, LOST, np.where(follows, np.where(other < renew, fate.other_kind, RENEWED), STILL_VALID))
        ended[nth] = np.where(exists, reason, STILL_VALID)
        start_of[nth] = np.where(exists, start, FAR)
        end_of[nth] = np.where(gone, loss, np.where(follows, pickup, FAR))
        issue, start = np.where(follows, nxt, FAR), np.where(follows, pickup, FAR)
    second = rng.integers(8 * 3600, 20 * 3600, count)
    lost = lost_card >= 0
    lost_at = np.where(lost, lost_day * DAY_SECONDS + second, NO_INSTANT)
    reported_at = np.where(lost, lost_at + fate.delay * DAY_SECONDS + rng.integers(600, 3 * 3600, count), NO_INSTANT)
    taken_back = lost & (fate.withdrawn_after != FAR)
    withdrawn = reported_at + fate.withdrawn_after * DAY_SECONDS + rng.integers(0, 7200, count)
    taken_back &= withdrawn < (plan.last_day - 1) * DAY_SECONDS
    renamed = rng.integers(0, NAMES, count)
    renamed_on = np.full(count, FAR)
    for nth in range(CARDS):
        hit = ended[nth] == NAME_CHANGED
        renamed_on[hit] = end_of[nth][hit]
    return Persons(
        first,
        numbers,
        born,
        area,
        rng.integers(0, NAMES, count),
        renamed,
        renamed_on,
        fate.died_on,
        fate.emigrated,
        issued,
        valid_to,
        start_of,
        end_of,
        ended,
        lost_card,
        lost_at,
        reported_at,
        np.where(taken_back, withdrawn, NO_INSTANT),
        scenario,
    )
