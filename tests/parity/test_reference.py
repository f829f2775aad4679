"""The night against the slow reference on random hostile deliveries: equal in everything, every night."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.errors import CreditAuditError
from place import Place, parts
from reference import NightResult, ReferenceBook
from reference.columns import FEEDS
from reference.contract import read_night
from reference.expected import CLEARANCES, ROW_CODES, combinations
from reference.hostile import FIXED_SEEDS, NIGHTS, PERSONS, write_delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

# Differences printed per side; the first few tell what is wrong.
DIFFERENT = 6

Record = tuple[Any, ...]
FINDING = (
    "provider_code",
    "account_code",
    "subject",
    "rule_id",
    "verdict",
    "notice_source",
    "notice_id",
    "relation",
    "moment_from",
    "moment_to",
    "reported_from",
    "reported_to",
)
CLEARANCE = ("provider_code", "account_code", "notice_source", "notice_id", "reason")
FATE = ("feed", "file", "row", "line", "status", "reasons", "dropped")
COVERAGE = ("feed", "file", "delivered", "accepted", "quarantined")


@dataclass(frozen=True)
class Judged:
    """One night as both judged it."""

    night: date
    code: int
    expected: NightResult = field(repr=False)
    place: Place = field(repr=False)
    raw: dict[tuple[str, str, int], str] = field(repr=False)

    @property
    def rules(self) -> frozenset[str]:
        """Rules in force that night: the texts that lie in its folder."""
        return frozenset(path.name.split("_")[0] for path in (self.place.folder(self.night) / "rules").iterdir())


@dataclass(frozen=True)
class Run:
    """All nights of one delivery."""

    seed: int
    nights: list[Judged]


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Run]:
    """Give the run of a seed, made once."""
    made: dict[int, Run] = {}

    def run(seed: int) -> Run:
        if seed not in made:
            made[seed] = _run(seed, tmp_path_factory.mktemp(f"seed{seed}"))
        return made[seed]

    return run


def _run(seed: int, root: Path) -> Run:
    days = write_delivery(root, seed, PERSONS, NIGHTS)
    place = Place(root).made(root / "reference")
    reference = ReferenceBook(root / "reference")
    nights = []
    for day in days:
        expected = reference.night(day, place.landing)
        try:
            code = int(place.night(day, threads=2).exit_code(fail_on_findings=False))
        except CreditAuditError as error:
            code = int(error.exit_code)
        files = read_night(place.landing, day)
        raw = {(row.feed, row.file, row.row): row.text for file in files for row in file.rows}
        nights.append(Judged(day, code, expected, place, raw))
    return Run(seed, nights)


@pytest.fixture(params=[*FIXED_SEEDS, "rotating"])
def run(request: pytest.FixtureRequest, judged: Callable[[int], Run], rotating_seed: int) -> Run:
    """One run per seed."""
    return judged(rotating_seed if request.param == "rotating" else request.param)


def _records(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Counter[Record]:
    return Counter(tuple(row[column] for column in columns) for row in rows)


def _assert_same(
    run: Run, night: date, ours: Counter[Record], theirs: Counter[Record], columns: tuple[str, ...]
) -> None:
    """Compare as multisets; a difference names keys, verdicts and places, none of which holds personal data."""
    __tracebackhide__ = True
    spare = sorted(map(repr, (ours - theirs).elements()))
    lacking = sorted(map(repr, (theirs - ours).elements()))
    shown = [f"only the program: {one}" for one in spare[:DIFFERENT]]
    shown += [f"only the reference: {one}" for one in lacking[:DIFFERENT]]
    if shown:
        counts = f"{len(spare)} only in the program, {len(lacking)} only in the reference"
        heading = [f"seed {run.seed}, night {night}: {counts}", f"columns: {', '.join(columns)}"]
        pytest.fail("\n".join([*heading, *shown]))


def test_exit_codes(run: Run) -> None:
    """SPEC 2: the reference names the code that the delivered files give."""
    assert [night.code for night in run.nights] == [night.expected.exit_code for night in run.nights]


def test_findings(run: Run) -> None:
    """SPEC 5 and 6: every finding of the rules in force, with relation, moment and report."""
    for night in run.nights:
        ours = _records(night.place.rows(night.night, "findings"), FINDING)
        theirs = [row for row in night.expected.findings if row["rule_id"] in night.rules]
        _assert_same(run, night.night, ours, _records(theirs, FINDING), FINDING)


def test_clearances(run: Run) -> None:
    """SPEC 6.1: what is cleared, and what is not judged."""
    for night in run.nights:
        ours = _records(night.place.rows(night.night, "clearances"), CLEARANCE)
        _assert_same(run, night.night, ours, _records(night.expected.clearances, CLEARANCE), CLEARANCE)


def _fates(night: Judged) -> list[dict[str, Any]]:
    """Every row's end: the accepted rows of ``intake/``, the others of ``published/quarantine.parquet``."""
    fates: list[dict[str, Any]] = []
    for feed in FEEDS:
        accepted = parts(night.place.folder(night.night) / "intake" / feed, ("file", "row", "line", "dropped"))
        fixed = {"feed": feed, "status": "accepted", "reasons": ""}
        fates += [{**row, **fixed, "dropped": row["dropped"] or ""} for row in accepted.to_pylist()]
    lost = [row for row in night.place.rows(night.night, "quarantine") if row["disposition"] == "row_quarantined"]
    fates += [{**row, "status": "quarantined", "dropped": ""} for row in lost]
    return fates


