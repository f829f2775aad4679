"""What thieves did: some slots of a chunk's accounts become theirs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from creditaudit.synth.arrays import DAY_SECONDS, FAR, NO_DAY, NO_INSTANT
from creditaudit.synth.calendars import DATE
from creditaudit.synth.institutions import BANK, Provider
from creditaudit.synth.people import REPLACED, Persons
from creditaudit.synth.scenarios import (
    BETWEEN,
    CHAIN,
    D1,
    DEAD,
    DEPOSIT,
    LATE_ACCOUNT,
    NO_CARD,
    R4,
    SAME_DAY,
    STORIES,
    SUPERSEDED,
    WITHDRAWN,
    Cast,
)

if TYPE_CHECKING:
    from creditaudit.synth.accounts import Accounts


def _stolen(persons: Persons, victim: int, story: int) -> tuple[int, int, bool]:
    """Return which card the thief has, the second from which the story runs, and whether it can be told at all."""
    if story == DEAD:
        died = int(persons.died_on[victim])
        card = int(persons.card_at(np.array([victim]), np.array([died - 1]))[0])
        # The registry hears of a death some days later.
        return card, (died + 5) * DAY_SECONDS, died != FAR
    if story == SUPERSEDED:
        ended = np.flatnonzero(persons.ended[:, victim] == REPLACED)
        if not len(ended):
            return -1, 0, False
        card = int(ended[0])
        return card, int(persons.usable_to[card, victim]) * DAY_SECONDS, True
    card = int(persons.lost_card[victim])
    start = {BETWEEN: persons.lost_at, WITHDRAWN: persons.withdrawn_at}.get(story, persons.reported_at)
    return card, int(start[victim]), card >= 0 and int(start[victim]) != NO_INSTANT


def commit(
    rng: np.random.Generator,
    houses: Sequence[Provider],
    persons: Persons,
    accounts: "Accounts",
    cast: Cast,
    *,
    nights: int,
) -> None:
    """Turn slots into thieves' accounts, in place.

    A Python loop over the victims: there are fewer than one in two thousand accounts. A story that cannot be
    told of a person (no card to lose in the time that is left) is not told.
    """
    roles = np.array([h.role for h in houses], dtype=np.int8)
    free = (accounts.night == 0) & (accounts.updated < 0) & (accounts.renamed < 0)
    slots = iter(rng.permutation(np.flatnonzero(free & (roles.take(accounts.provider) == BANK))).tolist())
    for nth, victim in enumerate(cast.victims.tolist()):
        story = int(persons.scenario[victim])
        card, start, told = _stolen(persons, victim, story)
        if not told:
            continue
        seconds = start
        previous = -1
        for kind in STORIES[story].accounts:
            slot = next(slots, -1)
            if slot < 0:
                return
            days = int(rng.integers(3, 8) if story == BETWEEN else rng.integers(2, 10))
            # An office hour of a later day: always after what the story starts with, by whole days.
            seconds = (seconds // DAY_SECONDS + days) * DAY_SECONDS + int(rng.integers(9 * 3600, 19 * 3600))
            if story == SAME_DAY:
                seconds = start + 1800
                accounts.form[slot] = DATE
            _write(accounts, slot, kind, seconds)
            accounts.person[slot], accounts.story[slot] = victim, story
            accounts.card[slot] = card
            accounts.shown[slot] = NO_DAY if story == NO_CARD or card < 0 else persons.issued[card, victim]
            accounts.guarded[slot] = nth < cast.guarded
            if story == LATE_ACCOUNT and nights > 1:
                accounts.night[slot] = 1 + nth % (nights - 1)
            accounts.opening_night[slot] = accounts.night[slot]
            if story == CHAIN and kind == D1:
                accounts.settlement[slot] = previous
            previous = slot if kind == DEPOSIT else -1


def _write(accounts: "Accounts", slot: int, kind: int, seconds: int) -> None:
    accounts.kind[slot] = kind
    accounts.opened[slot] = seconds
    accounts.agreed[slot] = NO_INSTANT
    accounts.document[slot] = 0
    if kind == R4:
        accounts.agreed[slot] = seconds
        accounts.opened[slot] = seconds + 3 * DAY_SECONDS
