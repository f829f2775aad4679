"""A year of nights on one book: what an ordinary night costs beside the full one, and whether the book's age slows it.

    python benchmarks/nights_bench.py --accounts 1000000 --nights 365 --log nights.jsonl

Made to run unattended: each night is one line of the log, written when it is sealed, and a run that was stopped goes on
where it ended, over the same work folder and log. ``--report`` prints the tables of a log, finished or not.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from measuring.delivery import FIRST_NIGHT, Made, Order, made
from measuring.measure import SEALED, environment, machine, run
from measuring.tables import aligned

COMMAND = "creditaudit.cli"
FLOOR = Path(__file__).parent / "peers" / "floor_states.py"
# Stages 1 to 5 of SPEC 2, as the run log names them.
MEASURED = ("receive", "contract", "keys", "expectations", "judge", "track")
WRITING = "complete states"
# Between two complete states each night is dearer than the one before it: whole cycles are compared.
CYCLE = 30
MOST_SLOWER = 1.5
_TIMES = ("wall", "cpu")


@dataclass(frozen=True)
class Year:
    """A delivery of many nights, and the book that they are read into."""

    delivery: Made
    work: Path
    log: Path
    threads: int
    nights: int

    @property
    def book(self) -> Path:
        """The book of the run."""
        return self.work / "year" / "book"

    @property
    def _key(self) -> Path:
        return self.work / "year" / "demo.key"

    def go_on(self) -> None:
        """Run every night that the log does not have."""
        known = {line["night"] for line in read_log(self.log)}
        if not known:
            self._begin()
        for number in range(self.nights):
            night = FIRST_NIGHT + timedelta(days=number)
            if night.isoformat() not in known:
                line = self._night(night)
                with self.log.open("a", encoding="utf-8") as log:
                    log.write(json.dumps(line) + "\n")
                print(f"{night} {line['wall']:8.2f} s, CPU {line['cpu']:8.2f} s", file=sys.stderr)

    def _begin(self) -> None:
        if self.book.exists():
            raise SystemExit(f"{self.book} is there and the log is not: remove one of them")
        self.book.parent.mkdir(parents=True, exist_ok=True)
        reference = str(self.delivery.folder / "reference")
        for arguments in (
            ("keys", "demo", str(self._key)),
            ("init", str(self.book), "--reference", reference, "--mandate", "benchmark"),
        ):
            run(["-m", COMMAND, *arguments], self.work, environment(self.threads))

    def _night(self, night: date) -> dict[str, Any]:
        stages = self.work / "year" / "stages.jsonl"
        stages.unlink(missing_ok=True)
        arguments = ["--book", str(self.book), "--landing", str(self.delivery.landing), "--night", night.isoformat()]
        command = ["-m", COMMAND, "night", *arguments, "--threads", str(self.threads), "--run-log", str(stages)]
        cost = run(command, self.work, environment(self.threads, CREDITAUDIT_KEY_FILE=str(self._key)), SEALED)
        told = [json.loads(line) for line in stages.read_text(encoding="utf-8").splitlines()]
        manifest = json.loads((self.book / "nights" / night.isoformat() / "manifest.json").read_text(encoding="utf-8"))
        line = {
            "night": night.isoformat(),
            "wall": round(cost.wall, 3),
            "cpu": round(cost.cpu, 3),
            "peak_mib": round(cost.peak_mib),
            "state": manifest["state"],
            "is_degraded": bool(manifest["summary"]["stale"]),
            "stages": {stage["name"]: stage["seconds"] for stage in told},
            "note": next(stage["note"] for stage in told if stage["name"] == "judge"),
        }
        # Nothing is in force after the first night but what was delivered in it: it sorts nothing.
        if manifest["state"] == "complete" and night != FIRST_NIGHT:
            line["bare"] = self._bare(night)
        return line

    def _bare(self, night: date) -> dict[str, float]:
        """Measure the bare read, sort and write of a complete state."""
        out = self.work / "year" / "bare"
        out.mkdir()
        state = self.book / "nights" / night.isoformat() / "state"
        command = [str(FLOOR), "--state", str(state), "--out", str(out), "--threads", str(self.threads)]
        cost = run(command, self.work, environment(self.threads))
        for path in sorted(out.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        out.rmdir()
        return {"wall": round(cost.wall, 3), "cpu": round(cost.cpu, 3)}


def read_log(log: Path) -> list[dict[str, Any]]:
    """Return the nights of a log, in their order; none where there is no log."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []


