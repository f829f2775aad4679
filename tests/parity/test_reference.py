"""The night against the slow reference on random hostile deliveries: equal in everything, every night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.runs import DIFFERENT, Record, Run, assert_same, records
from place import parts
from reference.columns import FEEDS
from reference.expected import CLEARANCES, ROW_CODES, combinations
from reference.hostile import FIXED_SEEDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.runs import Judged

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


def test_exit_codes(run: Run) -> None:
    """SPEC 2: the reference names the code that the delivered files give."""
    assert [night.code for night in run.nights] == [night.expected.exit_code for night in run.nights]


def test_findings(run: Run) -> None:
    """SPEC 5 and 6: every finding of the rules in force, with relation, moment and report."""
    for night in run.nights:
        ours = records(night.place.rows(night.night, "findings"), FINDING)
        theirs = [row for row in night.expected.findings if row["rule_id"] in night.rules]
        assert_same(run, night.night, ours, records(theirs, FINDING), FINDING)


def test_clearances(run: Run) -> None:
    """SPEC 6.1: what is cleared, and what is not judged."""
    for night in run.nights:
        ours = records(night.place.rows(night.night, "clearances"), CLEARANCE)
        assert_same(run, night.night, ours, records(night.expected.clearances, CLEARANCE), CLEARANCE)


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
        assert_same(run, night.night, records(ours, FATE), records(theirs, FATE), FATE)
        assert len(ours) == len({(fate["feed"], fate["file"], fate["row"]) for fate in ours}), "a row ended twice"


def test_dropped_cells_are_listed_in_the_quarantine(run: Run) -> None:
    """SPEC 3.4: an accepted row that lost a cell is listed with disposition ``cell_dropped``."""
    columns = ("feed", "file", "row", "line", "reasons")
    for night in run.nights:
        listed = [r for r in night.place.rows(night.night, "quarantine") if r["disposition"] == "cell_dropped"]
        theirs = [{**row, "reasons": row["dropped"]} for row in night.expected.rows if row["dropped"]]
        assert_same(run, night.night, records(listed, columns), records(theirs, columns), columns)


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
        ours = records(night.place.rows(night.night, "coverage"), COVERAGE)
        assert_same(run, night.night, ours, records(night.expected.coverage, COVERAGE), COVERAGE)


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
