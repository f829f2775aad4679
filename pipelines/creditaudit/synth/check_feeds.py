"""The feeds about checks and requests: verifications and inquiries."""

from typing import Final

import numpy as np

from creditaudit.synth.arrays import DAY_SECONDS, NO_INSTANT, Ints, chance, pick, rare
from creditaudit.synth.calendars import SECOND, T_SECOND, day_of, instant_cells
from creditaudit.synth.credit_feeds import has_session, name_cells, session_cells
from creditaudit.synth.pieces import Chunk
from creditaudit.synth.rows import BAD_CODE, BAD_TYPE, MISSING, Column, Layout, digits, fixed_rows
from creditaudit.synth.scenarios import C1, D1, PLAIN, R1, R2, R3, R4, WARNED
from creditaudit.synth.vocabulary import codes

_KINDS: Final = codes("network_check invalid_card_check face_match in_person")
_RESULTS: Final = codes(
    "match_photo match_no_photo name_mismatch number_unknown error valid invalid reported_lost error pass fail error"
)
# For each kind: index of its first result, and how likely its results are.
_OUTCOMES: Final = (
    (0, (93, 5.4, 0.6, 0.3, 0.7)),
    (5, (99.1, 0.2, 0.1, 0.6)),
    (9, (98.6, 0.8, 0.6)),
    (9, (99.7, 0.1, 0.2)),
)
_REPORTED_LOST = 7
_SINCE_PILOT = day_of("2018-04-09")
VERIFICATION_LAYOUT: Final = Layout(1, {BAD_TYPE: (4, b"2024-06-31"), BAD_CODE: (6, b"00"), MISSING: (1, b"")})
INQUIRY_LAYOUT: Final = Layout(1, {BAD_TYPE: (4, b"2024-06-31 10:00"), BAD_CODE: (5, b"02"), MISSING: (2, b"")})
_INQUIRY_REASONS: Final = codes("loan_approval card_approval guarantee post_loan other")


def _instant_form(chunk: Chunk, provider: Ints) -> Ints:
    return np.array([T_SECOND if h.t_mark else SECOND for h in chunk.houses], np.int8).take(provider)


def write_verifications(chunk: Chunk) -> None:
    """Make the logs of identity checks: between none and four per account."""
    accounts, rng = chunk.accounts, chunk.rng
    count = len(accounts)
    moment = accounts.moment
    done = np.empty((count, 4), dtype=bool)
    owed = accounts.kind != C1
    done[:, 0] = owed & chance(rng, count, 0.82)
    done[:, 1] = owed & chance(rng, count, 0.35) & (moment >= _SINCE_PILOT * DAY_SECONDS)
    done[:, 2] = owed & chance(rng, count, 0.12)
    done[:, 3] = owed & chance(rng, count, 0.03)
    done[accounts.story == WARNED, 1] = True
    account, kind = np.nonzero(done)
    size = len(account)
    outcome = np.empty(size, dtype=np.int8)
    for nth, (first, weights) in enumerate(_OUTCOMES):
        of_kind = np.flatnonzero(kind == nth)
        outcome[of_kind] = first + pick(rng, len(of_kind), weights)
    story = accounts.story.take(account)
    outcome[(story >= 0) & (kind == 1)] = 5
    outcome[(story == WARNED) & (kind == 1)] = _REPORTED_LOST
    checked = moment.take(account) - rng.integers(0, 900, size)
    backfilled = rare(rng, size, 0.01)
    checked[backfilled] += rng.integers(1, 3, len(backfilled)) * 36_000
    known = chunk.plan.first_day + np.maximum(accounts.night.take(account), 0)
    checked = np.minimum(checked, (known + 1) * DAY_SECONDS - 1)
    nameless = chance(rng, size, 0.3) & has_session(accounts, account)
    flaws = VERIFICATION_LAYOUT.plan(rng, size, chunk.plan.flaw_share, 3 * int(chunk.plan.small))
    homes, ends = chunk.house_table(lambda h: h.code.encode()), chunk.house_table(lambda h: h.line_end)
    for night, rows in chunk.nights_of(accounts.night.take(account)):
        whose, what = account.take(rows), kind.take(rows)
        provider = accounts.provider.take(whose)
        columns: list[Column] = [
            homes.take(provider),
            (b"V", *digits(accounts.serial.take(whose), 12), codes("1 2 3 4").take(what)),
            session_cells(accounts, whose),
            accounts.codes.take(np.where(nameless.take(rows), -1, whose)),
            instant_cells(checked.take(rows), _instant_form(chunk, provider)),
            _KINDS.take(what),
            _RESULTS.take(outcome.take(rows)),
        ]
        table = fixed_rows(
            columns, len(rows), line_end=ends.take(provider), layout=VERIFICATION_LAYOUT, flaws=flaws.take(rows)
        )
        chunk.per_house("verifications", night, table, provider)