def test_every_delivered_row_has_the_same_fate(run: Run) -> None:
    """SPEC 2, 3: accepted, or quarantined with the same reasons, or accepted with the same cells dropped."""
    for night in run.nights:
        ours, theirs = _fates(night), night.expected.rows
        _assert_same(run, night.night, _records(ours, FATE), _records(theirs, FATE), FATE)
        assert len(ours) == len({(fate["feed"], fate["file"], fate["row"]) for fate in ours}), "a row ended twice"


def test_dropped_cells_are_listed_in_the_quarantine(run: Run) -> None:
    """SPEC 3.4: an accepted row that lost a cell is listed with disposition ``cell_dropped``."""
    columns = ("feed", "file", "row", "line", "reasons")
    for night in run.nights:
        listed = [r for r in night.place.rows(night.night, "quarantine") if r["disposition"] == "cell_dropped"]
        theirs = [{**row, "reasons": row["dropped"]} for row in night.expected.rows if row["dropped"]]
        _assert_same(run, night.night, _records(listed, columns), _records(theirs, columns), columns)


def test_quarantined_rows_keep_their_raw_text(run: Run) -> None:
    """SPEC 2 step 1: every quarantined row lies there with its raw text, as delivered."""
    for night in run.nights:
        table = parts(night.place.folder(night.night) / "quarantine", ("feed", "file", "row", "raw")).to_pylist()
        places = [(row["feed"], row["file"], row["row"]) for row in table]
        wrong = [key for key, row in zip(places, table, strict=True) if row["raw"] != night.raw[key]]
        assert table, "nothing was quarantined, so nothing was compared"
        assert not wrong, f"seed {run.seed}, night {night.night}: raw text differs at {wrong[:DIFFERENT]}"


def test_coverage(run: Run) -> None:
    """SPEC 2: delivered = accepted + quarantined; a refused file has its row, with the counts null."""
    for night in run.nights:
        ours = _records(night.place.rows(night.night, "coverage"), COVERAGE)
        _assert_same(run, night.night, ours, _records(night.expected.coverage, COVERAGE), COVERAGE)


def test_the_fixed_seeds_hold_every_combination(judged: Callable[[int], Run]) -> None:
    """A comparison of what never occurs proves nothing: each verdict at each relation, each clearance, must occur."""
    seen: set[Record] = set()
    reasons: set[str] = set()
    codes: set[str] = set()
    for seed in FIXED_SEEDS:
        for night in judged(seed).nights:
            seen |= {(f["rule_id"], f["verdict"], f["relation"]) for f in night.place.rows(night.night, "findings")}
            reasons |= {str(c["reason"]) for c in night.place.rows(night.night, "clearances")}
            for row in night.expected.rows:
                codes |= {code.split(":")[0] for code in row["reasons"].split(";")}
                codes |= {f"dropped {code.split(':')[0]}" for code in row["dropped"].split(";")}
    in_force = judged(FIXED_SEEDS[0]).nights[0].rules
    assert sorted(combinations(in_force) - seen, key=str) == []
    assert reasons == CLEARANCES
    assert sorted(ROW_CODES - codes) == []
