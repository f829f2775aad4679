"""`creditaudit quarantine`: rows whose raw text was removed by decision are told, not hidden (SPEC 2, 9)."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from place import Place
from reference.small import ACCOUNT, NIGHT, NUMBER, OPENING
from unit.commanded import deliver

if TYPE_CHECKING:
    from pathlib import Path

NEXT = NIGHT + timedelta(days=1)
AFTER_NEXT = NIGHT + timedelta(days=2)
STRANGER = "110105196001011239"


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Raw texts of the first night are gone: of accounts but for one with a case, of openings all."""
    place = Place(tmp_path_factory.mktemp("pruned")).made()
    deliver(place, NIGHT)
    bad = {**ACCOUNT, "account_type": "X"}
    rows = [
        {**bad, "account_code": f"Q{n}", "id_number": number} for n, number in enumerate((STRANGER, NUMBER, STRANGER))
    ]
    place.deliver(NIGHT, "accounts", rows, name="q.csv")
    place.deliver(NIGHT, "openings", [{**OPENING, "provider_code": ""}] * 2, name="q.csv")
    place.night(NIGHT)
    for night in (NEXT, AFTER_NEXT):
        deliver(place, night)
        place.night(night)
        if night == NEXT:
            keep = ("--keep-nights", "1", "--by", "王审计", "--reason", "保存期满")
            assert place.say("prune", "--book", str(place.book), *keep).code == 0
    return place


def test_a_list_of_the_quarantine_leaves_no_removed_row_out(pruned: Place) -> None:
    """SPEC 2: every delivered row is in one place; what a removal took of it is told, not hidden."""
    said = pruned.say("quarantine", "list", "--book", str(pruned.book), "--night", NIGHT.isoformat())
    rows = [line.split("\t") for line in said.out.splitlines()[1:]]
    assert [(r[1], r[2], r[3], r[6] != "", r[7]) for r in rows] == [
        ("accounts", "q.csv", "1", False, "removed"),
        ("accounts", "q.csv", "2", True, "open"),
        ("accounts", "q.csv", "3", False, "removed"),
        ("openings", "q.csv", "1", False, "removed"),
        ("openings", "q.csv", "2", False, "removed"),
    ]
    assert "5 quarantined rows; of 4 the raw text was removed by decision" in said.err


def test_an_export_of_nothing_but_removed_rows_is_refused_with_the_reason(pruned: Place, tmp_path: Path) -> None:
    out = tmp_path / "q.csv"
    asked = ("quarantine", "export", "--book", str(pruned.book), "--night", NIGHT.isoformat(), "--out", str(out))
    said = pruned.say(*asked, "--feed", "openings")
    assert (said.code, said.out, out.exists()) == (2, "", False)
    assert f"all 2 were removed by decision of 王审计 (保存期满), sealed in night {AFTER_NEXT}" in said.err
    said = pruned.say(*asked, "--feed", "accounts")
    assert (said.code, out.exists()) == (0, True)
    assert "2 more rows were there; their raw text was removed by decision of 王审计 (保存期满)" in said.err


def test_raw_texts_that_nobody_removed_are_not_told_as_removed(pruned: Place, tmp_path: Path) -> None:
    place = pruned.copied(tmp_path / "house")
    shutil.copyfile(
        place.folder(NIGHT) / "quarantine" / "openings.parquet",
        place.folder(AFTER_NEXT) / "quarantine" / "openings.parquet",
    )
    published = place.folder(AFTER_NEXT) / "published" / "quarantine.parquet"
    published.unlink()
    shutil.copyfile(place.folder(NIGHT) / "published" / "quarantine.parquet", published)
    said = place.say("quarantine", "list", "--book", str(place.book), "--night", AFTER_NEXT.isoformat())
    assert (said.code, "no decision removed them" in said.err) == (70, True)