def report(nights: list[dict[str, Any]]) -> tuple[list[list[str]], list[str], bool]:
    """Return the ordinary night beside the full one by stage, sentences on the year, and whether its bound is kept.

    Parameters
    ----------
    nights : list of dict
        At least the first night, which is full, and one more.
    """
    full, *others = nights
    ordinary = [night for night in others if night["state"] != "complete"]
    rows = [["stage", "full: s", "ordinary: s", "share"]]
    for stage in (*full["stages"], "stages 1 to 5"):
        whole, usual = (_seconds(full, stage), median(_seconds(night, stage) for night in ordinary))
        rows.append([stage, f"{whole:.2f}", f"{usual:.2f}", f"{usual / whole:.1%}" if whole else ""])
    peak = max(night["peak_mib"] for night in ordinary)
    said = [f"peak memory: full {full['peak_mib']:,} MiB, ordinary at most {peak:,} MiB"]
    for number, night in enumerate(others):
        if "bare" in night:
            # Beside the nights before it: what the machine does, and how old the book is, is much the same.
            before = [one["wall"] for one in others[:number] if one["state"] != "complete"][-CYCLE:]
            over = night["wall"] - median(before or [one["wall"] for one in ordinary])
            said.append(
                f"{night['night']} wrote complete states: {over:.2f} s more than the usual ordinary night before it,"
                f" {over / night['bare']['wall']:.2f} x a bare read-sort-write of them"
            )
            if WRITING in night["stages"]:
                share = night["stages"][WRITING] / night["bare"]["wall"]
                said[-1] += f"; to write them took {night['stages'][WRITING]:.2f} s, {share:.2f} x"
    if len(ordinary) < 2 * CYCLE:
        return rows, [*said, f"fewer than {2 * CYCLE} ordinary nights: nothing is said of the book's age"], True
    slower = {of: median(n[of] for n in ordinary[-CYCLE:]) / median(n[of] for n in ordinary[:CYCLE]) for of in _TIMES}
    said.append(
        f"after {len(nights)} nights, the median of the last {CYCLE} ordinary ones over that of the first {CYCLE}:"
        f" {slower['wall']:.2f} x the wall time, {slower['cpu']:.2f} x the CPU time (bound {MOST_SLOWER} x)"
    )
    return rows, said, slower["wall"] <= MOST_SLOWER


def _seconds(night: dict[str, Any], stage: str) -> float:
    if stage in night["stages"]:
        return float(night["stages"][stage])
    return float(sum(night["stages"].get(name, 0.0) for name in MEASURED))


def main() -> int:
    """Run what is missing and print the tables; exit 1 where the book's age slows a night by more than the bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--work", type=Path, default=Path(__file__).parent / "work", help="delivery and book are kept here"
    )
    parser.add_argument("--log", type=Path, required=True, help="one JSON line a night")
    parser.add_argument("--report", action="store_true", help="print the tables of the log and run nothing")
    given = parser.parse_args()
    if not given.report:
        given.work.mkdir(parents=True, exist_ok=True)
        print(json.dumps(machine()), file=sys.stderr)
        delivery = made(Order(given.accounts, given.seed, nights=given.nights), given.work, given.threads)
        Year(delivery, given.work, given.log, given.threads, given.nights).go_on()
    nights = read_log(given.log)
    if len(nights) < 2:
        raise SystemExit("the log has no two nights")
    rows, said, is_kept = report(nights)
    print("\n".join([aligned(rows), *said]))
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
