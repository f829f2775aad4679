"""Persons of a desk's world: most of them lost a card, reported it and got a new one; from some it was stolen."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from creditaudit.synth import identity
from creditaudit.synth.arrays import DAY_SECONDS, NO_DAY, NO_INSTANT, Cells, Ints, Mask, chance
from creditaudit.synth.calendars import day_of
from creditaudit.synth.vocabulary import AREAS, NAMES

LOST_SHARE: Final = 0.7
STOLEN_SHARE: Final = 0.05
FORGED_SHARE: Final = 0.015
_COLLECTED_UNKNOWN = 0.2
_EXPRESS = 0.4
_NATIVE = 0.6
_LONGEST, _SHORTEST = 2400, 150
_BORN_BEFORE = day_of("1997-01-01")


@dataclass(frozen=True)
class Holders:
    """Persons; arrays have one element each. Days are `NO_DAY` and instants `NO_INSTANT` where there is none.

    Attributes
    ----------
    numbers
        Citizen numbers. There are more of these than persons: the rest are handlers'.
    home
        Index of the area in which the person lives; not always that of the number.
    name
        Index into the names.
    old_card, new_card
        Day on which the card begins.
    lost_at, reported_at
        Instants.
    collected_on
        Day on which the new card was fetched; `NO_DAY` also where nobody wrote it down.
    is_victim, is_forged
        A thief uses the lost card; somebody uses the number of a person who lost none.
    """

    numbers: Cells
    home: Ints
    name: Ints
    old_card: Ints
    new_card: Ints
    lost_at: Ints
    reported_at: Ints
    collected_on: Ints
    is_victim: Mask
    is_forged: Mask

    def __len__(self) -> int:
        return len(self.home)

    @property
    def has_lost(self) -> Mask:
        """Who reported a card lost."""
        lost: Mask = self.reported_at != NO_INSTANT
        return lost

    @property
    def leads_from(self) -> Ints:
        """Day from which an account without a card on file is a lead, no more: `NO_DAY` for who lost none."""
        known = np.where(self.collected_on == NO_DAY, self.reported_at // DAY_SECONDS + 91, self.collected_on + 1)
        start: Ints = np.where(self.has_lost, known, NO_DAY)
        return start


def draw(rng: np.random.Generator, count: int, handlers: int, seed: int, first_day: int) -> Holders:
    """Make persons; nothing here differs between presets.

    Parameters
    ----------
    count, handlers
        Persons, and numbers more than that.
    first_day
        Day of the first night: all losses are reported 150 days before it at the latest.
    """
    # Everybody is of age by the earliest opening; four numbers in five are.
    numbers, born, area = identity.draw(np.arange(3 * (count + handlers)), seed)
    adults = np.flatnonzero(born < _BORN_BEFORE)[: count + handlers]
    numbers, area = numbers[adults], area[adults]
    native = chance(rng, count, _NATIVE)
    home = np.where(native, area[:count], rng.integers(0, len(AREAS), count))
    lost = chance(rng, count, LOST_SHARE)
    reported_on = first_day - rng.integers(_SHORTEST, _LONGEST, count)
    reported_at = reported_on * DAY_SECONDS + rng.integers(9 * 3600, 17 * 3600, count)
    lost_at = reported_at - rng.integers(600, 4 * DAY_SECONDS, count)
    quick = chance(rng, count, _EXPRESS)
    collected = reported_on + np.where(quick, rng.integers(3, 10, count), rng.integers(12, 45, count))
    new_card = np.minimum(collected - 1, reported_on + rng.integers(1, 10, count))
    unknown = chance(rng, count, _COLLECTED_UNKNOWN)
    victim = lost & chance(rng, count, STOLEN_SHARE / LOST_SHARE)
    forged = ~lost & chance(rng, count, FORGED_SHARE / (1 - LOST_SHARE))
    return Holders(
        numbers=numbers,
        home=home,
        name=rng.integers(0, NAMES, count),
        old_card=first_day - _LONGEST - rng.integers(400, 2500, count),
        new_card=np.where(lost, new_card, NO_DAY),
        lost_at=np.where(lost, lost_at, NO_INSTANT),
        reported_at=np.where(lost, reported_at, NO_INSTANT),
        collected_on=np.where(lost & ~unknown, collected, NO_DAY),
        is_victim=victim,
        is_forged=forged,
    )
