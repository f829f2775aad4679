"""The generator: chunk after chunk of persons, written in order, whatever the number of threads."""

import json
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np

from creditaudit.synth import accounts as account_room
from creditaudit.synth import notices, people, truth
from creditaudit.synth.calendars import day_of
from creditaudit.synth.check_feeds import write_inquiries, write_verifications
from creditaudit.synth.correction import NIGHTS, tell_matter
from creditaudit.synth.credit_feeds import write_accounts, write_openings, write_renames
from creditaudit.synth.few_feeds import write_fraud_alerts, write_impostors, write_objections
from creditaudit.synth.institutions import ENCODINGS, Provider, institutions_csv, providers, recipients_csv
from creditaudit.synth.landing import Landing
from creditaudit.synth.pieces import Chunk, Piece
from creditaudit.synth.registry_feeds import write_invalid_cards, write_issuances, write_loss_reports
from creditaudit.synth.scenarios import FLOOR, STORIES, Cast, Plan

_LEAST: Final = 100
_EARLIEST, _LATEST = date(2026, 3, 1), date(2040, 1, 1)
_PERSONS_TO_ACCOUNTS = 3


@dataclass(frozen=True)
class SynthSummary:
    """Counts of one run; also ``truth/summary.json``.

    Attributes
    ----------
    seed, accounts, nights, first_night
        As asked for.
    persons, providers
        How many there are.
    rows
        Delivered data rows per night and feed, damaged ones included.
    damaged_rows
        Rows, or cells of rows, that were damaged on purpose in accounts, openings and the registries.
    persons_who_reported
        Persons who ever reported a card lost.
    victims, theft_accounts, determined_thefts
        Persons whose card a thief used, the accounts so opened, and those of them that the data decide (R101).
    own_accounts_after_loss
        Rows of ``truth/own_accounts.csv``.
    proportions
        The above as shares, rounded to 6 places.
    """

    seed: int
    accounts: int
    nights: int
    first_night: str
    persons: int
    providers: int
    rows: dict[str, dict[str, int]]
    damaged_rows: int
    persons_who_reported: int
    victims: int
    theft_accounts: int
    determined_thefts: int
    own_accounts_after_loss: int
    proportions: dict[str, float]


@dataclass(frozen=True)
class _Made:
    pieces: list[Piece]
    tables: dict[str, bytes]
    counts: dict[str, int]


