"""The truth beside a delivery: who opened what, and what the delivered rows allow anyone to know.

Nothing here is asked of the audit: it is read off the arrays that the files were written from, with the damage
that was done to each row.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from creditaudit.synth.accounts import OTHER_DOCUMENT, PASSPORT
from creditaudit.synth.arrays import DAY_SECONDS, NO_DAY, NO_INSTANT, Cells, Ints, Mask
from creditaudit.synth.calendars import MINUTE, SECOND, date_cells, instant_cells, interval
from creditaudit.synth.identity import LOOKALIKE, PLAIN
from creditaudit.synth.notices import REPORTED, Notices
from creditaudit.synth.pieces import Chunk
from creditaudit.synth.rows import INTACT, Column, digits, fixed_rows, squeeze
from creditaudit.synth.scenarios import C1, R4, STORIES
from creditaudit.synth.vocabulary import codes

THEFTS: Final = (
    "provider_code",
    "account_code",
    "story",
    "id_number",
    "card_valid_from",
    "lost_at",
    "reported_at",
    "opened_at",
    "moment_at",
    "delivered_on",
    "determined",
    "determined_on",
    "expected_rule",
)
OWN_ACCOUNTS: Final = (
    "provider_code",
    "account_code",
    "id_number",
    "opened_at",
    "moment_at",
    "shown_card_valid_from",
    "after_report",
    "newer_card_shown",
)
NOTICES: Final = (
    "feed",
    "notice_id",
    "id_number",
    "card_valid_from",
    "lost_at",
    "reported_at",
    "withdrawn_at",
    "delivered_on",
    "intact",
    "card_delivered",
    "victim",
)
TABLES: Final = {"thefts": THEFTS, "own_accounts": OWN_ACCOUNTS, "notices": NOTICES}

_NEVER = 2**15


@dataclass(frozen=True)
class Delivered:
    """What became of the rows: per account the flaw of its account row and of its opening row, and all loss notices."""

    account_flaw: Ints
    opening_flaw: Ints
    police: Notices
    registry: Notices


def _stamp(instants: Ints) -> Column:
    return instant_cells(instants, np.full(len(instants), SECOND, np.int8))


def _yes(mask: Mask) -> Cells:
    return codes("false true").take(mask.astype(np.int8))


def _night_cells(chunk: Chunk, night: Ints) -> Cells:
    return date_cells(np.where(night >= _NEVER, NO_DAY, chunk.plan.first_day + night))


def determined_night(chunk: Chunk, delivered: Delivered, rows: Ints) -> Ints:
    """Return the night from which the data decide that the account was opened with the reported card.

    All of this must hold: the account row and the opening row arrived undamaged; the number is spelled so that
    it still is the person's, with identity type 10; the card shown is the one that an undamaged notice names;
    that report was never withdrawn; and the moment, as delivered, is certainly after the report, as delivered
    (dates alone do not decide within one day).

    Returns
    -------
    Night (0-based) per account of `rows`, `2**15` for never.
    """
    accounts, persons = chunk.accounts, chunk.persons
    person, shown = accounts.person.take(rows), accounts.shown.take(rows)
    form = accounts.id_form.take(rows)
    sound = (delivered.account_flaw.take(rows) == INTACT) & (delivered.opening_flaw.take(rows) == INTACT)
    sound &= (form >= PLAIN) & (form <= LOOKALIKE) & (accounts.opening_night.take(rows) >= 0) & (shown != NO_DAY)
    sound &= (accounts.document.take(rows) == 0) & (persons.withdrawn_at.take(person) == NO_INSTANT)
    begins, _ = interval(accounts.moment.take(rows), accounts.form.take(rows))
    here = np.maximum(accounts.night.take(rows), accounts.opening_night.take(rows)).astype(np.int64)
    best = np.full(len(rows), _NEVER, dtype=np.int64)
    for table in (delivered.police, delivered.registry):
        of_person = np.full(len(persons), -1)
        usable = np.flatnonzero((table.flaw == INTACT) & (table.event == REPORTED))
        of_person[table.person[usable]] = usable
        notice = of_person.take(person)
        _, reported_to = interval(table.at[notice], table.form[notice])
        decided = sound & (notice >= 0) & (table.noticed[notice] == shown) & (begins > reported_to)
        best = np.where(decided, np.minimum(best, np.maximum(here, table.night[notice])), best)
    return best


def _thefts(chunk: Chunk, delivered: Delivered, rows: Ints) -> tuple[bytes, int]:
    accounts, persons = chunk.accounts, chunk.persons
    count = len(rows)
    person, story = accounts.person.take(rows), accounts.story.take(rows)
    night = determined_night(chunk, delivered, rows)
    rules = np.array([(s.rule or "").encode() for s in STORIES])
    homes = chunk.house_table(lambda h: h.code.encode())
    columns: list[Column] = [
        homes.take(accounts.provider.take(rows)),
        accounts.codes.take(rows),
        np.array([s.name.encode() for s in STORIES]).take(story),
        persons.numbers.take(person),
        date_cells(persons.of_card(persons.issued, accounts.card.take(rows), person)),
        _stamp(persons.lost_at.take(person)),
        _stamp(persons.reported_at.take(person)),
        _stamp(accounts.opened.take(rows)),
        _stamp(accounts.moment.take(rows)),
        _night_cells(chunk, np.where(delivered.account_flaw.take(rows) == INTACT, accounts.night.take(rows), _NEVER)),
        _yes(night < _NEVER),
        _night_cells(chunk, night),
        rules.take(story),
    ]
    return squeeze(fixed_rows(columns, count)), int((night < _NEVER).sum())


def _matched(chunk: Chunk, delivered: Delivered, rows: Ints) -> Mask:
    """Tell for which accounts, by the last night, a row stands that has a moment and the person's number."""
    accounts = chunk.accounts
    first = (delivered.account_flaw.take(rows) == INTACT) & (accounts.id_form.take(rows) <= LOOKALIKE)
    dated = (accounts.kind.take(rows) != R4) | (accounts.agreed.take(rows) != NO_INSTANT)
    matched: Mask = (first | (accounts.updated.take(rows) > 0)) & dated & (accounts.id_type.take(rows) < PASSPORT)
    return matched


