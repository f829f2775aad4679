"""What the tests of the command line put into a house: one delivery, and rules of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.audit.rulebook import shipped_rules
from reference.small import ACCOUNT, EVENT, OPENING, REPORT

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from place import Place


def deliver(place: Place, night: date) -> None:
    for feed, row in (("accounts", ACCOUNT), ("openings", OPENING), ("loss_reports", REPORT), ("invalid_cards", EVENT)):
        place.deliver(night, feed, [row])


def own_rules(folder: Path, *names: str) -> Path:
    """Copy some shipped rules into a folder of one's own."""
    for rule in shipped_rules().iterdir():
        if rule.name.split("_")[0] in names:
            target = folder / rule.name
            target.mkdir(parents=True)
            for file in rule.iterdir():
                (target / file.name).write_bytes(file.read_bytes())
    return folder


def text_of(folder: Path, rule: str) -> Path:
    [path] = folder.glob(f"{rule}_*/rule.sql")
    return path
