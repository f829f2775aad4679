"""A desk's world: a night that leaves thousands of leads, some of them thefts, in one of the presets.

The other generator (`generator`) makes deliveries like real ones, in which thefts are rare; the few leads of those
could not tell a good order of the queue from a bad one. This one makes many leads that rules alone cannot decide, and
the truth about each.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from creditaudit.feeds import FEEDS
from creditaudit.synth import desk_accounts, desk_feeds, desk_people
from creditaudit.synth.arrays import chance
from creditaudit.synth.calendars import day_of
from creditaudit.synth.institutions import DEBT_BUYER, Provider, institutions_csv, providers, recipients_csv
from creditaudit.synth.presets import PRESETS, Preset
from creditaudit.synth.vocabulary import AREAS

LEAST: Final = 600
_ACCOUNTS_OF_PERSON = 3.35
_HANDLERS = 8  # persons to one handler who serves several
_TINY_ACCOUNTS = 30
_LATER_SHARE = 0.01
_ALL_HOUSES = 20_000
_FEEDS: Final = ("accounts", "openings", "verifications", "inquiries", "loss_reports", "issuances", "invalid_cards")
_DAILY: Final = ("accounts", "openings", "verifications", "inquiries")


@dataclass(frozen=True)
class DeskSummary:
    """Counts of one run; also ``truth/summary.json``.

    Attributes
    ----------
    preset, changed
        Its name, and what is off or reversed in it.
    rows
        Delivered data rows per night and feed.
    victims
        Persons whose number a thief used, with the card they lost or a forged one.
    thefts, own_accounts
        Rows of ``truth/thefts.csv`` and ``truth/own_accounts.csv``: together all accounts.
    """

    preset: str
    changed: str
    seed: int
    nights: int
    first_night: str
    persons: int
    providers: int
    accounts: int
    victims: int
    thefts: int
    own_accounts: int
    rows: dict[str, dict[str, int]]


def _houses(preset: Preset, accounts: int) -> tuple[tuple[Provider, ...], list[float]]:
    """Return the institutions and their shares; of a tiny world, one for every thirty accounts."""
    houses = providers(_ALL_HOUSES)
    if not preset.tiny:
        return houses, [0.0 if house.role == DEBT_BUYER else house.share for house in houses]
    count = max(len(houses), accounts // _TINY_ACCOUNTS)
    tiny = tuple(
        replace(
            houses[0],
            index=n,
            code=f"S19{n:04d}1000H0001",
            name=f"示例村镇银行第{n}号",
            kind="village_bank",
            region=AREAS[n % len(AREAS)].decode()[:4] + "00",
            parent_code="",
            share=1 / count,
        )
        for n in range(count)
    )
    return tiny, [house.share for house in tiny]


def generate_desk(
    out: Path,
    *,
    preset: str,
    accounts: int,
    nights: int,
    seed: int,
    first_night: date = date(2026, 11, 15),
) -> DeskSummary:
    """Write deliveries of a desk's world with the truth beside. Equal arguments give equal bytes.

    Parameters
    ----------
    out
        Gets ``landing/``, ``reference/`` and ``truth/``, none of which may be there yet.
    preset
        One of :data:`~creditaudit.synth.presets.PRESETS`.
    accounts
        About how many accounts, at least 600; a third of them end as leads.
    nights
        Consecutive days; all but one in a hundred accounts come in the first.
    seed
        Not negative.
    first_night
        Business date of the first night.

    Raises
    ------
    ValueError
        An argument is out of its bounds.
    FileExistsError
        `out` has such folders already.
    """
    chosen = _check(out, preset, accounts, nights, seed)
    first_day = day_of(first_night.isoformat())
    rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(0xDE5C,))))
    persons = round(accounts / _ACCOUNTS_OF_PERSON)
    houses, shares = _houses(chosen, accounts)
    holders = desk_people.draw(rng, persons, max(4, persons // _HANDLERS), seed, first_day)
    opened = desk_accounts.draw(rng, holders, chosen, shares, first_day)
    late = chance(rng, len(opened), _LATER_SHARE) & (opened.who != desk_accounts.BEFORE) & (nights > 1)
    night = np.where(late, rng.integers(1, max(nights, 2), len(opened)), 0)
    homes = np.array([house.code.encode() for house in houses])
    rows: dict[str, dict[str, int]] = {}
    for nth in range(nights):
        name = str(np.datetime64(first_day + nth, "D"))
        those = np.flatnonzero(night == nth)
        bodies = {
            "accounts": desk_feeds.account_rows(
                holders, opened, homes, those, first_day + nth - 1, amounts=chosen.amounts
            ),
            "openings": desk_feeds.opening_rows(holders, opened, homes, those),
            "verifications": desk_feeds.verification_rows(opened, homes, those),
            "inquiries": desk_feeds.inquiry_rows(rng, holders, opened, homes, those),
            "loss_reports": desk_feeds.loss_rows(holders) if nth == 0 else b"",
            "issuances": desk_feeds.issuance_rows(holders) if nth == 0 else b"",
            "invalid_cards": b"",
        }
        rows[name] = {feed: _write(out / "landing" / name / feed, feed, bodies[feed], name) for feed in _FEEDS}
    _write_beside(out, houses, desk_feeds.truth_rows(holders, opened, homes, night, first_day))
    theft = opened.is_theft
    summary = DeskSummary(
        preset=chosen.name,
        changed=chosen.changed,
        seed=seed,
        nights=nights,
        first_night=first_night.isoformat(),
        persons=persons,
        providers=len(houses),
        accounts=len(opened),
        victims=len(np.unique(opened.person[theft])),
        thefts=int(theft.sum()),
        own_accounts=int((~theft).sum()),
        rows=rows,
    )
    text = json.dumps(asdict(summary), ensure_ascii=False, indent=1) + "\n"
    (out / "truth" / "summary.json").write_text(text, encoding="utf-8")
    return summary


def _check(out: Path, preset: str, accounts: int, nights: int, seed: int) -> Preset:
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}")
    if accounts < LEAST:
        raise ValueError(f"accounts must be at least {LEAST}: fewer leave too few leads")
    if nights < 1:
        raise ValueError("nights must be at least 1")
    if seed < 0:
        raise ValueError("seed must not be negative")
    for room in ("landing", "reference", "truth"):
        if (out / room).exists():
            raise FileExistsError(f"{out / room} is there already; give a folder without one")
    return PRESETS[preset]


def _write(folder: Path, feed: str, body: bytes, night: str) -> int:
    """Write one file with its control; returns its rows."""
    folder.mkdir(parents=True)
    content = ",".join(column.name for column in FEEDS[feed].columns).encode() + b"\n" + body
    (folder / "desk.csv").write_bytes(content)
    count = body.count(b"\n")
    control = {"rows": count, "sha256": hashlib.sha256(content).hexdigest(), "kind": "delta", "covers_to": night}
    (folder / "desk.csv.ctl").write_text(json.dumps(control) + "\n", encoding="utf-8")
    return count


def _write_beside(out: Path, houses: tuple[Provider, ...], truth: dict[str, bytes]) -> None:
    for room in ("reference", "truth"):
        (out / room).mkdir(parents=True)
    (out / "reference" / "institutions.csv").write_bytes(institutions_csv(houses))
    (out / "reference" / "recipients.csv").write_bytes(recipients_csv(houses))
    for name, content in truth.items():
        (out / "truth" / f"{name}.csv").write_bytes(content)
