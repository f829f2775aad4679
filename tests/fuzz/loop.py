"""``make fuzz``: mutates what is known of each target for a time, and keeps what fails or answers in a new way.

Each target runs in a process of its own, with bounded memory and a bounded time for each input; the input that it is at
lies in a file, so that not even a crash of a library loses it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from fuzz.mutate import mutated
from fuzz.targets import TARGETS, run

CORPUS = Path(__file__).parent / "corpus"
SECONDS_PER_INPUT = 20
MEMORY = 4 << 30
# Of each target the smallest inputs are kept, one for each way in which it answers.
KEPT, KEPT_BYTES = 24, 3_000
_NUMBERS = re.compile(r"[0-9]+")


def corpus_of(target: str) -> list[Path]:
    """Return the kept inputs of a target, by name."""
    return sorted((CORPUS / target).glob("*")) if (CORPUS / target).is_dir() else []


def main() -> int:
    """Fuzz every target in turn; exit 1 if an input failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600, help="in all")
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this one (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    chosen = asked.target or list(TARGETS)
    if asked.child is not None:
        return _child(chosen[0], asked.seconds, asked.seed, asked.child)
    total = failures = 0
    for target in chosen:
        tried, failed = _fuzzed(target, max(1, asked.seconds // len(chosen)), asked.seed, asked.failures)
        _say(f"{target}: {tried} inputs, {failed} failed")
        total, failures = total + tried, failures + failed
    _say(f"{total} inputs, {failures} failed{f'; they lie in {asked.failures}' if failures else ''}")
    return 1 if failures else 0


def _fuzzed(target: str, seconds: int, seed: int, failures: Path) -> tuple[int, int]:
    """Run a target for a time, again where a process of it died; returns inputs tried, and failed."""
    tried = failed = 0
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        with tempfile.TemporaryDirectory() as place:
            work = Path(place)
            command = [sys.executable, "-m", "fuzz.loop", "--child", place, "--target", target]
            command += ["--seconds", str(int(left) + 1), "--seed", str(seed)]
            ended = subprocess.run(command, check=False, capture_output=True, text=True)
            said = work / "said.json"
            found = json.loads(said.read_text()) if said.is_file() else {"tried": 0}
            tried += found["tried"]
            seed += 1
            if ended.returncode == 0:
                break
            failed += 1
            failures.mkdir(exist_ok=True)
            current = (work / "current").read_bytes() if (work / "current").is_file() else b""
            name = f"{target}-{hashlib.sha256(current).hexdigest()[:12]}"
            (failures / name).write_bytes(current)
            (failures / f"{name}.txt").write_text(f"exit {ended.returncode}\n{ended.stderr[-4000:]}", encoding="utf-8")
    return tried, failed


def _child(target: str, seconds: int, seed: int, work: Path) -> int:
    """Mutate until the time is over or an input fails."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _too_slow)
    rng = random.Random(f"{target}/{seed}")  # noqa: S311 - test data
    pool = [*TARGETS[target].seeds, *(path.read_bytes() for path in corpus_of(target))]
    known: dict[str, int] = {}
    for data in pool:
        known[_kind(run(target, data, work / "room"))] = 0
    tried, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutated(rng, pool)
        (work / "current").write_bytes(data)
        signal.alarm(SECONDS_PER_INPUT)
        try:
            kind = _kind(run(target, data, work / "room"))
        except BaseException:
            traceback.print_exc()
            (work / "said.json").write_text(json.dumps({"tried": tried + 1}))
            return 1
        finally:
            signal.alarm(0)
        tried += 1
        if tried % 50 == 0:
            (work / "said.json").write_text(json.dumps({"tried": tried}))
        if kind not in known:
            known[kind] = len(data)
            pool.append(data)
            _keep(target, data)
    (work / "said.json").write_text(json.dumps({"tried": tried}))
    return 0


def _kind(outcome: str) -> str:
    """Return an outcome without what differs from input to input."""
    return _NUMBERS.sub("0", outcome)[:160]


def _keep(target: str, data: bytes) -> None:
    """Keep an input that was answered in a new way, as long as the corpus of its target is small."""
    if len(data) <= KEPT_BYTES and len(corpus_of(target)) < KEPT and not os.environ.get("FUZZ_KEEPS_NOTHING"):
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _too_slow(*_: object) -> None:
    raise TimeoutError(f"an input took longer than {SECONDS_PER_INPUT} s")


if __name__ == "__main__":
    sys.exit(main())
