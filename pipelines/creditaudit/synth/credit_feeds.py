"""The feeds that institutions deliver about accounts: accounts, openings, account_renames."""

from typing import Final

import numpy as np

from creditaudit.synth import identity
from creditaudit.synth.accounts import OTHER_DOCUMENT, TEMPORARY, Accounts, code_cells
from creditaudit.synth.arrays import DAY_SECONDS, NO_DAY, NO_INSTANT, Cells, Ints, Mask, chance, pick, rare
from creditaudit.synth.calendars import add_months, date_cells, instant_cells, valid_to_cells
from creditaudit.synth.pieces import Chunk
from creditaudit.synth.rows import BAD_CODE, BAD_TYPE, INTACT, MISSING, Column, Layout, digits, fixed_rows
from creditaudit.synth.scenarios import C1, TYPES
from creditaudit.synth.vocabulary import AGENT, CHANNELS, codes, issuers, misspelt, names

ACCOUNT_LAYOUT: Final = Layout(1, {BAD_TYPE: (9, b"2025-02-30"), BAD_CODE: (7, b"D9"), MISSING: (6, b"")})
OPENING_LAYOUT: Final = Layout(1, {BAD_TYPE: (4, b"2019-02-29"), BAD_CODE: (7, b"web")})
RENAMED_SERIALS: Final = 500_000_000_000
"""Added to a serial to give the account's code after a rename."""

_BUSINESS: Final = codes("11 12 21 31 41 51 91 99 41 91 81 82 71 41 91 A1 B1 -")
# For each account type: first index and number of its business codes above.
_BUSINESS_OF: Final = np.array([(0, 8), (8, 2), (10, 2), (12, 1), (13, 2), (15, 2), (17, 1), (17, 1), (17, 1)])
_AMOUNTS: Final = np.array([b"%d" % n for n in range(0, 1_000_000, 100)], dtype="S6")
_NEW_FOR_DAYS: Final = 31
_WITH_SESSION: Final = 3
_ID_TYPES: Final = codes("10 7 2")
_STATUS: Final = codes("1 2 3")
_REASONS: Final = codes("10 20 30 31")
_DOCUMENTS: Final = codes("permanent temporary other")
_TYPE_CELLS: Final = np.array([t.encode() for t in TYPES])


def number_cells(chunk: Chunk, rows: Ints, form: Ints) -> Cells:
    """Spell the numbers of the accounts' holders."""
    numbers = chunk.persons.numbers.take(chunk.accounts.person.take(rows))
    odd = np.flatnonzero(form)
    if len(odd):
        numbers[odd] = identity.respell(numbers[odd], form[odd])
    return numbers


def name_cells(chunk: Chunk, person: Ints, day: Ints, odd_share: float) -> Cells:
    """Spell names; a few with a blank or the other dot in them, fewer still wrong or left out."""
    index = chunk.persons.name_on(person, day)
    wrong = rare(chunk.rng, len(index), odd_share / 4)
    index[wrong] = (index[wrong] + 1) % len(names())
    cells = names().take(index)
    odd = rare(chunk.rng, len(index), odd_share)
    if len(odd):
        cells = cells.astype("S28")
        cells[odd] = misspelt().take(index[odd])
    cells[rare(chunk.rng, len(index), odd_share / 4)] = b""
    return cells


