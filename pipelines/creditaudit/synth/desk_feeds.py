"""Rows of a desk's world as they are delivered: one plain file of each feed and night, nothing damaged."""

from typing import Final

import numpy as np

from creditaudit.synth.arrays import DAY_SECONDS, FAR, NO_DAY, NO_INSTANT, Cells, Ints
from creditaudit.synth.calendars import DATE, SECOND, date_cells, instant_cells
from creditaudit.synth.desk_accounts import THIEF, Opened
from creditaudit.synth.desk_people import Holders
from creditaudit.synth.rows import Column, digits, fixed_rows, squeeze
from creditaudit.synth.scenarios import TYPES
from creditaudit.synth.truth import OWN_ACCOUNTS, THEFTS
from creditaudit.synth.vocabulary import AREAS, CHANNELS, codes, names

_TYPE_CELLS: Final = np.array([t.encode() for t in TYPES])
_BUSINESS: Final = np.array([b"91", b"91", b"81", b"", b"", b"", b"", b"", b""])
_REGIONS: Final = np.array([area[:4] + b"00" for area in AREAS])
_CARD_YEARS: Final = 20 * 365


def _rows(columns: list[Column], count: int) -> bytes:
    return squeeze(fixed_rows(columns, count))


def _stamp(instants: Ints) -> Column:
    return instant_cells(instants, np.full(len(instants), SECOND, np.int8))


def _numbered(letter: bytes, serial: Ints) -> Column:
    return (letter, *digits(serial, 12))


def _codes_of(rows: Ints) -> Column:
    return _numbered(b"K", rows)


def _opened_cells(opened: Opened, rows: Ints) -> Column:
    return instant_cells(opened.opened[rows], np.where(opened.day_only[rows], DATE, SECOND).astype(np.int8))


def account_rows(holders: Holders, opened: Opened, homes: Cells, rows: Ints, day: int, *, amounts: bool) -> bytes:
    """Lay out the accounts with these indexes, reported on a day; an account's code is its index."""
    count = len(rows)
    money = [opened.amount, opened.balance, opened.overdue]
    cells: list[Column] = [values[rows].astype("S12") if amounts else b"" for values in money]
    behind = opened.overdue[rows] > 0
    return _rows(
        [
            homes.take(opened.provider[rows]),
            _codes_of(rows),
            date_cells(np.full(count, day)),
            b"20",
            names().take(opened.name[rows]),
            b"10",
            holders.numbers.take(opened.person[rows]),
            _TYPE_CELLS.take(opened.kind[rows]),
            _BUSINESS.take(opened.kind[rows]),
            _opened_cells(opened, rows),
            b"",
            _REGIONS.take(opened.region[rows]),
            b"CNY",
            *cells,
            codes("1 2").take(behind.astype(np.int8)) if amounts else b"1",
            *[b""] * 5,
        ],
        count,
    )


def opening_rows(holders: Holders, opened: Opened, homes: Cells, rows: Ints) -> bytes:
    """Lay out the opening rows of those of the accounts that have one."""
    rows = rows[opened.has_opening[rows]]
    shown, handler = opened.shown[rows], opened.handler[rows]
    return _rows(
        [
            homes.take(opened.provider[rows]),
            _codes_of(rows),
            b"",
            b"permanent",
            date_cells(shown),
            date_cells(np.where(shown == NO_DAY, NO_DAY, shown + _CARD_YEARS)),
            b"",
            CHANNELS.take(opened.channel[rows]),
            (b"op", *digits(opened.operator[rows], 4)),
            (b"100", *digits(opened.phone[rows], 8)),
            np.where(handler >= 0, holders.numbers.take(np.maximum(handler, 0)), b""),
            b"",
            b"",
        ],
        len(rows),
    )


def verification_rows(opened: Opened, homes: Cells, rows: Ints) -> bytes:
    """Lay out a network check for four accounts in five, and the face matches."""
    network, face = rows[rows % 5 > 0], rows[opened.face_check[rows]]
    whose = np.concatenate([network, face])
    kind = np.repeat([0, 1], [len(network), len(face)])
    return _rows(
        [
            homes.take(opened.provider[whose]),
            (b"V", *digits(whose, 12), codes("N F").take(kind)),
            b"",
            _codes_of(whose),
            _stamp(opened.opened[whose] - 300),
            codes("network_check face_match").take(kind),
            codes("match_photo pass").take(kind),
        ],
        len(whose),
    )


