"""A changed rule text runs in shadow: its difference is on the page alone, until it is approved (SPEC 9)."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from creditaudit.audit.rulebook import shipped_rules
from reference.small import NEXT

if TYPE_CHECKING:
    from pathlib import Path

    from place import Place

SOONER = "AND p.standing IN ('yes', 'maybe')", "AND p.standing IN ('no')"


@pytest.fixture(scope="module")
def changed_rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped rules, with an R101 that finds nothing here, and an R106 with another bound."""
    folder = tmp_path_factory.mktemp("rules") / "rules"
    shutil.copytree(str(shipped_rules()), folder)
    for name, old, new in (
        ("R101_lost_card_used", *SOONER),
        ("R106_opened_shortly_before_report", "6.1", "6.1, another reading"),
    ):
        path = folder / name / "rule.sql"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def test_its_difference_is_told_and_nothing_else_changes(
    sent_cases: Place, tmp_path: Path, changed_rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, place = sent_cases.copied(tmp_path / "plain"), sent_cases.copied(tmp_path / "changed")
    plain.night(NEXT)
    for module in ("rules_tonight", "everyone"):
        monkeypatch.setattr(f"creditaudit.audit.{module}.shipped_rules", lambda: changed_rules)
    done = place.night(NEXT)
    assert done.summary["unapproved_rules"] == ["R101_lost_card_used", "R106_opened_shortly_before_report"]
    for table in ("findings", "clearances", "cases", "case_events"):
        assert place.rows(NEXT, table) == plain.rows(NEXT, table)
    assert "shadow" not in done.summary
    page = (place.folder(NEXT) / "night.html").read_text(encoding="utf-8")
    # Four accounts, each with an R101 that the changed text does not find; the changed R106 finds what it found.
    assert "R101 runs in shadow, without effect: 4 findings fewer" in page
    assert "R106 runs in shadow" not in page
    assert "runs in shadow" not in (plain.folder(NEXT) / "night.html").read_text(encoding="utf-8")


def test_what_it_tells_is_the_same_whoever_is_touched(
    sent_cases: Place, tmp_path: Path, changed_rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("rules_tonight", "everyone"):
        monkeypatch.setattr(f"creditaudit.audit.{module}.shipped_rules", lambda: changed_rules)
    touched, whole = sent_cases.copied(tmp_path / "touched"), sent_cases.copied(tmp_path / "whole")
    for place, everyone in ((touched, False), (whole, True)):
        shutil.rmtree(place.landing / NEXT.isoformat())
        (place.landing / NEXT.isoformat()).mkdir(exist_ok=True)
        place.night(NEXT, everyone=everyone)
    assert touched.sealed() == whole.sealed()
