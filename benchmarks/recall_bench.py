"""What a night costs that recalls one provider's night, beside two ordinary nights of the same book.

    python benchmarks/recall_bench.py --accounts 1000000 --nights 365       # over what nights_bench.py has made

Each measured night is run in a copy of the book whose last nights are left out, so that their files wait once more. The
sealed nights of a copy are hard links: nothing of the book itself is written.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from measuring.delivery import Order, made
from measuring.measure import SEALED, Cost, environment, machine, run
from measuring.tables import aligned

COMMAND = "creditaudit.cli"
# Nights left out of a copy: of these two are ordinary, whichever of them writes complete states.
LEFT_OUT = 3
BOUND = 2


@dataclass(frozen=True)
class Desk:
    """The book of the year, its landing, and where its copies are made."""

    book: Path
    key: Path
    landing: Path
    work: Path
    threads: int

    @property
    def nights(self) -> list[str]:
        """Every sealed night, in order."""
        return sorted(path.name for path in (self.book / "nights").iterdir() if not path.name.startswith("."))

    def copied(self) -> Path:
        """Return a copy of the book without its last nights."""
        kept = self.nights[:-LEFT_OUT]
        copy = self.work / "recalled" / "book"
        shutil.rmtree(copy.parent, ignore_errors=True)
        (copy / "nights").mkdir(parents=True)
        for night in kept:
            shutil.copytree(self.book / "nights" / night, copy / "nights" / night, copy_function=os.link)
        for path in self.book.iterdir():
            if path.name in {"nights", "latest", ".lock"}:
                continue
            if path.is_dir():
                shutil.copytree(path, copy / path.name)
            else:
                shutil.copy(path, copy / path.name)
        (copy / "latest").symlink_to(Path("nights") / kept[-1])
        beside = self.book.parent / "creditaudit.toml"
        if beside.is_file():
            shutil.copy(beside, copy.parent / beside.name)
        return copy

    def say(self, *arguments: str) -> Cost:
        """Run a command and return what it cost."""
        given = environment(self.threads, CREDITAUDIT_KEY_FILE=str(self.key))
        return run(["-m", COMMAND, *arguments], self.work, given, SEALED)

    def night(self, book: Path, night: str) -> dict[str, Any]:
        """Run one night and return what it cost."""
        given = ["--book", str(book), "--landing", str(self.landing), "--night", night, "--threads", str(self.threads)]
        cost = self.say("night", *given)
        manifest = json.loads((book / "nights" / night / "manifest.json").read_text(encoding="utf-8"))
        return {
            **{"night": night, "state": manifest["state"], "recalls": len(manifest["recalls"])},
            **{"wall": round(cost.wall, 3), "cpu": round(cost.cpu, 3), "peak_mib": round(cost.peak_mib)},
        }

    def delivered(self, night: str) -> tuple[str, dict[str, int]]:
        """Return the provider that sent most rows of accounts on a night, and its files' SHA-256 with their rows."""
        path = self.book / "nights" / night / "published" / "coverage.parquet"
        rows = [row for row in pq.read_table(path).to_pylist() if row["provider_code"] and row["delivered"]]
        sent = [(row["delivered"], row["provider_code"]) for row in rows if row["feed"] == "accounts"]
        if not sent:
            raise SystemExit(f"no provider is known to have sent accounts on {night}: name another with --recall")
        _, provider = max(sent)
        return provider, {row["sha256"]: row["delivered"] for row in rows if row["provider_code"] == provider}


def measure(desk: Desk, asked: list[str]) -> dict[str, Any]:
    """Run two ordinary nights in one copy, and in one more each the night that recalls a provider's night.

    Parameters
    ----------
    desk : Desk
    asked : list of str
        Nights of which one provider's files are recalled.
    """
    waiting = desk.nights[-LEFT_OUT:]
    copy = desk.copied()
    found: dict[str, Any] = {"ordinary": [], "recalls": []}
    for night in waiting:
        line = desk.night(copy, night)
        print(json.dumps(line), file=sys.stderr)
        if line["state"] == "changes":
            found["ordinary"].append(line)
    found["ordinary"] = found["ordinary"][:BOUND]
    for of in asked:
        provider, files = desk.delivered(of)
        copy = desk.copied()
        listed = desk.say("recall", "--book", str(copy), *files)
        desk.say("recall", "--book", str(copy), *files, "--apply", "--by", "benchmark", "--reason", "measured")
        line = desk.night(copy, waiting[0])
        if line["recalls"] != len(files):
            raise SystemExit(f"{line['recalls']} of {len(files)} files were recalled")
        line |= {"of": of, "provider": provider, "files": len(files), "rows": sum(files.values())}
        found["recalls"].append({**line, "list_cpu": round(listed.cpu, 3)})
        print(json.dumps(found["recalls"][-1]), file=sys.stderr)
    shutil.rmtree(copy.parent)
    return found


def report(found: dict[str, Any]) -> tuple[list[list[str]], list[str], bool]:
    """Return a table of the measured nights, a sentence for each recall, and whether its bound is kept."""
    rows = [["night", "wall s", "CPU s", "peak MiB", "recalls"]]
    whole = {of: sum(night[of] for night in found["ordinary"]) for of in ("wall", "cpu")}
    for night in (*found["ordinary"], *found["recalls"]):
        what = f"{night['files']} files, {night['rows']:,} rows of {night['of']}" if "of" in night else ""
        rows.append([night["night"], f"{night['wall']:.2f}", f"{night['cpu']:.2f}", f"{night['peak_mib']:,}", what])
    said = [
        f"recalling {night['provider']}'s {night['of']} in {night['night']}: {night['cpu'] / whole['cpu']:.2f} x"
        f" the CPU time and {night['wall'] / whole['wall']:.2f} x the wall time of two ordinary nights (bound 1);"
        f" the list of what rests on it {night['list_cpu']:.2f} s CPU"
        for night in found["recalls"]
    ]
    return rows, said, all(night["cpu"] <= whole["cpu"] for night in found["recalls"])


def main() -> int:
    """Measure and print; exit 1 where a night that recalls takes longer than two ordinary ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--nights", type=int, default=365, help="as nights_bench.py was asked: they name the delivery")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--work", type=Path, default=Path(__file__).parent / "work", help="of nights_bench.py")
    parser.add_argument("--recall", type=date.fromisoformat, nargs="*", default=[], help="nights; else middle and last")
    parser.add_argument("--out", type=Path, help="the figures as JSON")
    given = parser.parse_args()
    order = Order(given.accounts, given.seed, nights=given.nights)
    year = given.work / "year"
    if not (given.work / order.name / "made.json").is_file() or not (year / "book").is_dir():
        raise SystemExit(f"no book of that delivery is in {given.work}: make bench-nights first")
    landing = made(order, given.work, given.threads).landing
    desk = Desk(year / "book", year / "demo.key", landing, given.work, given.threads)
    sealed = desk.nights[:-LEFT_OUT]
    if len(sealed) < BOUND:
        raise SystemExit(f"the book has too few nights: {LEFT_OUT + BOUND} are the least")
    asked = [night.isoformat() for night in given.recall] or sorted({sealed[len(sealed) // 2], sealed[-1]})
    print(json.dumps(machine()), file=sys.stderr)
    found = measure(desk, asked)
    if given.out is not None:
        given.out.write_text(json.dumps({"machine": machine(), "nights": len(sealed), **found}, indent=1) + "\n")
    rows, said, is_kept = report(found)
    print("\n".join([aligned(rows), f"{len(sealed)} sealed nights before them", *said]))
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