def _make(plan: Plan, houses: tuple[Provider, ...], index: int) -> _Made:
    """Make one chunk; its random numbers depend on the seed and its index alone."""
    rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(plan.seed, spawn_key=(index,))))
    first, stop = plan.share_of(plan.accounts, index)
    first_person, last_person = plan.share_of(plan.accounts // _PERSONS_TO_ACCOUNTS, index)
    first_victim, last_victim = plan.share_of(plan.victims, index)
    size = last_person - first_person
    scenario = np.full(size, -1, np.int8)
    # The first person of a chunk is its impostor and is never a victim.
    victims = 1 + rng.permutation(size - 1)[: last_victim - first_victim]
    scenario[victims] = (first_victim + np.arange(len(victims))) % len(STORIES)
    guarded = max(0, min(len(victims), FLOOR - first_victim))
    persons = people.draw(rng, first_person, size, plan, scenario)
    accounts = account_room.draw(rng, houses, persons, plan, Cast(victims, guarded), first=first, count=stop - first)
    chunk = Chunk(rng, houses, plan, persons, accounts)
    account_flaw, opening_flaw = write_accounts(chunk), write_openings(chunk)
    write_renames(chunk)
    write_verifications(chunk)
    write_inquiries(chunk)
    police, registry = notices.losses(rng, persons, plan, victims[:guarded])
    others = notices.superseded(rng, persons, plan, victims[:guarded])
    issued = notices.issuances(rng, persons, plan)
    write_loss_reports(chunk, police)
    write_invalid_cards(chunk, notices.join(registry, others))
    write_issuances(chunk, issued)
    write_impostors(chunk)
    write_objections(chunk)
    write_fraud_alerts(chunk)
    tables, counts = truth.tables(chunk, truth.Delivered(account_flaw, opening_flaw, police, registry))
    flaws = (account_flaw, opening_flaw, police.flaw, registry.flaw, others.flaw, issued.flaw)
    counts["damaged_rows"] = sum(int(np.count_nonzero(f)) for f in flaws)
    return _Made(chunk.pieces, tables, counts)


def _in_order(plan: Plan, houses: tuple[Provider, ...], *, threads: int, processes: int) -> Iterator[_Made]:
    """Yield the chunks in order, at most one more than there are makers in the making.

    Making a chunk is many small array steps, which hold the interpreter: only processes make two at a time.
    """
    pool: Executor
    if processes > 1 and plan.chunks > 1:
        pool, makers = ProcessPoolExecutor(processes, mp_context=get_context("forkserver")), processes
    else:
        pool, makers = ThreadPoolExecutor(threads), threads
    with pool:
        ahead: deque[Future[_Made]] = deque()
        for index in range(plan.chunks):
            ahead.append(pool.submit(_make, plan, houses, index))
            if len(ahead) > makers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _check(out: Path, accounts: int, nights: int, seed: int, first_night: date) -> None:
    if accounts < _LEAST:
        raise ValueError(f"accounts must be at least {_LEAST}: fewer cannot hold the {FLOOR} stories of theft")
    if nights < 1:
        raise ValueError("nights must be at least 1")
    if seed < 0:
        raise ValueError("seed must not be negative")
    if not _EARLIEST <= first_night < _LATEST:
        raise ValueError(
            f"first_night must be from {_EARLIEST} on and before {_LATEST}: the youngest holders come of age then"
        )
    for room in ("landing", "reference", "truth"):
        if (out / room).exists():
            raise FileExistsError(f"{out / room} is there already; give a folder without one")


def generate(
    out: Path,
    *,
    accounts: int,
    nights: int,
    seed: int,
    first_night: date = date(2026, 11, 15),
    encodings: tuple[str, ...] = ENCODINGS,
    issuances_cover: bool | None = None,
    threads: int = 1,
    processes: int = 1,
) -> SynthSummary:
    """Write synthetic deliveries of all eleven feeds, the reference tables for them, and the truth beside.

    The first night has full files of everything; each later night deltas of 0.5 to 1 % of the accounts, new and
    late notices, withdrawals and corrections. Equal arguments give equal bytes, whatever `threads` and `processes` are.

    Thefts are at most 0.1 % of the accounts in a large run. A small one (below about 30,000 accounts) has more:
    every run has 14 victims, so that at least 8 thefts are determined; likewise damaged rows and recent losses
    are more frequent in a small run, so that there are some.

    Parameters
    ----------
    out
        Gets ``landing/``, ``reference/`` and ``truth/``, none of which may be there yet.
    accounts
        Number of accounts, at least 100. There are a third as many persons.
    nights
        Number of nights, on consecutive days.
    seed
        Not negative.
    first_night
        Business date of the first night.
    encodings
        Of the institutions' files, the first for about half of them.
    issuances_cover
        Whether the register of issued cards claims to be full for all days and regions, without which nothing
        is proven by a card not collected; None: four seeds in five.
    threads
        How many chunks are made at a time. Memory is about 100 MB a thread, whatever `accounts` is.
    processes
        More than one: chunks are made in so many processes instead, which take about 150 MB each.

    Returns
    -------
    Counts, as in ``truth/summary.json``.

    Raises
    ------
    ValueError
        An argument is out of its bounds.
    FileExistsError
        `out` has such folders already.
    """
    _check(out, accounts, nights, seed, first_night)
    plan = Plan(accounts, nights, seed, day_of(first_night.isoformat()))
    houses = providers(accounts, encodings)
    cover = seed % 5 != 0 if issuances_cover is None else issuances_cover
    landing = Landing(out / "landing", houses, plan, issuances_cover=cover)
    counts: Counter[str] = Counter()
    for room in ("reference", "truth"):
        (out / room).mkdir(parents=True)
    (out / "reference" / "institutions.csv").write_bytes(institutions_csv(houses))
    (out / "reference" / "recipients.csv").write_bytes(recipients_csv(houses))
    paths = {name: out / "truth" / f"{name}.csv" for name in truth.TABLES}
    for name, columns in truth.TABLES.items():
        paths[name].write_bytes((",".join(columns) + "\n").encode())
    for made in _in_order(plan, houses, threads=threads, processes=processes):
        for piece in made.pieces:
            landing.add(piece)
        for name, body in made.tables.items():
            with paths[name].open("ab") as table:
                table.write(body)
        counts.update(made.counts)
    delivered = landing.close()
    if plan.small and nights >= NIGHTS:
        for night, rows in tell_matter(out, houses, [landing.night_name(k) for k in range(nights)]).items():
            delivered[night]["accounts"] += rows
    summary = _summary(plan, houses, delivered, counts)
    text = json.dumps(asdict(summary), ensure_ascii=False, indent=1) + "\n"
    (out / "truth" / "summary.json").write_text(text, encoding="utf-8")
    return summary


def _summary(
    plan: Plan, houses: tuple[Provider, ...], rows: dict[str, dict[str, int]], counts: Counter[str]
) -> SynthSummary:
    persons = plan.accounts // _PERSONS_TO_ACCOUNTS
    proportions = {
        "persons_who_reported": counts["persons_who_reported"] / persons,
        "theft_accounts": counts["theft_accounts"] / plan.accounts,
        "determined_of_thefts": counts["determined_thefts"] / max(1, counts["theft_accounts"]),
        "date_only_moments": counts["date_only_moments"] / plan.accounts,
        "odd_numbers": counts["odd_numbers"] / plan.accounts,
    }
    return SynthSummary(
        seed=plan.seed,
        accounts=plan.accounts,
        nights=plan.nights,
        first_night=str(np.datetime64(plan.first_day, "D")),
        persons=persons,
        providers=len(houses),
        rows=rows,
        damaged_rows=counts["damaged_rows"],
        persons_who_reported=counts["persons_who_reported"],
        victims=counts["victims"],
        theft_accounts=counts["theft_accounts"],
        determined_thefts=counts["determined_thefts"],
        own_accounts_after_loss=counts["own_accounts_after_loss"],
        proportions={name: round(share, 6) for name, share in proportions.items()},
    )
