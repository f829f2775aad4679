"""Rows of the three registries, before they are spelled: loss reports, invalid cards, issuances."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from creditaudit.synth.arrays import DAY_SECONDS, FAR, NO_DAY, NO_INSTANT, Ints, chance, pick, rare
from creditaudit.synth.calendars import COMPACT, DATE, MINUTE, NOTHING, SECOND, add_months
from creditaudit.synth.people import LOST, STILL_VALID, Persons
from creditaudit.synth.rows import BAD_CODE, BAD_TYPE, DROPPED, INTACT, MISSING, Layout
from creditaudit.synth.scenarios import CARDLESS_NOTICE, LATE_NOTICE, REGISTRY_ONLY, SAME_DAY, Plan

LOSS_LAYOUT: Final = Layout(0, {BAD_TYPE: (6, b"2025-02-30"), MISSING: (1, b""), DROPPED: (3, "不详".encode())})
INVALID_LAYOUT: Final = Layout(
    0, {BAD_TYPE: (7, b"2025-13-01"), BAD_CODE: (6, b"lost"), MISSING: (1, b""), DROPPED: (3, "不详".encode())}
)
ISSUANCE_LAYOUT: Final = Layout(0, {BAD_TYPE: (1, b"20251301"), BAD_CODE: (3, b"P"), DROPPED: (5, "未领".encode())})

EVENTS: Final = (
    "reported_lost",
    "withdrawn",
    "renewed",
    "replaced",
    "damaged",
    "name_changed",
    "item_error",
    "cancelled_death",
    "cancelled_other",
)
# However many nights there are: what the first one knows of is not dealt out to the others.
_LATE_MOST: Final = 0.9
# In the order of people.RENEWED … people.ITEM_ERROR.
(REPORTED, TAKEN_BACK, _RENEWED_EVENT, *_, DEATH, ELSE) = range(9)


@dataclass
class Notices:
    """Rows of one registry feed; arrays have one element per row.

    Attributes
    ----------
    person
        Index into the chunk's persons.
    serial
        Makes the key; `withdraws` the key that a withdrawal names, -1 for none.
    night
        Night of delivery.
    event
        Index into `EVENTS` (invalid_cards), or 0.
    noticed, noticed_to
        Printed validity of the card, `NO_DAY` where the row gives none.
    at
        Reported or effective; `lost`, `entered`, `visible`, `withdrawn` as in the feed, `NO_INSTANT` for missing.
    form
        How all instants of the row are spelled.
    flaw
        What is wrong with the row (`rows`).
    """

    person: Ints
    serial: Ints
    withdraws: Ints
    night: Ints
    event: Ints
    noticed: Ints
    noticed_to: Ints
    at: Ints
    lost: Ints
    entered: Ints
    visible: Ints
    withdrawn: Ints
    form: Ints
    flaw: Ints

    def __len__(self) -> int:
        return len(self.person)

    def take(self, rows: Ints) -> "Notices":
        """Return the rows with these indexes."""
        return Notices(**{name: value[rows] for name, value in vars(self).items()})


def join(*tables: Notices) -> Notices:
    """Put tables of notices behind each other."""
    return Notices(**{name: np.concatenate([vars(t)[name] for t in tables]) for name in vars(tables[0])})


def _night_of(day: Ints, plan: Plan) -> Ints:
    """Return the night that can first hold what became known on the day: the day after, or the first night."""
    night: Ints = np.clip(day - plan.first_day + 1, 0, plan.nights - 1)
    return night


def _forms(rng: np.random.Generator, count: int) -> Ints:
    return np.array([DATE, COMPACT, MINUTE, SECOND], np.int8)[pick(rng, count, (38, 12, 10, 40))]


def _clock(rng: np.random.Generator, at: Ints, night: Ints, plan: Plan) -> tuple[Ints, Ints]:
    """Draw when a notice was entered and became visible; what the night cannot know yet is missing."""
    count = len(at)
    limit = (plan.first_day + night + 1) * DAY_SECONDS
    entered = at + rng.integers(0, 2 * DAY_SECONDS, count)
    visible = entered + rng.integers(0, 3 * DAY_SECONDS, count)
    entered = np.where(chance(rng, count, 0.2) | (entered >= limit), NO_INSTANT, entered)
    visible = np.where(chance(rng, count, 0.5) | (visible >= limit), NO_INSTANT, visible)
    return entered, visible


def losses(rng: np.random.Generator, persons: Persons, plan: Plan, guarded: Ints) -> tuple[Notices, Notices]:
    """Make the loss reports and their twins in the registry of invalid cards.

    Parameters
    ----------
    guarded
        Persons whose notices stay undamaged.

    Returns
    -------
    Rows of loss_reports, and those of invalid_cards with event reported_lost or withdrawn.
    """
    person = np.flatnonzero(persons.lost_card >= 0)
    count = len(person)
    story = persons.scenario[person]
    card = persons.lost_card[person]
    reported, lost = persons.reported_at[person], persons.lost_at[person]
    noticed = persons.issued[card, person]
    noticed_to = np.where(chance(rng, count, 0.4), NO_DAY, persons.valid_to[card, person])
    nameless = (chance(rng, count, 0.1) & (story < 0)) | (story == CARDLESS_NOTICE)
    night = _night_of(reported // DAY_SECONDS, plan)
    if plan.nights > 1:
        late = rare(rng, count, min(0.003 * (plan.nights - 1), _LATE_MOST), int(plan.small) * (plan.nights - 1))
        night[late] = np.maximum(night[late], rng.integers(1, plan.nights, len(late)))
        waits = np.flatnonzero(story == LATE_NOTICE)
        night[waits] = 1 + np.arange(len(waits)) % (plan.nights - 1)
    form = np.where(story == SAME_DAY, DATE, _forms(rng, count)).astype(np.int8)
    entered, visible = _clock(rng, reported, night, plan)
    serial = (persons.first + person) * 16
    none = np.full(count, -1)
    table = Notices(
        person,
        serial,
        none,
        night,
        np.zeros(count, np.int8),
        np.where(nameless, NO_DAY, noticed),
        noticed_to,
        reported,
        np.where(chance(rng, count, 0.3) & (story < 0), NO_INSTANT, lost),
        entered,
        visible,
        persons.withdrawn_at[person],
        form,
        np.zeros(count, np.int8),
    )
    in_police = (chance(rng, count, 0.93) | (story >= 0)) & (story != REGISTRY_ONLY)
    in_registry = (chance(rng, count, 0.88) & (story != SAME_DAY)) | ~in_police
    police = _with_withdrawals(rng, table.take(np.flatnonzero(in_police)), plan)
    registry = _twins(rng, table.take(np.flatnonzero(in_registry)), plan, persons)
    _damage(rng, police, plan, LOSS_LAYOUT, guarded)
    _damage(rng, registry, plan, INVALID_LAYOUT, guarded)
    return police, registry


def _damage(rng: np.random.Generator, table: Notices, plan: Plan, layout: Layout, guarded: Ints) -> None:
    flaw = layout.plan(rng, len(table), plan.flaw_share, int(plan.small))
    flaw[np.isin(table.person, guarded)] = INTACT
    table.flaw = flaw


def _with_withdrawals(rng: np.random.Generator, table: Notices, plan: Plan) -> Notices:
    """Deliver some withdrawals a night or more after the report: as a later row of the same key."""
    taken_back = table.withdrawn != NO_INSTANT
    known = _night_of(table.withdrawn // DAY_SECONDS, plan)
    if plan.nights > 1:
        late = taken_back & chance(rng, len(table), 0.3)
        known = np.where(late, np.maximum(known, rng.integers(1, plan.nights, len(table))), known)
    again = np.flatnonzero(taken_back & (known > table.night))
    later = table.take(again)
    later.night = known[again]
    later.entered = np.maximum(later.entered, later.withdrawn) + 3600
    later.visible = np.full(len(again), NO_INSTANT)
    table.withdrawn = table.withdrawn.copy()
    table.withdrawn[again] = NO_INSTANT
    return join(table, later)


def _twins(rng: np.random.Generator, table: Notices, plan: Plan, persons: Persons) -> Notices:
    """Enter reports into the registry some hours or days later, and their withdrawals as events of their own."""
    count = len(table)
    withdrawn = table.withdrawn
    table.at = table.at + rng.integers(1800, 60 * 3600, count)
    table.at = np.where(persons.scenario[table.person] == REGISTRY_ONLY, persons.reported_at[table.person], table.at)
    known = table.at // DAY_SECONDS
    table.night = np.maximum(table.night, _night_of(known, plan))
    table.entered, table.visible = _clock(rng, table.at, table.night, plan)
    table.form = _forms(rng, count)
    table.lost = table.withdrawn = np.full(count, NO_INSTANT)
    taken_back = np.flatnonzero((withdrawn > table.at) & chance(rng, count, 0.85))
    back = table.take(taken_back)
    back.at = withdrawn[taken_back]
    back.night = np.maximum(back.night, _night_of(back.at // DAY_SECONDS, plan))
    back.withdraws, back.serial = back.serial, back.serial + 1
    back.event = np.full(len(back), TAKEN_BACK, np.int8)
    back.entered, back.visible = _clock(rng, back.at, back.night, plan)
    both = join(table, back)
    return both.take(np.flatnonzero(both.at < plan.last_day * DAY_SECONDS))


def superseded(rng: np.random.Generator, persons: Persons, plan: Plan, guarded: Ints) -> Notices:
    """Make the registry's rows for cards that were replaced or renewed, and for persons who died or left."""
    reason = persons.ended
    nth, person = np.nonzero((reason != STILL_VALID) & (reason != LOST))
    gone = np.flatnonzero(persons.died_on < FAR)
    day = np.concatenate([persons.usable_to[nth, person], persons.died_on[gone] + rng.integers(1, 4, len(gone))])
    died = np.where(persons.emigrated[gone], ELSE, DEATH)
    event = np.concatenate([reason[nth, person] - 1 + _RENEWED_EVENT, died]).astype(np.int8)
    noticed = np.concatenate([persons.issued[nth, person], np.full(len(gone), NO_DAY)])
    to = np.concatenate([persons.valid_to[nth, person], np.full(len(gone), NO_DAY)])
    serial = np.concatenate([(persons.first + person) * 16 + 2 + nth, (persons.first + gone) * 16 + 8])
    who = np.concatenate([person, gone])
    count = len(who)
    at = day * DAY_SECONDS + rng.integers(8 * 3600, 18 * 3600, count)
    night = _night_of(day, plan)
    noticed[chance(rng, count, 0.02) & (persons.scenario[who] < 0)] = NO_DAY
    entered, visible = _clock(rng, at, night, plan)
    none = np.full(count, NO_INSTANT)
    table = Notices(
        who,
        serial,
        np.full(count, -1),
        night,
        event,
        noticed,
        to,
        at,
        none,
        entered,
        visible,
        none,
        _forms(rng, count),
        np.zeros(count, np.int8),
    )
    table = table.take(np.flatnonzero(day < plan.last_day))
    _damage(rng, table, plan, INVALID_LAYOUT, guarded)
    return table


