"""Approved rule texts are read again by the night that takes them (SPEC 9)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from creditaudit.audit.rulebook import load_rules
from creditaudit.audit.rules_tonight import rules_tonight
from creditaudit.book.inbox import Entry
from creditaudit.book.layout import Book

if TYPE_CHECKING:
    from pathlib import Path

NIGHT = date(2026, 11, 20)
[SHIPPED] = [rule for rule in load_rules() if rule.rule_id == "R101"]
FOLDER = f"R101_{SHIPPED.name}"


def approval(folder: str, text: str) -> Entry:
    return Entry(NIGHT, "rule_approval", "x", "", {"folder": folder, "text": text}, "0")


def test_an_approved_text_judges_that_very_night(tmp_path: Path) -> None:
    text = f"{SHIPPED.text}-- approved\n"
    tonight = rules_tonight(Book(tmp_path), [approval(FOLDER, text)], NIGHT, tmp_path / "rules")
    assert (tmp_path / "rules" / FOLDER / "rule.sql").read_text(encoding="utf-8") == text
    assert [rule.text for rule in tonight.in_force if rule.rule_id == "R101"] == [text]
    assert tonight.refused == ()


@pytest.mark.parametrize(
    ("folder", "text", "why"),
    [
        (FOLDER, "SELEC broken", "its text is no rule"),
        (FOLDER, SHIPPED.text.replace("SELECT", "SELECT '\\' ||", 1) + "DROP TABLE x;", "its text is no rule"),
        (FOLDER, SHIPPED.text.replace("p.kind = 'lost'", "p.kind = 5"), "the engine cannot run its text"),
        (FOLDER, SHIPPED.text.replace("p.kind = 'lost'", "SUM(1) > 1"), "the engine cannot run its text"),
        ("R901_of_the_house", SHIPPED.text, f"its text is that of {FOLDER}, and it approves R901_of_the_house"),
    ],
)
def test_a_text_that_is_no_rule_is_refused_by_name_and_stops_no_night(
    tmp_path: Path, folder: str, text: str, why: str
) -> None:
    entry = approval(folder, text)
    tonight = rules_tonight(Book(tmp_path), [entry], NIGHT, tmp_path / "rules")
    assert len(tonight.refused) == 1
    assert tonight.refused[0].startswith(f"inbox entry {entry.file_name}: {why}")
    assert [rule.text for rule in tonight.in_force if rule.rule_id == "R101"] == [SHIPPED.text]
    assert [rule.rule_id for rule in tonight.every].count("R101") == 1
