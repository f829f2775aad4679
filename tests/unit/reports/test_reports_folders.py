"""Files per recipient: what each may read, and in which form (SPEC 10.1, 10.2, 8.2)."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import TYPE_CHECKING

import pytest
from report_desk import NIGHT, PBOC, Desk, case

from creditaudit.book.keys import Key, Keyring
from creditaudit.feeds import FEEDS
from creditaudit.masking import Mask
from creditaudit.reports.recipients import Recipient
from creditaudit.reports.sheets import EXCEPTIONS
from unit.kit import PERSON, demo_keys

if TYPE_CHECKING:
    from pathlib import Path


def test_new_and_changed_cases_are_in_one_file_and_all_in_the_other(desk: Desk) -> None:
    sent = desk.write([case(3), case(2, change="changed"), case(1, change="new")], PBOC)
    assert [(r["case_id"], r["change"]) for r in desk.read("exceptions.csv")] == [("CA-1", "new"), ("CA-2", "changed")]
    assert [(r["case_id"], r["change"]) for r in desk.read("exceptions_all.csv")] == [
        (f"CA-{n}", "all") for n in (1, 2, 3)
    ]
    assert sent.sent == {"pboc": 2}


def test_doubts_on_data_have_a_file_of_their_own(desk: Desk) -> None:
    """SPEC 10.1: cases whose findings are all R301 or R302 go to data_quality.csv, and to no other."""
    doubt = {"is_data_quality": True, "tier": "R301", "verdict": "lead"}
    sent = desk.write([case(1, change="new"), case(2, change="new", **doubt), case(3, **doubt)], PBOC)
    assert sent.sent == {"pboc": 1}
    assert [r["case_id"] for r in desk.read("exceptions_all.csv")] == ["CA-1"]
    assert [(r["case_id"], r["change"]) for r in desk.read("data_quality.csv")] == [("CA-2", "new"), ("CA-3", "all")]


def test_a_case_of_an_inquiry_has_its_person_masked(desk: Desk) -> None:
    desk.write([case(1, change="new", account_code=None, subject="inquiry:I1", tier="R401", verdict="lead")], PBOC)
    [row] = desk.read("exceptions.csv")
    assert (row["account_code"], row["id_masked"], row["opened"]) == ("", "110***********002X", "")


def test_the_cells_of_a_row(desk: Desk) -> None:
    desk.write([case(1, change="new", blind_spots="opening_changed")], PBOC)
    [row] = desk.read("exceptions.csv")
    assert (row["id_masked"], row["account_type"], row["opened"]) == ("110***********002X", "D1", "2024-01-12 10:00")
    assert (row["reported"], row["due_on"], row["blind_spots"]) == ("2024-01-10", "", "opening_changed")
    assert row["lead_note"] == "待核查线索"
    assert PERSON not in (desk.folder / "pboc" / "exceptions.csv").read_text(encoding="utf-8-sig")


def test_documents_are_asked_for_in_the_recipients_language(desk: Desk) -> None:
    """SPEC 10.1, ask_for: ids in cases.parquet, words in exceptions.csv, in their order."""
    chinese = Recipient("zh", "pboc_liaison", Mask(3, 4), "utf-8-sig", "zh")
    desk.write([case(1, change="new", ask_for="log;form"), case(2), case(3, ask_for="form")], PBOC, chinese)
    assert [r["ask_for"] for r in desk.read("exceptions_all.csv")] == [
        "Check log; Form, with time",
        "",
        "Form, with time",
    ]
    assert [r["需调取材料"] for r in desk.read("exceptions_all.csv", "zh")] == ["核查日志；申请书", "", "申请书"]


@pytest.mark.parametrize(("language", "words"), [("en", ["legal", "house", ""]), ("zh", ["法定期限", "内部目标", ""])])
def test_due_dates_say_of_what_kind_they_are(desk: Desk, language: str, words: list[str]) -> None:
    """SPEC 8.4: a house target is printed as such."""
    reader = Recipient("r", "pboc_liaison", Mask(3, 4), "utf-8-sig", language)
    due = date(2026, 12, 10)
    cases = [
        case(1, change="new", due_on=due, due_kind="legal", next_step_zh="请更正", next_step_en="Correct it"),
        case(2, due_on=due, due_kind="house", next_step_zh="请核实", next_step_en="Confirm it"),
        case(3),
    ]
    desk.write(cases, reader)
    rows = [list(row.values()) for row in desk.read("exceptions_all.csv", "r")]
    names = [c.name for c in EXCEPTIONS]
    assert [row[names.index("due_kind")] for row in rows] == words
    assert [row[names.index("due_on")] for row in rows] == ["2026-12-10", "2026-12-10", ""]
    steps = {"zh": ["请更正", "请核实", ""], "en": ["Correct it", "Confirm it", ""]}
    assert [row[names.index("next_step")] for row in rows] == steps[language]


def test_every_file_has_its_metadata_and_stands_in_the_manifest(desk: Desk) -> None:
    gb = Recipient("gb", "institution", Mask(3, 4), "gb18030", "zh", "B01")
    desk.write([case(1, change="new")], PBOC, gb)
    for who, encoding in (("pboc", "utf-8-sig"), ("gb", "gb18030")):
        folder = desk.folder / who
        named = {f["file"]: f for f in desk.manifest(who)["files"]}
        assert {path.name for path in folder.glob("*.csv")} == set(named)
        assert ("suggestions.csv" in named) is (who == "pboc")
        for name, said in named.items():
            content = (folder / name).read_bytes()
            lines = content.decode(encoding).split("\r\n")
            meta = json.loads((folder / f"{name}-metadata.json").read_text(encoding="utf-8"))
            columns = meta["tableSchema"]["columns"]
            assert lines[0].split(",") == [c["titles"]["zh" if who == "gb" else "en"] for c in columns]
            assert (said["sha256"], said["rows"]) == (hashlib.sha256(content).hexdigest(), len(lines) - 2)
            assert meta["dialect"]["encoding"] == ("utf-8" if who == "pboc" else "gb18030")


def test_a_recipients_tokens_are_made_with_the_key_that_it_names(desk: Desk) -> None:
    ring = Keyring((*demo_keys().keys, Key("OLD", "superseded", b"\x01" * 32)))
    named = Recipient("named", "pboc_liaison", Mask(3, 4), "utf-8-sig", "en", None, "OLD")
    unknown = Recipient("unknown", "pboc_liaison", Mask(3, 4), "utf-8-sig", "en", None, "K9")
    desk.write([case(1, change="new")], PBOC, named, unknown, keys=ring)
    tokens = {who: desk.read("exceptions.csv", who)[0]["row_token"] for who in ("pboc", "named", "unknown")}
    assert tokens["named"] == ring.row_tokens(["CA-1"], [1], ring.keys[1])[0]
    assert tokens["pboc"] == tokens["unknown"] == ring.row_tokens(["CA-1"], [1])[0] != tokens["named"]


def test_rows_are_sorted_by_institution_account_and_case(desk: Desk) -> None:
    codes = [("B02", "a"), ("B01", "b"), ("B01", "B"), ("B01", "￥"), ("B01", "𠀀")]
    desk.write([case(n, provider_code=p, account_code=a) for n, (p, a) in enumerate(codes)], PBOC)
    assert [(r["provider_code"], r["account_code"]) for r in desk.read("exceptions_all.csv")] == sorted(codes)


def test_each_recipient_reads_only_its_cases_in_its_own_form(desk: Desk) -> None:
    other = Recipient("支行", "institution", Mask(0, 0), "gb18030", "zh", "B01")
    assert desk.write([case(1, change="new")], PBOC, other, to={"CA-1": "支行"}).sent == {"pboc": 0, "支行": 1}
    assert desk.read("exceptions.csv") == []
    text = (desk.folder / "支行" / "exceptions.csv").read_bytes().decode("gb18030")
    assert text.startswith("案件编号,行令牌")
    assert "*" * 18 in text


def test_one_token_per_episode_of_a_case_and_key(desk: Desk) -> None:
    """SPEC 8.2."""
    tokens = []
    for cases, keys in (
        ([case(1), case(2)], None),
        ([case(1, reasons="else", tier="R102")], None),
        ([case(1, episode=2)], None),
        ([case(1)], type(demo_keys())((type(demo_keys().active)("K2", "active", b"\x08" * 32),))),
    ):
        desk.write(cases, PBOC, keys=keys)
        tokens.append([r["row_token"] for r in desk.read("exceptions_all.csv")])
    first, second = tokens[0]
    assert first.startswith("RT-")
    assert tokens[1] == [first]
    assert len({first, second, tokens[2][0], tokens[3][0]}) == 4


def test_the_manifest_names_files_rows_hashes_and_what_they_rest_on(desk: Desk) -> None:
    """SPEC 10.1."""
    desk.write([case(1, change="new"), case(2)], PBOC)
    manifest = desk.manifest()
    files = {f["file"]: (f["rows"], f["sha256"]) for f in manifest["files"]}
    for name, rows in (("exceptions.csv", 1), ("exceptions_all.csv", 2)):
        assert files[name] == (rows, hashlib.sha256((desk.folder / "pboc" / name).read_bytes()).hexdigest())
    assert manifest["published"] == {"findings": hashlib.sha256(b"table").hexdigest()}
    assert (manifest["mandate"], manifest["seal_of_the_night_before"], manifest["night"]) == (
        "授权",
        "seal",
        "2026-11-20",
    )
    assert manifest["covered"] == [{"feed": "accounts", "files": 1, "covers_from": None, "covers_to": None}]


def test_a_night_without_cases_still_writes_headers(desk: Desk) -> None:
    assert desk.write([], PBOC).sent == {"pboc": 0}
    assert desk.read("exceptions.csv") == desk.read("exceptions_all.csv") == []
    assert (desk.folder / "pboc" / "exceptions.csv-metadata.json").is_file()


def test_how_many_cases_are_held_at_once_does_not_show(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 10.1: the same files and the same manifest, whether a block has all cases or two of them."""
    gb = Recipient("gb", "institution", Mask(3, 4), "gb18030", "zh", "B01")
    told = {"reasons": "account rekeyed: B02/X1", "blind_spots": "𠂇 ︐"}
    cases = [case(n, change=(None, "new", "changed")[n % 3], is_data_quality=n % 4 == 0, **told) for n in range(11)]
    desk.engine.load("standing_accounts", FEEDS["accounts"].schema.empty_table())
    desk.write(cases, PBOC, gb)
    whole = {p.relative_to(desk.folder): p.read_bytes() for p in desk.folder.rglob("*") if p.is_file()}
    assert desk.manifest("gb")["files"][1]["disputed_characters"] == [
        {"column": "blind_spots", "cells": 8, "four_byte_cells": 8}
    ]
    monkeypatch.setattr("creditaudit.reports.case_cells.BLOCK", 2)
    monkeypatch.setattr("creditaudit.reports.sheet_file._HELD", 300)
    desk.folder, desk.night, desk.sent = tmp_path / "in blocks", NIGHT, {}
    desk.folder.mkdir()
    desk.write(cases, PBOC, gb)
    assert {p.relative_to(desk.folder): p.read_bytes() for p in desk.folder.rglob("*") if p.is_file()} == whole
