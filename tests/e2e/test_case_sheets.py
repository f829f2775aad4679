"""The sheet of a case: in each recipient's folder, and by command (SPEC 7.3, 10.1, 10.4)."""

from __future__ import annotations

import hashlib
import html
import json
import re
from typing import TYPE_CHECKING

import pytest

from e2e.conftest import FIRST, LONG_CODE, SECOND, THIRD
from e2e.test_reports import ENCODINGS, _rows
from reference.small import NUMBER

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from place import Place


def text_of(content: str) -> str:
    """What a reader sees."""
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", content, flags=re.DOTALL)).split())


def sheets(place: Place, night: date, recipient: str) -> dict[str, Path]:
    return {p.stem: p for p in (place.folder(night) / "reports" / recipient / "cases").glob("*.html")}


@pytest.mark.parametrize("night", [FIRST, SECOND, THIRD])
@pytest.mark.parametrize("recipient", ENCODINGS)
def test_each_case_that_is_sent_has_its_sheet_and_the_manifest_knows_it(
    three_nights: Place, recipient: str, night: date
) -> None:
    """SPEC 10.1: only new and changed cases are sent."""
    found = sheets(three_nights, night, recipient)
    assert found.keys() == {row["case_id"] for row in _rows(three_nights, night, recipient)}
    folder = three_nights.folder(night) / "reports" / recipient
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    listed = {entry["file"]: entry["sha256"] for entry in manifest["case_sheets"]}
    assert listed == {f"cases/{n}.html": hashlib.sha256(p.read_bytes()).hexdigest() for n, p in found.items()}


def test_a_sheet_has_what_a_reviewer_signs(three_nights: Place) -> None:
    """SPEC 7.3, 8.4, 8.5: elements with their source, why, what would change it, what to ask for, clauses, due date."""
    [case] = [c for c in three_nights.rows(FIRST, "cases") if c["account_code"] == "A1"]
    content = sheets(three_nights, FIRST, "all")[case["case_id"]].read_text(encoding="utf-8")
    told = text_of(content)
    for words in (
        *("待核查线索", "不认定任何个人或机构违法或有过错", "B01/A1", f"{NUMBER[:3]}***********{NUMBER[-4:]}"),
        *("loss_reports L1", "同一证件", "时间线", "开户核验", "2024-01-10 10:00:01", "要件", "义务 缺证"),
        *("什么会改变责任初判", "需调取材料", "条款与起始日期", "征信业管理条例", "居民身份证法 art. 17, 18"),
        *(
            "自 2004-01-01 起",
            "与机构核实",
            "内部目标",
            f"{case['due_on']}",
            "核查人",
            "日期",
            "签名",
            "(needs_evidence)",
        ),
    ):
        assert words in told, words
    assert NUMBER not in content
    for word in ("犯罪嫌疑", "罪犯", "小偷", "guilty", "thief", "criminal"):
        assert word not in told


def test_an_institution_reads_its_own_behind_its_mask_in_its_language(three_nights: Place) -> None:
    found = sheets(three_nights, FIRST, "b01")
    assert len(found) == 2
    for path in found.values():
        told = text_of(path.read_text(encoding="utf-8"))
        assert "B02" not in told
        assert LONG_CODE not in told
        assert "1****************X" in told
        assert "states no guilt or fault of anyone" in told
        assert "Signature" in told


def test_the_command_gives_the_sheet_of_the_folder(three_nights: Place, tmp_path: Path) -> None:
    sent = sheets(three_nights, THIRD, "all")
    assert sent
    for case_id, path in sent.items():
        out = tmp_path / f"{case_id}.html"
        book = ("--book", str(three_nights.book))
        spoken = three_nights.say("case", case_id, *book, "--html", "--out", str(out))
        assert (spoken.code, spoken.out) == (0, "")
        assert out.read_bytes() == path.read_bytes()
        told = three_nights.say("case", case_id, *book, "--html", "--language", "en")
        assert told.code == 0
        assert '<html lang="en">' in told.out


def test_a_sheet_of_no_case_and_an_option_alone_are_refused(three_nights: Place) -> None:
    book = ("--book", str(three_nights.book))
    [known, *_] = sorted(sheets(three_nights, THIRD, "all"))
    spoken = three_nights.say("case", f"{known[:-1]}-", *book, "--html")
    assert spoken.code == 2
    assert f"did you mean {known}?" in spoken.err
    spoken = three_nights.say("case", known, *book, "--out", "x.html")
    assert spoken.code == 2
    assert "--html" in spoken.err
