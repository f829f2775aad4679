"""The night's own intake over accounts and openings alone, to be compared with ``floor_csv.py``."""

from __future__ import annotations

from datetime import date

from csv_delivery import Task, task
from floor_csv import FEEDS

from creditaudit.intake.landing import find_files
from creditaudit.intake.receive import receive


def run(asked: Task) -> None:
    """Split, type and normalise one night's accounts and openings; refuse to go on if a file was refused."""
    files = [file for file in find_files(asked.night) if file.feed in FEEDS]
    night = date.fromisoformat(asked.night.name)
    reports = receive(files, night=night, scratch=asked.out, workers=asked.threads)
    refused = [report.file.name for report in reports if report.refused is not None]
    if refused:
        raise SystemExit(f"refused: {', '.join(refused)}")


if __name__ == "__main__":
    run(task(__doc__))