def _own(chunk: Chunk, delivered: Delivered, rows: Ints) -> bytes:
    accounts, persons = chunk.accounts, chunk.persons
    person, shown, moment = accounts.person.take(rows), accounts.shown.take(rows), accounts.moment.take(rows)
    arrived = (accounts.opening_night.take(rows) >= 0) & (delivered.opening_flaw.take(rows) == INTACT)
    shown = np.where(arrived & (accounts.document.take(rows) != OTHER_DOCUMENT), shown, NO_DAY)
    lost = persons.of_card(persons.issued, persons.lost_card.take(person), person)
    newer = _matched(chunk, delivered, rows) & (shown != NO_DAY) & (shown > lost) & (shown <= moment // DAY_SECONDS)
    columns: list[Column] = [
        chunk.house_table(lambda h: h.code.encode()).take(accounts.provider.take(rows)),
        accounts.codes.take(rows),
        persons.numbers.take(person),
        _stamp(accounts.opened.take(rows)),
        _stamp(moment),
        date_cells(shown),
        _yes(moment > persons.reported_at.take(person)),
        _yes(newer),
    ]
    return squeeze(fixed_rows(columns, len(rows)))


def _notices(chunk: Chunk, table: Notices, feed: bytes, letter: bytes) -> bytes:
    persons = chunk.persons
    table = table.take(np.flatnonzero(table.event == REPORTED))
    person = table.person
    columns: list[Column] = [
        feed,
        (letter, *digits(table.serial, 12)),
        persons.numbers.take(person),
        date_cells(persons.of_card(persons.issued, persons.lost_card.take(person), person)),
        _stamp(persons.lost_at.take(person)),
        _stamp(table.at),
        _stamp(persons.withdrawn_at.take(person)),
        _night_cells(chunk, table.night),
        _yes(table.flaw == INTACT),
        _yes((table.noticed != NO_DAY) & (table.flaw == INTACT)),
        _yes(persons.scenario.take(person) >= 0),
    ]
    return squeeze(fixed_rows(columns, len(table)))


def tables(chunk: Chunk, delivered: Delivered) -> tuple[dict[str, bytes], dict[str, int]]:
    """Return the rows of each truth table (without headers) and counts of what is in them.

    `own_accounts` has the holders' own accounts of persons who lost a card, except bought debts and
    renamed ones: the ones on which a careless join by number would raise an alarm.
    """
    accounts, persons = chunk.accounts, chunk.persons
    stolen = np.flatnonzero(accounts.story >= 0)
    own = np.flatnonzero(
        (accounts.story < 0)
        & (accounts.renamed < 0)
        & (persons.lost_card.take(accounts.person) >= 0)
        & (accounts.kind != C1)
    )
    thefts, determined = _thefts(chunk, delivered, stolen)
    notices = _notices(chunk, delivered.police, b"loss_reports", b"L")
    notices += _notices(chunk, delivered.registry, b"invalid_cards", b"E")
    dates_only = int((accounts.form < MINUTE).sum())
    counts = {
        "theft_accounts": len(stolen),
        "determined_thefts": determined,
        "own_accounts_after_loss": len(own),
        "persons_who_reported": int((persons.lost_card >= 0).sum()),
        "victims": len(np.unique(accounts.person.take(stolen))),
        "date_only_moments": dates_only,
        "odd_numbers": int((accounts.id_form != PLAIN).sum()),
    }
    return {"thefts": thefts, "own_accounts": _own(chunk, delivered, own), "notices": notices}, counts