@dataclass
class Issuances:
    """Rows of issuances: one per card issued, `collected` `NO_INSTANT` where it is not given."""

    person: Ints
    valid_from: Ints
    valid_to: Ints
    temporary: Ints
    reason: Ints
    collected: Ints
    form: Ints
    night: Ints
    flaw: Ints


REASONS: Final = ("first", "renewed", "replaced", "damaged", "name_changed", "item_error", "lost", "temporary")


def issuances(rng: np.random.Generator, persons: Persons, plan: Plan) -> Issuances:
    """Make the rows of issued cards: nearly all permanent ones, and temporary ones after some losses."""
    nth, person = np.nonzero(persons.issued != NO_DAY)
    kept = ~chance(rng, len(nth), 0.03)
    nth, person = nth[kept], person[kept]
    before = np.where(nth == 0, 0, persons.ended[nth - 1, person])
    collected = persons.usable_from[nth, person]
    borrowed = np.flatnonzero(persons.temporary_from < plan.last_day)
    given = persons.temporary_from[borrowed]
    start = np.concatenate([persons.issued[nth, person], given])
    day = np.concatenate([collected, given])
    known = day < plan.last_day
    count = len(start)
    at = np.where(
        known & ~chance(rng, count, 0.04), day * DAY_SECONDS + rng.integers(30_600, 61_200, count), NO_INSTANT
    )
    form = np.where(at == NO_INSTANT, NOTHING, _forms(rng, count)).astype(np.int8)
    temporary = np.concatenate([np.zeros(len(nth), np.int8), np.ones(len(borrowed), np.int8)])
    reason = np.concatenate([before, np.full(len(borrowed), len(REASONS) - 1)])
    who = np.concatenate([person, borrowed])
    to = np.concatenate([persons.valid_to[nth, person], add_months(given, 3)])
    flaw = ISSUANCE_LAYOUT.plan(rng, count, plan.flaw_share, int(plan.small))
    return Issuances(who, start, to, temporary, reason, at, form, _night_of(np.where(known, day, start), plan), flaw)