def _amounts(rng: np.random.Generator, accounts: Accounts, rows: Ints) -> tuple[Ints, Ints, Ints]:
    """Draw amount, balance and overdue amount in hundreds of yuan: the amount is the account's, for ever."""
    count = len(rows)
    amount = accounts.serial.take(rows) * 16_807 % 2_000 + 1
    amount = np.where(amount % 5 == 0, amount * 5 - 1, amount)
    owed = (amount * rng.integers(0, 101, count, dtype=np.uint8)) // 100
    owed[accounts.closed_on.take(rows) != NO_DAY] = 0
    overdue = np.where(chance(rng, count, 0.04), owed // 10, 0)
    return amount, owed, overdue


def _agreement_cells(accounts: Accounts, rows: Ints, form: Ints) -> Column:
    agreed = accounts.agreed.take(rows)
    return instant_cells(agreed, form) if (agreed != NO_INSTANT).any() else b""


def _link_cells(chunk: Chunk, rows: Ints, links: Ints, homes: Cells) -> tuple[Column, Column]:
    """Spell institution and code of linked accounts; one bought debt in four names the institution alone."""
    other = links.take(rows)
    if (other < 0).all():
        return b"", b""
    accounts = chunk.accounts
    provider = np.where(other < 0, len(chunk.houses), accounts.provider[other])
    unnamed = (accounts.kind.take(rows) == C1) & (other % 4 == 0)
    return homes.take(provider), accounts.codes.take(np.where(unnamed, -1, other))


def account_columns(chunk: Chunk, rows: Ints, night: int, codes_of: Cells, id_form: Ints) -> list[Column]:
    """Lay out account rows as delivered in a night.

    Parameters
    ----------
    rows
        Indexes of the accounts.
    codes_of
        The accounts' codes, one per row.
    id_form
        How each number is spelled.
    """
    rng, accounts, plan = chunk.rng, chunk.accounts, chunk.plan
    count = len(rows)
    provider, person, kind = accounts.provider.take(rows), accounts.person.take(rows), accounts.kind.take(rows)
    form, opened = accounts.form.take(rows), accounts.opened.take(rows)
    compact = np.array([h.compact for h in chunk.houses]).take(provider)
    day = opened // DAY_SECONDS
    if night == 0:
        lag = np.array([1 + h.index * 7 % 15 for h in chunk.houses])
        reported = np.maximum(plan.first_day - lag.take(provider), day)
    else:
        reported = np.full(count, plan.first_day + night - 1)
    closed = accounts.closed_on.take(rows)
    amount, owed, overdue = _amounts(rng, accounts, rows)
    status = np.where(closed != NO_DAY, 2, (overdue > 0).astype(np.int8))
    reason = np.where(closed != NO_DAY, 1, np.where(reported - day < _NEW_FOR_DAYS, 0, 2))
    first, many = _BUSINESS_OF[:, 0].take(kind), _BUSINESS_OF[:, 1].take(kind)
    business = first + rng.integers(0, 256, count, dtype=np.uint8) % many
    regions = np.array([h.region.encode() for h in chunk.houses] + [b""])
    region = np.where(chance(rng, count, 0.15), len(chunk.houses), provider)
    money = np.zeros(count, np.int8)
    money[rare(rng, count, 0.004)] = 1
    homes = np.array([h.code.encode() for h in chunk.houses] + [b""])
    return [
        homes.take(provider),
        codes_of,
        date_cells(reported, compact),
        _REASONS.take(reason),
        name_cells(chunk, person, day, 0.002),
        _ID_TYPES.take(accounts.id_type.take(rows)),
        number_cells(chunk, rows, id_form),
        _TYPE_CELLS.take(kind),
        _BUSINESS.take(business),
        instant_cells(opened, form),
        _agreement_cells(accounts, rows, form),
        regions.take(region),
        codes("CNY USD").take(money),
        _AMOUNTS.take(amount),
        _AMOUNTS.take(owed),
        _AMOUNTS.take(overdue),
        _STATUS.take(status),
        date_cells(closed, compact),
        *_link_cells(chunk, rows, accounts.original, homes),
        *_link_cells(chunk, rows, accounts.settlement, homes),
    ]


def write_accounts(chunk: Chunk) -> Ints:
    """Make the account rows of every night; return what is wrong with each account's first row."""
    accounts = chunk.accounts
    flaws = ACCOUNT_LAYOUT.plan(chunk.rng, len(accounts), chunk.plan.flaw_share, 3 * int(chunk.plan.small))
    flaws[accounts.guarded] = INTACT
    ends = chunk.house_table(lambda h: h.line_end)
    linked = (accounts.agreed != NO_INSTANT) | (accounts.original >= 0) | (accounts.settlement >= 0)
    for night, rows in chunk.split_nights(accounts.night, linked):
        columns = account_columns(chunk, rows, night, accounts.codes.take(rows), accounts.id_form.take(rows))
        provider = accounts.provider.take(rows)
        table = fixed_rows(
            columns, len(rows), line_end=ends.take(provider), layout=ACCOUNT_LAYOUT, flaws=flaws.take(rows)
        )
        chunk.per_house("accounts", night, table, provider)
    for night in range(1, chunk.plan.nights):
        rows = np.flatnonzero((accounts.updated == night) | (accounts.renamed == night))
        if not len(rows):
            continue
        provider = accounts.provider.take(rows)
        serial = accounts.serial.take(rows) + np.where(accounts.renamed.take(rows) == night, RENAMED_SERIALS, 0)
        # A later row has the number right: providers correct what the bureau sends back.
        columns = account_columns(
            chunk, rows, night, code_cells(chunk.houses, provider, serial)[:-1], np.zeros(len(rows), np.int8)
        )
        chunk.per_house("accounts", night, fixed_rows(columns, len(rows), line_end=ends.take(provider)), provider)
    return flaws


def write_openings(chunk: Chunk) -> Ints:
    """Make the opening rows; return what is wrong with each account's opening row."""
    accounts, rng = chunk.accounts, chunk.rng
    flaws = OPENING_LAYOUT.plan(rng, len(accounts), chunk.plan.flaw_share, 3 * int(chunk.plan.small))
    flaws[accounts.guarded] = INTACT
    ends = chunk.house_table(lambda h: h.line_end)
    handler, urgent = _exceptions(chunk)
    for night, rows in chunk.split_nights(accounts.opening_night, (handler >= 0) | urgent):
        count = len(rows)
        provider = accounts.provider.take(rows)
        columns = _opening_columns(chunk, rows, handler.take(rows), urgent.take(rows))
        table = fixed_rows(columns, count, line_end=ends.take(provider), layout=OPENING_LAYOUT, flaws=flaws.take(rows))
        chunk.per_house("openings", night, table, provider)
    return flaws


def has_session(accounts: Accounts, rows: Ints) -> Mask:
    """Tell which accounts have a session number: three in five, the same ones in every feed."""
    given: Mask = accounts.serial.take(rows) % 5 < _WITH_SESSION
    return given


def session_cells(accounts: Accounts, rows: Ints) -> tuple[Cells | bytes, ...]:
    """Spell session numbers, empty for accounts without one."""
    serial = accounts.serial.take(rows)
    given = has_session(accounts, rows)
    marks = codes("- S").take(given)
    return (marks, *(np.where(given, part, b"") for part in digits(serial, 12)))


def _exceptions(chunk: Chunk) -> tuple[Ints, Mask]:
    """Draw which accounts an agent opened for the holder (index of the agent, else -1), and which were urgent."""
    accounts, rng = chunk.accounts, chunk.rng
    count = len(accounts)
    handler = np.full(count, -1)
    by_agent = rare(rng, count, 0.02)
    handler[by_agent] = rng.integers(1, len(chunk.persons), len(by_agent))
    # The first person of a chunk is its listed impostor (few_feeds).
    handler[by_agent[rare(rng, len(by_agent), 0.01, int(chunk.plan.small))]] = 0
    urgent = np.zeros(count, dtype=bool)
    urgent[rare(rng, count, 0.0005)] = True
    return handler, urgent


def _opening_columns(chunk: Chunk, rows: Ints, handler: Ints, urgent: Mask) -> list[Column]:
    accounts, rng, persons = chunk.accounts, chunk.rng, chunk.persons
    count, provider = len(rows), accounts.provider.take(rows)
    person, shown, document = accounts.person.take(rows), accounts.shown.take(rows), accounts.document.take(rows)
    card = accounts.card.take(rows)
    compact = np.array([h.compact for h in chunk.houses]).take(provider)
    ends = persons.of_card(persons.valid_to, card, person)
    # The end belongs to the card shown, not to the one in hand.
    ends = np.where((shown == NO_DAY) | (persons.of_card(persons.issued, card, person) != shown), NO_DAY, ends)
    ends[chance(rng, count, 0.1)] = NO_DAY
    hasty = np.flatnonzero((document == TEMPORARY) & (shown != NO_DAY))
    ends[hasty] = add_months(shown[hasty], 3)
    foreign = document == OTHER_DOCUMENT
    channel = pick(rng, count, (52, 12, 31, 4, 1))
    handlers: Column = b""
    exception: Column = b""
    followed: Column = b""
    if handler.max(initial=-1) >= 0 or urgent.any():
        channel[handler >= 0] = AGENT
        handlers = np.where(handler >= 0, persons.numbers.take(handler), b"")
        exception = np.where(urgent, b"urgent_need", b"")
        shown_on = accounts.opened.take(rows) // DAY_SECONDS + rng.integers(1, 40, count)
        followed = date_cells(np.where(urgent, shown_on, NO_DAY))
    operator = rng.integers(0, 500, count, dtype=np.uint16)
    phone = accounts.serial.take(rows) * 48_271 % 100_000_000
    issuer = np.where(ends == NO_DAY, 0, 1 + rng.integers(0, 256, count, dtype=np.uint8) % (len(issuers()) - 1))
    return [
        chunk.house_table(lambda h: h.code.encode()).take(provider),
        accounts.codes.take(rows),
        session_cells(accounts, rows),
        _DOCUMENTS.take(document),
        date_cells(np.where(foreign, NO_DAY, shown), compact),
        valid_to_cells(np.where(foreign, NO_DAY, ends), compact, provider % 4),
        issuers().take(issuer),
        CHANNELS.take(channel),
        (b"op", _OPERATORS.take(operator)),
        (b"100", *digits(phone, 8)),
        handlers,
        exception,
        followed,
    ]


_OPERATORS: Final = np.array([b"%d" % n for n in range(500)], dtype="S3")


def write_renames(chunk: Chunk) -> None:
    """Make the rows that tell which account code became which."""
    accounts = chunk.accounts
    for night in range(1, chunk.plan.nights):
        rows = np.flatnonzero(accounts.renamed == night)
        provider = accounts.provider.take(rows)
        homes = chunk.house_table(lambda h: h.code.encode()).take(provider)
        serial = accounts.serial.take(rows) + RENAMED_SERIALS
        given = chance(chunk.rng, len(rows), 0.5)
        columns: list[Column] = [
            homes,
            accounts.codes.take(rows),
            np.where(given, homes, b""),
            code_cells(chunk.houses, provider, serial)[:-1],
            date_cells(np.full(len(rows), chunk.plan.first_day + night - 1)),
        ]
        chunk.whole("account_renames", night, "bureau", fixed_rows(columns, len(rows)))
