"""Presets of a desk's leads: how thieves and holders behave after a card was lost, one signal changed at a time.

The shares are our own choice, made so that each signal speaks for a theft without deciding it: nobody publishes
such figures. ``all_signals`` is the one that features and signs were worked out on; the others are for evaluation
alone, and differ from it in what their `changed` says and in nothing else.
"""

from dataclasses import dataclass, field, replace
from typing import Final


@dataclass(frozen=True)
class Habits:
    """How one kind of person opens accounts after the loss; all are shares of accounts but where it says otherwise.

    Attributes
    ----------
    overdue, never_paid
        Have an overdue amount; of those, have never paid an instalment.
    away
        Opened in another region than the person's own.
    bursts
        Of visits (a person's openings within days of each other): weights of 1, 2, 3 and 4 accounts.
    remote
        Online or through an agent, instead of at a counter or machine.
    night
        Opened between 22:00 and 06:00.
    ring_phone, ring_handler
        With a phone that serves several persons; of those through an agent, with a handler who does.
    bent_operator
        Of those at a counter, machine or agent: by one of the few operators who let such openings pass.
    face_check, inquired
        With a recorded face or fingerprint match; with inquiries of other institutions within the days before.
    delay, rush
        Median days from the collection of the new card (where none is known, from the 91st day after the report) to
        the visit; visits within the month of the report instead, where the new card was there so soon.
    amount
        Factor on the usual amount.
    misnamed
        With another name than the person's.
    """

    overdue: float
    never_paid: float
    away: float
    bursts: tuple[int, int, int, int]
    remote: float
    night: float
    ring_phone: float
    ring_handler: float
    bent_operator: float
    face_check: float
    inquired: float
    delay: float
    rush: float
    amount: float
    misnamed: float


@dataclass(frozen=True)
class Preset:
    """One world.

    Attributes
    ----------
    changed
        What is off or reversed, in words.
    tuned_on
        Features and signs were worked out on it.
    amounts
        Whether any amount, balance or overdue amount is delivered.
    tiny
        Every institution has so few accounts that nothing is usual there.
    """

    name: str
    changed: str
    thief: Habits
    holder: Habits
    tuned_on: bool = field(default=False)
    amounts: bool = field(default=True)
    tiny: bool = field(default=False)


_THIEF: Final = Habits(
    overdue=0.55,
    never_paid=0.7,
    away=0.6,
    bursts=(35, 30, 20, 15),
    remote=0.7,
    night=0.25,
    ring_phone=0.45,
    ring_handler=0.5,
    bent_operator=0.4,
    face_check=0.15,
    inquired=0.5,
    delay=60,
    rush=0.12,
    amount=1.8,
    misnamed=0.08,
)
_HOLDER: Final = Habits(
    overdue=0.1,
    never_paid=0.15,
    away=0.12,
    bursts=(80, 13, 5, 2),
    remote=0.4,
    night=0.06,
    ring_phone=0.04,
    ring_handler=0.12,
    bent_operator=0.05,
    face_check=0.4,
    inquired=0.25,
    delay=420,
    rush=0.06,
    amount=1.0,
    misnamed=0.03,
)

_ALL: Final = Preset("all_signals", "nothing: every signal speaks", _THIEF, _HOLDER)
_CHANGED: Final = (
    replace(
        _ALL,
        name="no_overdue",
        changed="thieves fall behind as seldom as holders do",
        thief=replace(_THIEF, overdue=_HOLDER.overdue, never_paid=_HOLDER.never_paid),
    ),
    replace(
        _ALL,
        name="thief_pays",
        changed="reversed: thieves pay on time, holders fall behind",
        thief=replace(_THIEF, overdue=0.02),
        holder=replace(_HOLDER, overdue=0.2),
    ),
    replace(
        _ALL,
        name="same_region",
        changed="thieves open where the holders live, as holders do",
        thief=replace(_THIEF, away=_HOLDER.away),
    ),
    replace(
        _ALL,
        name="shared_branch",
        changed="holders share operators, phones and handlers as thieves do",
        holder=replace(
            _HOLDER,
            ring_phone=_THIEF.ring_phone,
            ring_handler=_THIEF.ring_handler,
            bent_operator=_THIEF.bent_operator,
        ),
    ),
    replace(_ALL, name="no_amounts", changed="no amount, balance or overdue amount is delivered", amounts=False),
    replace(_ALL, name="tiny_provider", changed="every institution has a few dozen accounts", tiny=True),
    replace(
        _ALL,
        name="slow_thief",
        changed="thieves wait as long as holders do",
        thief=replace(_THIEF, delay=_HOLDER.delay, rush=_HOLDER.rush),
    ),
    replace(
        _ALL,
        name="alone",
        changed="thieves open one account at a time, as holders do, and ask nobody else",
        thief=replace(_THIEF, bursts=_HOLDER.bursts, inquired=_HOLDER.inquired),
    ),
)
PRESETS: Final = {preset.name: preset for preset in (replace(_ALL, tuned_on=True), *_CHANGED)}
"""By name: the one that was tuned on first, then those for evaluation."""
