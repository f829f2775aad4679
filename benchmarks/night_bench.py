"""A night against what others would do with the same files: time, memory, and the same answer.

    python benchmarks/night_bench.py --accounts 1000000 --repeat 3 --out results.json

Every program runs as a whole process of its own, one after the other, measured from outside. No time counts before the
answers are compared: R101 and R102, account by account and notice by notice.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measuring import answers
from measuring.delivery import NIGHTS, Made, Order, made
from measuring.measure import Costs, environment, machine, run
from measuring.tables import as_text, ratios

PEERS = Path(__file__).parent / "peers"
SCRIPTS = {
    "duckdb": ("duckdb_peer.py", "b: DuckDB script"),
    "polars": ("polars_peer.py", "c: Polars script"),
    "pandas": ("pandas_peer.py", "d: pandas script"),
}
LETTERS = {"a": ("scan", "csv", "intake"), "b": ("duckdb",), "c": ("polars",), "d": ("pandas",)}
PANDAS_LIMIT = 1_000_000
COMMAND = "creditaudit.cli"


@dataclass
class Bench:
    """The rounds of one delivery."""

    delivery: Made
    damaged: Made | None
    work: Path
    threads: int
    names: list[str]
    memory_limit: str | None = None
    costs: dict[str, Costs] = field(default_factory=dict)
    stages: dict[str, list[list[dict[str, Any]]]] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    night_bytes: dict[str, int] = field(default_factory=dict)

    def round(self) -> None:
        """Run everything once, in turn."""
        book = self._new_book(self.delivery)
        self._night("full", "n: full night, everything in it", self.delivery, book, 0)
        sealed = book / "nights" / NIGHTS[0].isoformat()
        answer = answers.of_night(sealed)
        self.answer = answer.facts()
        if "scan" in self.names:
            self._measured(
                "scan", "a: bare scan of the night's columns", "floor_scan.py", "--intake", str(sealed / "intake")
            )
            self._on_files("csv", "a: pyarrow.csv, typed, to Parquet: accounts, openings", "floor_csv.py")
            self._on_files("intake", "the night's intake of accounts, openings alone", "intake_only.py")
        for name, (script, what) in SCRIPTS.items():
            if name in self.names:
                out = self._on_files(name, what, script)
                answers.assert_same(name, answers.of_peer(out), answer)
        self._night("ordinary", "n: ordinary night on top", self.delivery, book, 1)
        if self.damaged is not None:
            book = self._new_book(self.damaged)
            self._night("damaged", "n: full night, delivery with its damage", self.damaged, book, 0)

    def clean(self) -> None:
        """Remove books and answers; the deliveries stay."""
        for name in ("desk", "out"):
            shutil.rmtree(self.work / name, ignore_errors=True)

    @property
    def _key(self) -> Path:
        return self.work / "desk" / "demo.key"

    def _new_book(self, delivery: Made) -> Path:
        self.clean()
        desk = self.work / "desk"
        desk.mkdir(parents=True)
        reference = str(delivery.folder / "reference")
        for arguments in (
            ("keys", "demo", str(self._key)),
            ("init", str(desk / "book"), "--reference", reference, "--mandate", "benchmark"),
        ):
            run(["-m", COMMAND, *arguments], desk, environment(self.threads))
        if self.memory_limit is not None:
            settings = desk / "creditaudit.toml"
            said, is_said = re.subn(
                r"(?m)^memory_limit = .*$",
                f'memory_limit = "{self.memory_limit}"',
                settings.read_text(encoding="utf-8"),
            )
            if is_said != 1:
                raise SystemExit(f"{settings.name} does not say memory_limit once")
            settings.write_text(said, encoding="utf-8")
        return desk / "book"

    def _measured(self, name: str, what: str, script: str, *arguments: str) -> None:
        command = [str(PEERS / script), *arguments, "--threads", str(self.threads)]
        cost = run(command, self.work, environment(self.threads))
        self.costs.setdefault(name, Costs(what)).rounds.append(cost)

    def _on_files(self, name: str, what: str, script: str) -> Path:
        out = self.work / "out" / name
        out.mkdir(parents=True)
        self._measured(name, what, script, "--night", str(self.delivery.night(0)), "--out", str(out))
        return out

    def _night(self, name: str, what: str, delivery: Made, book: Path, number: int) -> None:
        log = self.work / "stages.jsonl"
        log.unlink(missing_ok=True)
        arguments = ["--book", str(book), "--landing", str(delivery.landing), "--night", NIGHTS[number].isoformat()]
        command = ["-m", COMMAND, "night", *arguments, "--threads", str(self.threads), "--run-log", str(log)]
        cost = run(command, self.work, environment(self.threads, CREDITAUDIT_KEY_FILE=str(self._key)))
        self.costs.setdefault(name, Costs(what)).rounds.append(cost)
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        self.stages.setdefault(name, []).append(lines)
        folder = book / "nights" / NIGHTS[number].isoformat()
        # Two names of one file are one file.
        files = {f.stat().st_ino: f.stat().st_size for f in folder.rglob("*") if f.is_file()}
        self.night_bytes[name] = sum(files.values())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, required=True, help="accounts of the full night and the ordinary one")
    parser.add_argument("--peers", default="a,b,c,d", help="a floors, b DuckDB, c Polars, d pandas (up to 1 M)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--threads", type=int, default=2, help="threads of every program")
    parser.add_argument("--seed", type=int, default=7, help="seed of the delivery")
    parser.add_argument("--memory-limit", help="the engine's, for the night (its own default without)")
    parser.add_argument("--damaged", action="store_true", help="also a full night over a delivery with its damage")
    parser.add_argument("--work", type=Path, default=Path(__file__).parent / "work", help="deliveries are kept here")
    parser.add_argument("--out", type=Path, help="write the results as JSON")
    given = parser.parse_args()
    unknown = set(given.peers.split(",")) - set(LETTERS)
    if unknown or given.repeat < 1:
        parser.error(f"--peers takes letters of {','.join(LETTERS)}; --repeat at least 1")
    return given


def _command(given: argparse.Namespace) -> str:
    """Spell the command without paths of this machine."""
    told = [f"--accounts {given.accounts}", f"--peers {given.peers}", f"--repeat {given.repeat}"]
    told += [f"--threads {given.threads}", f"--seed {given.seed}", *(["--damaged"] if given.damaged else [])]
    told += [f"--memory-limit {given.memory_limit}"] if given.memory_limit else []
    return f"python benchmarks/night_bench.py {' '.join(told)}"


def main() -> int:
    given = _arguments()
    names = [name for letter in given.peers.split(",") for name in LETTERS[letter]]
    if given.accounts > PANDAS_LIMIT and "pandas" in names:
        names.remove("pandas")
        print(f"pandas is left out above {PANDAS_LIMIT:,} accounts", file=sys.stderr)
    given.work.mkdir(parents=True, exist_ok=True)
    around = machine()
    delivery = made(Order(given.accounts, given.seed), given.work, given.threads)
    damaged = None
    if given.damaged:
        damaged = made(Order(given.accounts, given.seed, is_damaged=True), given.work, given.threads)
    bench = Bench(delivery, damaged, given.work, given.threads, names, given.memory_limit)
    for number in range(given.repeat):
        print(f"round {number + 1} of {given.repeat}", file=sys.stderr)
        bench.round()
    bench.clean()
    results = {
        "command": _command(given),
        "machine": around,
        "threads": given.threads,
        "delivery": delivery.facts(),
        "answer": bench.answer,
        "runs": {name: costs.as_dict() for name, costs in bench.costs.items()},
        "stages": bench.stages,
        "night_bytes": bench.night_bytes,
    }
    results["ratios"] = ratios(results)
    if given.out is not None:
        given.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(as_text(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
