"""The worked case of the guide is what the program says of it."""

from __future__ import annotations

from pathlib import Path

from creditaudit.explain import spoken
from unit.explain.worked_case import explained

GUIDE = Path(__file__).parents[2] / "docs" / "review-a-case.md"


def test_the_worked_case_is_what_the_program_says(tmp_path: Path) -> None:
    shown = GUIDE.read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    assert shown.splitlines() == list(spoken(explained(tmp_path), "en"))
