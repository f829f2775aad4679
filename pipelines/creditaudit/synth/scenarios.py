"""The plan of a run, and the sixteen stories of theft that it tells in turn."""

from dataclasses import dataclass
from typing import Final

from creditaudit.synth.arrays import Ints

(CHAIN, PLAIN, SAME_DAY, REGISTRY_ONLY, LATE_NOTICE, NO_CARD, BURST, LATE_ACCOUNT,
 BETWEEN, WARNED, AGREEMENT, CARDLESS_NOTICE, SAVINGS, DEAD, WITHDRAWN, SUPERSEDED) = range(16)  # fmt: skip

TYPES: Final = ("D1", "R1", "R2", "R3", "R4", "C1", "deposit", "wealth", "securities")
D1, R1, R2, R3, R4, C1, DEPOSIT, WEALTH, SECURITIES = range(9)


@dataclass(frozen=True)
class Story:
    """One way in which a stolen card was used.

    Attributes
    ----------
    accounts
        Types of the accounts that the thief opens, in this order.
    rule
        The rule that the story is made for; None where no rule ought to accuse.
    """

    name: str
    accounts: tuple[int, ...]
    rule: str | None


STORIES: Final = (
    Story("deposit_then_loan", (DEPOSIT, D1), "R101"),
    Story("loan", (D1,), "R101"),
    Story("same_day_dates_only", (D1,), "R101"),
    Story("registry_only", (R2,), "R101"),
    Story("late_notice", (D1,), "R101"),
    Story("card_not_recorded", (D1,), "R102"),
    Story("burst", (R2, D1, D1, R1), "R101"),
    Story("late_account", (R2,), "R101"),
    Story("between_loss_and_report", (D1,), "R105"),
    Story("warning_overridden", (D1,), "R101"),
    Story("credit_line", (R4,), "R101"),
    Story("notice_without_card", (D1,), "R101"),
    Story("savings", (DEPOSIT, WEALTH), "R101"),
    Story("after_death", (D1,), "R107"),
    Story("report_withdrawn", (D1,), None),
    Story("replaced_card", (R2,), "R104"),
)


@dataclass(frozen=True)
class Cast:
    """Victims of one chunk.

    Attributes
    ----------
    victims
        Index of each among the chunk's persons, in the order of their stories.
    guarded
        So many of the first are kept from random damage, so that every run has thefts that the data decide.
    """

    victims: Ints
    guarded: int


FLOOR: Final = 14
"""Victims of every run, however small: the first fourteen stories give ten accounts or more that the data decide."""
_VICTIMS_SHARE = 0.0004
_CHUNK = 49_152
_LOSS_SHARE = 0.098
_FLAWS = 0.0008


@dataclass(frozen=True)
class Plan:
    """Sizes and dates of a run; all else follows from them and the seed.

    Attributes
    ----------
    first_day
        Day of the first night; night k (from 0) is `first_day` + k.
    """

    accounts: int
    nights: int
    seed: int
    first_day: int

    @property
    def last_day(self) -> int:
        """Day of the last night."""
        return self.first_day + self.nights - 1

    @property
    def chunks(self) -> int:
        """Into how many chunks the persons are cut: a matter of size only, never of threads or memory."""
        return -(-self.accounts // _CHUNK)

    @property
    def victims(self) -> int:
        """Persons whose card was used by a thief."""
        return max(FLOOR, round(self.accounts * _VICTIMS_SHARE))

    @property
    def small(self) -> bool:
        """A run so small that rare things must be forced into it."""
        return self.accounts < _CHUNK

    @property
    def loss_share(self) -> float:
        """Part of the persons, other than victims, who lose a card and report it."""
        return max(0.06, _LOSS_SHARE - self.victims * 3 / self.accounts)

    @property
    def recent_share(self) -> float:
        """Part of the losses that happen while the nights go by: 0.5 % a night, more in a small run."""
        extra = self.nights - 1
        return max(0.005 * extra, min(0.02 * extra, 30 * extra / self.accounts))

    @property
    def flaw_share(self) -> float:
        """Part of the rows that are damaged: 0.08 %, more in a small run so that there are some."""
        return max(_FLAWS, min(0.01, 2.5 / self.accounts))

    def share_of(self, total: int, chunk: int) -> tuple[int, int]:
        """Return which of `total` things belong to a chunk: first one and the one after the last."""
        return total * chunk // self.chunks, total * (chunk + 1) // self.chunks