def inquiry_rows(rng: np.random.Generator, holders: Holders, opened: Opened, homes: Cells, rows: Ints) -> bytes:
    """Lay out what other institutions asked for in the ten days before the openings."""
    whose = np.repeat(rows, opened.inquiries[rows])
    count = len(whose)
    nth = np.arange(count) - np.repeat(
        np.cumsum(opened.inquiries[rows]) - opened.inquiries[rows], opened.inquiries[rows]
    )
    return _rows(
        [
            homes.take((opened.provider[whose] + rng.integers(1, len(homes), count)) % len(homes)),
            (b"Q", *digits(whose, 12), nth.astype("S2")),
            holders.numbers.take(opened.person[whose]),
            names().take(opened.name[whose]),
            _stamp(opened.opened[whose] - rng.integers(600, 10 * DAY_SECONDS, count)),
            b"loan_approval",
        ],
        count,
    )


def loss_rows(holders: Holders) -> bytes:
    """Lay out the loss reports, each with the card that is lost."""
    rows = np.flatnonzero(holders.has_lost)
    old = holders.old_card[rows]
    return _rows(
        [
            _numbered(b"L", rows),
            holders.numbers.take(rows),
            names().take(holders.name[rows]),
            date_cells(old),
            date_cells(old + _CARD_YEARS),
            _stamp(holders.lost_at[rows]),
            *[_stamp(holders.reported_at[rows])] * 3,
            b"counter",
            b"",
        ],
        len(rows),
    )


def issuance_rows(holders: Holders) -> bytes:
    """Lay out the cards: the first of each person, and the new one of who lost it, with its collection where known."""
    lost = np.flatnonzero(holders.has_lost)
    whose = np.concatenate([np.arange(len(holders)), lost])
    start = np.concatenate([holders.old_card, holders.new_card[lost]])
    first = holders.old_card + 12
    day = np.concatenate([first, holders.collected_on[lost]])
    return _rows(
        [
            holders.numbers.take(whose),
            date_cells(start),
            date_cells(np.minimum(start + _CARD_YEARS, FAR)),
            b"permanent",
            codes("first lost").take((np.arange(len(whose)) >= len(holders)).astype(np.int8)),
            date_cells(day),
        ],
        len(whose),
    )


def truth_rows(holders: Holders, opened: Opened, homes: Cells, night: Ints, first_day: int) -> dict[str, bytes]:
    """Return the truth: which accounts are thefts, and which are the holders' own; each with its header.

    Columns are those of the generator's other truth. A theft is determined where the stolen card is on file.
    """
    theft, own = np.flatnonzero(opened.is_theft), np.flatnonzero(~opened.is_theft)
    person = opened.person[theft]
    determined = (opened.shown[theft] != NO_DAY) & opened.has_opening[theft] & (opened.who[theft] == THIEF)
    day = first_day + night[theft]
    thefts: list[Column] = [
        homes.take(opened.provider[theft]),
        _codes_of(theft),
        codes("lost_card forged_card").take(opened.who[theft] - THIEF),
        holders.numbers.take(person),
        date_cells(np.where(opened.who[theft] == THIEF, holders.old_card[person], NO_DAY)),
        _stamp(holders.lost_at[person]),
        _stamp(holders.reported_at[person]),
        *[_stamp(opened.opened[theft])] * 2,
        date_cells(day),
        codes("false true").take(determined.astype(np.int8)),
        date_cells(np.where(determined, day, NO_DAY)),
        codes("- R101").take(determined.astype(np.int8)),
    ]
    whose = opened.person[own]
    reported = holders.reported_at[whose]
    after = (reported != NO_INSTANT) & (opened.opened[own] > reported)
    shown = np.where(opened.has_opening[own], opened.shown[own], NO_DAY)
    newer = (shown != NO_DAY) & (shown > holders.old_card[whose])
    owned: list[Column] = [
        homes.take(opened.provider[own]),
        _codes_of(own),
        holders.numbers.take(whose),
        *[_stamp(opened.opened[own])] * 2,
        date_cells(shown),
        codes("false true").take(after.astype(np.int8)),
        codes("false true").take(newer.astype(np.int8)),
    ]
    return {
        "thefts": ",".join(THEFTS).encode() + b"\n" + _rows(thefts, len(theft)),
        "own_accounts": ",".join(OWN_ACCOUNTS).encode() + b"\n" + _rows(owned, len(own)),
    }