def write_inquiries(chunk: Chunk) -> None:
    """Make credit inquiries: before most credit accounts, some without an account, some by thieves who got none."""
    accounts, persons, rng, plan = chunk.accounts, chunk.persons, chunk.rng, chunk.plan
    wanted = np.isin(accounts.kind, (D1, R1, R2, R3, R4)) & chance(rng, len(accounts), 0.6)
    account = np.flatnonzero(wanted)
    at = accounts.moment.take(account) - rng.integers(0, 5 * DAY_SECONDS, len(account))
    card = np.isin(accounts.kind.take(account), (R2, R3))
    reason = np.where(card, 1, 0)
    stray = rng.integers(0, len(persons), max(2, len(account) // 25))
    stray_at = rng.integers(day_of("2016-01-01") * DAY_SECONDS, (plan.first_day - 1) * DAY_SECONDS, len(stray))
    stray_reason = pick(rng, len(stray), (12, 8, 10, 50, 20))
    tried = np.flatnonzero(persons.scenario == PLAIN)
    tried = tried[persons.reported_at[tried] != NO_INSTANT]
    tried_at = persons.reported_at[tried] + 4 * DAY_SECONDS
    person = np.concatenate([accounts.person.take(account), stray, tried])
    home = np.concatenate(
        [accounts.provider.take(account), rng.integers(0, len(chunk.houses), len(stray) + len(tried))]
    )
    at = np.concatenate([at, stray_at, tried_at])
    reason = np.concatenate([reason, stray_reason, np.zeros(len(tried), np.int64)])
    night = np.concatenate([accounts.night.take(account), np.zeros(len(stray) + len(tried), np.int8)])
    size = len(person)
    # Accounts have serials below; a chunk has far fewer strays than persons, so these stay unique between chunks.
    own = 600_000_000_000 + persons.first + np.arange(size - len(account))
    serial = np.concatenate([accounts.serial.take(account), own])
    flaws = INQUIRY_LAYOUT.plan(rng, size, plan.flaw_share, 2 * int(plan.small))
    homes = chunk.house_table(lambda h: h.code.encode())
    form = np.where(chance(rng, size, 0.5), 0, SECOND)
    for k, rows in chunk.nights_of(night):
        columns: list[Column] = [
            homes.take(home.take(rows)),
            (b"Q", *digits(serial.take(rows), 12)),
            persons.numbers.take(person.take(rows)),
            name_cells(chunk, person.take(rows), at.take(rows) // DAY_SECONDS, 0.001),
            instant_cells(at.take(rows), form.take(rows)),
            _INQUIRY_REASONS.take(reason.take(rows)),
        ]
        table = fixed_rows(columns, len(rows), layout=INQUIRY_LAYOUT, flaws=flaws.take(rows))
        half = len(rows) // 2 if k == 0 else len(rows)
        chunk.whole("inquiries", k, "part1", table[:half])
        chunk.whole("inquiries", k, "part2", table[half:], "gb18030")
