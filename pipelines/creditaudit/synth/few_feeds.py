"""The feeds with few rows: impostors, objections, fraud_alerts."""

from typing import Final

import numpy as np

from creditaudit.synth.arrays import DAY_SECONDS, NO_DAY, NO_INSTANT, chance, rare
from creditaudit.synth.calendars import date_cells, date_index, date_table, special
from creditaudit.synth.pieces import Chunk
from creditaudit.synth.rows import Column, digits, fixed_rows
from creditaudit.synth.scenarios import PLAIN
from creditaudit.synth.vocabulary import codes

_EVIDENCE: Final = codes("statement police_report court_paper")


def write_impostors(chunk: Chunk) -> None:
    """List the first person of the chunk, and now and then another, as found to have opened in others' names."""
    plan, rng, persons = chunk.plan, chunk.rng, chunk.persons
    person = np.unique(np.concatenate([np.zeros(1, np.int64), rare(rng, len(persons), 0.00005)]))
    count = len(person)
    found = plan.first_day - rng.integers(200, 1500, count)
    ends = np.where(chance(rng, count, 0.7), found + 5 * 365, NO_DAY)
    revoked = np.where(chance(rng, count, 0.1), found + 150, NO_DAY)
    columns: list[Column] = [
        (b"I", *digits(persons.first + person, 12)),
        persons.numbers.take(person),
        date_cells(found),
        date_cells(ends),
        date_cells(revoked),
    ]
    chunk.whole("impostors", 0, "police", fixed_rows(columns, count))


def write_objections(chunk: Chunk) -> None:
    """Let some victims, and a few holders who forgot their own accounts, object."""
    plan, rng, accounts = chunk.plan, chunk.rng, chunk.accounts
    least = int(plan.small)
    row = np.unique(
        np.concatenate(
            [
                np.flatnonzero((accounts.story >= 0) & chance(rng, len(accounts), 0.3)),
                rare(rng, len(accounts), 0.0001, least),
            ]
        )
    )
    row = row[accounts.night[row] == 0]
    count = len(row)
    night = rng.integers(0, plan.nights, count)
    received = plan.first_day + night - rng.integers(0, 3, count)
    serial = accounts.serial.take(row)
    homes = chunk.house_table(lambda h: h.code.encode()).take(accounts.provider.take(row))
    known = np.where(chance(rng, count, 0.8), row, -1)
    evidence = rng.integers(0, 3, count)
    for k, rows in chunk.nights_of(night):
        columns: list[Column] = [
            (b"O", *digits(serial.take(rows), 12)),
            chunk.persons.numbers.take(accounts.person.take(row.take(rows))),
            homes.take(rows),
            accounts.codes.take(known.take(rows)),
            date_cells(received.take(rows)),
            _EVIDENCE.take(evidence.take(rows)),
            (b"W", *digits(serial.take(rows), 12)),
        ]
        chunk.whole("objections", k, "bureau", fixed_rows(columns, len(rows)))


def write_fraud_alerts(chunk: Chunk) -> None:
    """Put alerts on some of those who lost a card, most without an end: the victims of one story, and one in 25."""
    plan, rng, persons = chunk.plan, chunk.rng, chunk.persons
    told = persons.scenario == PLAIN
    person = np.flatnonzero((persons.reported_at != NO_INSTANT) & (chance(rng, len(persons), 0.04) | told))
    count = len(person)
    since = persons.reported_at[person] // DAY_SECONDS + rng.integers(0, 4, count)
    night = np.clip(since - plan.first_day, 0, plan.nights - 1)
    until = np.where(chance(rng, count, 0.3), since + 3 * 365, NO_DAY)
    # Systems that cannot leave the end empty write the day after all days.
    until_index = np.where(chance(rng, count, 0.2) & (until == NO_DAY), special(3), date_index(until))
    for k, rows in chunk.nights_of(night):
        columns: list[Column] = [
            (b"F", *digits(persons.first + person.take(rows), 12)),
            persons.numbers.take(person.take(rows)),
            date_cells(since.take(rows)),
            date_table().take(until_index.take(rows)),
        ]
        chunk.whole("fraud_alerts", k, "bureau", fixed_rows(columns, len(rows)))
