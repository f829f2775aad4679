"""The leads of a sealed night beside the truth: what an order of the queue is judged on.

The leads are the open cases of the four rules that leave more of them than a desk can look at, whose verdict is no
more than ``lead``; or, if asked, all open cases of accounts. Age and region are read here, where an order is judged,
and nowhere where it is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from creditaudit.book.case_state import CASE_FACTS
from creditaudit.book.layout import Book, open_book
from creditaudit.book.state import open_state
from creditaudit.engines import engine_aside
from creditaudit.errors import UsageError, Where
from creditaudit.scoring.features import FEATURES, as_matrix, feature_matrix
from creditaudit.scoring.in_force import model_in_force
from creditaudit.tables import CASES, FINDINGS

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from creditaudit.engines import Engine

TIERS: Final = ("R102", "R402", "R302", "R103")
"""Strongest first (SPEC 6.3)."""
_OPEN = ("lead", "sent", "undetermined", "correction_due", "correction_overdue")

_NO_MORE_THAN_LEADS = f"c.verdict = 'lead' AND c.tier IN {TIERS}"
_ALL = "c.subject LIKE 'account:%'"
_LEADS = """
    WITH last AS (
        SELECT *, row_number() OVER (PARTITION BY case_id ORDER BY episode DESC) AS back FROM judged_cases
    ), moments AS (
        SELECT provider_code, subject, min(moment_from) AS moment FROM judged_findings GROUP BY provider_code, subject
    ), houses AS (
        SELECT provider_code, count(*) AS accounts FROM judged_accounts GROUP BY provider_code
    )
    SELECT c.provider_code, c.subject, f.place AS tier, c.priority, COALESCE(c.person_token, c.subject) AS person,
        epoch(m.moment) AS moment, f.amount, left(f.region, 2) AS region, h.accounts AS house_accounts,
        TRY_CAST(substr(a.id_norm, 7, 4) AS INTEGER) AS born, year(m.moment) AS opened,
        t.account_code IS NOT NULL AS is_theft,
        row_number() OVER (ORDER BY sha256(c.provider_code || '|' || c.subject), c.provider_code, c.subject) AS turn
    FROM last AS c
    JOIN judged_facts AS f ON f.provider_code = c.provider_code AND f.subject = c.subject
    LEFT JOIN moments AS m ON m.provider_code = c.provider_code AND m.subject = c.subject
    LEFT JOIN judged_accounts AS a ON a.provider_code = c.provider_code AND a.account_code = c.account_code
    LEFT JOIN houses AS h ON h.provider_code = c.provider_code
    LEFT JOIN truth AS t ON t.provider_code = c.provider_code AND t.account_code = c.account_code
    WHERE c.back = 1 AND {which} AND c.state IN {states} AND c.priority IS NOT NULL
    ORDER BY c.provider_code, c.subject
