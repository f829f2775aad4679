"""The page on answers names what the program knows: every column, every reason."""

from __future__ import annotations

import re
from pathlib import Path

from creditaudit.cases.answer_file import COLUMNS
from creditaudit.cases.answer_reasons import REASONS

PAGE = (Path(__file__).parents[2] / "docs" / "answer-cases.md").read_text(encoding="utf-8")


def test_every_column_stands_there_with_its_title() -> None:
    rows = re.findall(r"^\| `(\w+)`( \\\*)? \| (\w+) \|", PAGE, re.MULTILINE)
    assert [(name, bool(star), title) for name, star, title in rows] == [
        (c.name, c.is_required, c.title_zh) for c in COLUMNS
    ]


def test_every_reason_is_explained_and_no_other() -> None:
    told = PAGE.split("| reason |")[1].split("## Look at them")[0]
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", told)) - {"case_id", "row_token", "answered_by", "evidence_ref"}
    assert named == set(REASONS)
