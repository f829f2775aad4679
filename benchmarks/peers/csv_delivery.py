"""Where the files of one night lie, for the scripts beside this one."""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FEEDS = ("accounts", "openings", "loss_reports", "invalid_cards", "issuances")
ANSWER = ("provider_code", "account_code", "notice_source", "notice_id", "rule_id", "verdict")


@dataclass(frozen=True)
class Task:
    """What a script is asked to do: read the folder of one night, write ``findings.parquet`` and ``.csv`` to `out`."""

    night: Path
    out: Path
    threads: int

    def files(self, feed: str) -> list[Path]:
        """Return the delivered files of a feed."""
        folder = self.night / feed
        return sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")])

    def columns(self, feed: str) -> list[str]:
        """Return the header of a feed; all its files have the same."""
        file = self.files(feed)[0]
        opened = gzip.open if file.suffix == ".gz" else open
        with opened(file, "rt", encoding="utf-8", newline="") as lines:
            return next(csv.reader(lines))

    def issuances_known(self) -> tuple[date | None, date | None]:
        """Return the days of which every collected card is known; (None, None) if no file claims so."""
        for file in self.files("issuances"):
            control = json.loads(file.with_name(file.name + ".ctl").read_text(encoding="utf-8"))
            if control.get("kind") == "full" and control.get("region_code", "") is None:
                return date.fromisoformat(control["covers_from"]), date.fromisoformat(control["covers_to"])
        return None, None


def task(description: str | None) -> Task:
    """Read the command line of a script."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--night", type=Path, required=True, help="folder of one night's delivery")
    parser.add_argument("--out", type=Path, required=True, help="existing folder for the findings")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    return Task(given.night, given.out, given.threads)