"""


@dataclass(frozen=True)
class Leads:
    """The leads of one night; arrays have one element each, in a fixed order.

    Attributes
    ----------
    night, what, model
        Of which night; which cases, in words; digest of the model that ordered it, None for the formula.
    is_theft
        By the truth.
    priority
        As published.
    tier
        Place of the strongest finding (SPEC 6.3), the smaller the stronger.
    moment, amount
        Seconds since 1970 and yuan; NaN: not known.
    turn
        A fixed order that has nothing to do with any of these, for ties.
    person
        Number of the person; leads of one person are drawn together.
    features
        float64 (n, k), NaN for unknown: all that the model knows, for the forest.
    groups
        Name of a trait to the group of each lead: region (first two digits of the account's region code, else of the
        institution's), accounts of the institution, age at the opening.
    """

    night: date
    what: str
    model: str | None
    is_theft: npt.NDArray[np.bool_]
    priority: npt.NDArray[np.float64]
    tier: npt.NDArray[np.float64]
    moment: npt.NDArray[np.float64]
    amount: npt.NDArray[np.float64]
    turn: npt.NDArray[np.int64]
    person: npt.NDArray[np.int64]
    features: npt.NDArray[np.float64]
    groups: dict[str, npt.NDArray[np.str_]]

    def __len__(self) -> int:
        return len(self.turn)


def read_leads(book: Path, truth: Path, night: date | None = None, *, all_cases: bool = False) -> Leads:
    """Read the leads of a sealed night and set the truth beside them.

    Parameters
    ----------
    book
        Directory of the book.
    truth
        Directory with ``thefts.csv``, or with ``truth/thefts.csv`` (provider_code, account_code, any other columns):
        every account that is not in it is its holder's own.
    night
        A sealed night; None: the last.
    all_cases
        All open cases of accounts, violations too, instead of the leads.

    Raises
    ------
    UsageError
        No such night or truth, or no lead, no theft or nothing but thefts among the leads: then no order is better
        than another.
    """
    opened = open_book(book)
    chosen = night or opened.last
    if chosen is None or chosen not in opened.sealed:
        raise UsageError(
            "there is nothing to judge",
            why="the book has no sealed night" if chosen is None else f"night {chosen} is not sealed",
            next_step="run the night first",
        )
    then = opened.then(chosen)
    model = model_in_force(then)
    thefts = _thefts(truth)
    with engine_aside(reads=opened.root) as engine:
        table = _joined(engine, then, chosen, thefts, _ALL if all_cases else _NO_MORE_THAN_LEADS)
        features = as_matrix(feature_matrix(engine, model.model.lookups, facts="lead_facts"), FEATURES)
    is_theft = _numbers(table, "is_theft") > 0
    if is_theft.all() or not is_theft.any():
        raise UsageError(
            "there is nothing to judge",
            why=f"of {len(is_theft)} {_named(all_cases)} {int(is_theft.sum())} are thefts by the truth",
            next_step="give the truth of this book's own deliveries, and a night that has both; --all takes every case",
        )
    _, person = np.unique(table["person"].to_numpy(zero_copy_only=False).astype(np.str_), return_inverse=True)
    return Leads(
        night=chosen,
        what=_named(all_cases),
        model=model.digest,
        is_theft=is_theft,
        priority=_numbers(table, "priority"),
        tier=_numbers(table, "tier"),
        moment=_numbers(table, "moment"),
        amount=_numbers(table, "amount"),
        turn=table["turn"].to_numpy(),
        person=person.astype(np.int64),
        features=features,
        groups=_groups(table),
    )


def _named(all_cases: bool) -> str:  # noqa: FBT001 - one switch, passed on
    return "open cases of accounts" if all_cases else f"open leads of {', '.join(TIERS)}"


def _thefts(truth: Path) -> pa.Table:
    path = truth / "thefts.csv"
    if not path.is_file() and (truth / "truth" / "thefts.csv").is_file():
        path = truth / "truth" / "thefts.csv"
    columns = ["provider_code", "account_code"]
    try:
        found = pacsv.read_csv(
            path,
            convert_options=pacsv.ConvertOptions(
                include_columns=columns, column_types=dict.fromkeys(columns, pa.string())
            ),
        )
    except (OSError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise UsageError(
            "the truth cannot be read",
            why="there is no file with the columns provider_code and account_code",
            next_step="give the folder truth/ that lies beside the deliveries",
            where=Where(path.name),
        ) from error
    return found.group_by(columns).aggregate([])


def _joined(engine: Engine, book: Book, night: date, thefts: pa.Table, which: str) -> pa.Table:
    published = book.folder(night) / "published"
    engine.scan("judged_cases", [published / "cases.parquet"], CASES)
    engine.scan("judged_findings", [published / "findings.parquet"], FINDINGS)
    open_state(engine, book, CASE_FACTS.name, "judged_facts")
    open_state(engine, book, "accounts", "judged_accounts")
    engine.load("truth", thefts)
    engine.table("leads", _LEADS.format(which=which, states=_OPEN))
    engine.table(
        "lead_facts",
        "SELECT f.* FROM judged_facts AS f JOIN leads AS l"
        " ON l.provider_code = f.provider_code AND l.subject = f.subject",
    )
    return engine.fetch("SELECT * FROM leads ORDER BY provider_code, subject")


def _numbers(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = table[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _groups(table: pa.Table) -> dict[str, npt.NDArray[np.str_]]:
    region = np.array([code or "unknown" for code in table["region"].to_pylist()], dtype=np.str_)
    ages = _numbers(table, "opened") - _numbers(table, "born")
    return {
        "region": region,
        "accounts of the institution": _banded(_numbers(table, "house_accounts"), (100, 1_000, 100_000)),
        "age": _banded(ages, (25, 35, 45, 55, 65)),
    }


def _banded(values: npt.NDArray[np.float64], bounds: tuple[int, ...]) -> npt.NDArray[np.str_]:
    """Name the band of each number: below the first bound, between two, from the last on, or unknown."""
    between = [f"{low:,} to {high - 1:,}" for low, high in pairwise(bounds)]
    names = np.array([f"under {bounds[0]:,}", *between, f"{bounds[-1]:,} and more", "unknown"], dtype=np.str_)
    place = np.where(np.isnan(values), len(bounds) + 1, np.searchsorted(bounds, np.nan_to_num(values), side="right"))
    named: npt.NDArray[np.str_] = names[place]
    return named
