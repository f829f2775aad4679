"""Which inbox entries make a night judge everyone (SPEC 2: only what is touched is judged again)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from creditaudit.audit.everyone import MANIFEST_PARTS, Judging, why_everyone
from creditaudit.book.layout import Book
from creditaudit.book.reference import TABLES, snapshot_of
from unit.kit import NIGHT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("kind", "is_everyone"),
    [("answer", False), ("smaller_base", False), ("readmission", False), ("rule_approval", False), ("model", True)],
)
def test_answers_and_smaller_bases_touch_nobody(tmp_path: Path, kind: str, is_everyone: bool) -> None:
    book = Book(tmp_path)
    reference = book.folder(NIGHT) / "reference"
    reference.mkdir(parents=True)
    for table in TABLES:
        snapshot_of(None, table, reference)
    parts = dict.fromkeys(MANIFEST_PARTS, "same")
    book.__dict__["manifests"] = {NIGHT: parts}
    why = why_everyone(book, Judging(NIGHT, parts, (), reference, [kind]))
    assert why == (f"inbox entries of kind {kind}" if is_everyone else None)
