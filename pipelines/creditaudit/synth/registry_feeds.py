"""The feeds of the registries: loss_reports, invalid_cards, issuances."""

from typing import Final

import numpy as np

from creditaudit.synth.arrays import DAY_SECONDS, Ints, pick, rare
from creditaudit.synth.calendars import date_cells, instant_cells, valid_to_cells
from creditaudit.synth.credit_feeds import name_cells
from creditaudit.synth.notices import (
    EVENTS,
    INVALID_LAYOUT,
    ISSUANCE_LAYOUT,
    LOSS_LAYOUT,
    REASONS,
    Issuances,
    Notices,
)
from creditaudit.synth.pieces import Chunk
from creditaudit.synth.rows import Column, digits, fixed_rows
from creditaudit.synth.vocabulary import codes, issuers

_REPORT_CHANNELS: Final = codes("counter online hotline - newspaper")
_EVENT_CELLS: Final = np.array([e.encode() for e in EVENTS])
_REASON_CELLS: Final = np.array([r.encode() for r in REASONS])


def _numbers(chunk: Chunk, table: Notices) -> Column:
    numbers = chunk.persons.numbers.take(table.person)
    lowered = rare(chunk.rng, len(numbers), 0.01)
    numbers[lowered] = np.char.lower(numbers[lowered])
    return numbers


def write_loss_reports(chunk: Chunk, reports: Notices) -> None:
    """Make the loss reports: two police files on the first night, one on the others."""
    for night, rows in chunk.nights_of(reports.night):
        table = reports.take(rows)
        count = len(table)
        digits_only = np.ones(count, dtype=bool)
        columns: list[Column] = [
            (b"L", *digits(table.serial, 12)),
            _numbers(chunk, table),
            name_cells(chunk, table.person, table.at // DAY_SECONDS, 0.002),
            date_cells(table.noticed, digits_only),
            valid_to_cells(table.noticed_to, digits_only, table.person % 4),
            instant_cells(table.lost, table.form),
            instant_cells(table.at, table.form),
            instant_cells(table.entered, table.form),
            instant_cells(table.visible, table.form),
            _REPORT_CHANNELS.take(pick(chunk.rng, count, (45, 35, 8, 10, 2))),
            instant_cells(table.withdrawn, table.form),
        ]
        lines = fixed_rows(columns, count, layout=LOSS_LAYOUT, flaws=table.flaw)
        half = count * 3 // 5 if night == 0 else count
        chunk.whole("loss_reports", night, "police1", lines[:half])
        chunk.whole("loss_reports", night, "police2", lines[half:], "gb18030")


def write_invalid_cards(chunk: Chunk, cards: Notices) -> None:
    """Make the registry of invalid cards: two files on the first night, one on the others."""
    for night, rows in chunk.nights_of(cards.night):
        table = cards.take(chunk.rng.permutation(rows))
        count = len(table)
        withdraws = table.withdraws
        named = withdraws >= 0
        columns: list[Column] = [
            (b"E", *digits(table.serial, 12)),
            _numbers(chunk, table),
            name_cells(chunk, table.person, table.at // DAY_SECONDS, 0.002),
            date_cells(table.noticed),
            valid_to_cells(table.noticed_to, None, table.person % 4),
            issuers().take(np.where(table.person % 3 == 0, 0, 1 + table.person % 8)),
            _EVENT_CELLS.take(table.event),
            instant_cells(table.at, table.form),
            instant_cells(table.entered, table.form),
            instant_cells(table.visible, table.form),
            (
                codes("- E").take(named.astype(np.int8)),
                *(np.where(named, part, b"") for part in digits(np.maximum(withdraws, 0), 12)),
            ),
        ]
        lines = fixed_rows(columns, count, layout=INVALID_LAYOUT, flaws=table.flaw)
        half = count * 7 // 10 if night == 0 else count
        chunk.whole("invalid_cards", night, "registry1", lines[:half])
        chunk.whole("invalid_cards", night, "registry2", lines[half:])


def write_issuances(chunk: Chunk, issued: Issuances) -> None:
    """Make the register of issued cards: one full file on the first night, new cards on the others."""
    for night, rows in chunk.nights_of(issued.night):
        person, kind = issued.person.take(rows), issued.temporary.take(rows)
        ends: Ints = issued.valid_to.take(rows)
        columns: list[Column] = [
            chunk.persons.numbers.take(person),
            date_cells(issued.valid_from.take(rows)),
            valid_to_cells(ends, None, person % 4),
            codes("permanent temporary").take(kind),
            _REASON_CELLS.take(issued.reason.take(rows)),
            instant_cells(issued.collected.take(rows), issued.form.take(rows)),
        ]
        lines = fixed_rows(columns, len(rows), layout=ISSUANCE_LAYOUT, flaws=issued.flaw.take(rows))
        chunk.whole("issuances", night, "register", lines)
