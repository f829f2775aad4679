"""Characters that readers of GB18030 disagree on are reported, not lost (SPEC 10.2)."""

from __future__ import annotations

import pyarrow as pa
import pytest
from report_desk import PBOC, Desk, case

from creditaudit.masking import Mask
from creditaudit.reports.editions import DISPUTED, MOVED, disputed
from creditaudit.reports.recipients import Recipient
from creditaudit.reports.sheets import SheetColumn, sheet

GB = Recipient("gb", "pboc_liaison", Mask(3, 4), "gb18030", "en")


def told(*cells: str | None) -> list[tuple[int, int]]:
    found = disputed(pa.table({"a": pa.array(cells, pa.string())}), ["a"])
    return [(one["cells"], one["four_byte_cells"]) for one in found]


@pytest.mark.parametrize("code", sorted(DISPUTED), ids=hex)
def test_each_disputed_character_is_counted_and_comes_back_the_same(code: int) -> None:
    cell = f"账{chr(code)}1"
    content = sheet(pa.table({"a": [cell, "b"]}), (SheetColumn("a", "甲"),), encoding="gb18030", language="en")
    assert content.decode("gb18030") == f"a\r\n{cell}\r\nb\r\n"
    assert [one for one, _ in told(cell, "b", None)] == [1]


def test_the_list_is_that_of_the_editions() -> None:
    """Two bytes for the first edition's character, four for the one that a later edition gave them to."""
    lengths = {(len(chr(old).encode("gb18030")), len(chr(new).encode("gb18030"))) for old, new in MOVED.items()}
    assert lengths == {(2, 4)}
    assert {0xE5E5, 0x1E3F, 0xE7C7, *range(0xFE10, 0xFE1A), *range(0x9FB4, 0x9FBC)} <= DISPUTED
    assert len(DISPUTED) == 2 * 25 + 1
    for code, two in ((0xE7C7, "a8bc"), (0xE78D, "a6d9"), (0xE81E, "fe59"), (0xE816, "fe51"), (0xE5E5, "a3a0")):
        assert chr(code).encode("gb18030").hex() == two


def test_four_bytes_are_told_apart() -> None:
    assert told("汉字", "abc", "￥", None, "") == []
    assert told("𠀀", "𠀀", "汉é字") == [(0, 2)]
    assert told("\ufe10", "\ue78d", "x") == [(2, 1)]


def test_manifest_and_night_say_how_many_cells_of_which_columns_and_never_a_cell(desk: Desk) -> None:
    codes = ["A\ufe10", "\ue5e5B", "汉", "𠀀"]
    cases = [case(n, account_code=code, subject=code, change="new" if n else None) for n, code in enumerate(codes)]
    written = desk.write(cases, GB, PBOC)
    one = {"file": "exceptions_all.csv", "column": "account_code", "cells": 2, "four_byte_cells": 2}
    assert {"recipient": "gb", **one} in written.disputed
    assert {(d["recipient"], d["file"]) for d in written.disputed} == {
        ("gb", "exceptions.csv"),
        ("gb", "exceptions_all.csv"),
    }
    files = {f["file"]: f.get("disputed_characters") for f in desk.manifest("gb")["files"]}
    assert files["exceptions_all.csv"] == [{k: v for k, v in one.items() if k != "file"}]
    assert files["unjudged.csv"] is None
    assert not any("disputed_characters" in f for f in desk.manifest("pboc")["files"])
    text = (desk.folder / "gb" / "manifest.json").read_text(encoding="utf-8")
    assert not any(code in text for code in codes)
    assert [r["account_code"] for r in desk.read("exceptions_all.csv", "gb", "gb18030")] == sorted(codes)
