"""The sample profiles work, and `source check` shows what they read without a value of a person."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from landed import NIGHT
from typer.testing import CliRunner

from creditaudit.cli import app
from creditaudit.errors import RefusedError
from creditaudit.feeds import ACCOUNTS, FEEDS
from creditaudit.intake.landing import DeliveredFile
from creditaudit.intake.preview import mask, mask_text, preview, shape
from creditaudit.intake.profile import DEFAULT_PROFILE, profiles_of
from creditaudit.intake.receive import read_file
from creditaudit.settings import load_settings

SOURCES = Path(__file__).resolve().parents[3] / "data" / "samples" / "sources"

# Per profile: its file, the encoding, rows accepted by one telling column, and reasons by row.
EXPECTED = {
    "bank_batch": (
        "bank_batch_20261120.txt",
        "gb18030",
        ("account_code", ["A0001", "A0002"]),
        {3: "bad_code:account_type"},
    ),
    "bill_system": ("ACCT-01-20261120.dat", "gb18030", ("account_code", ["C0001", "C0002"]), {}),
    "cfx_bank_enum": (
        "cfx_bank_20261120.csv",
        "utf-8",
        ("result", ["match_no_photo", "match_photo", "name_mismatch", "number_unknown", "error"]),
        {5: "bad_code:result"},
    ),
    "cfx_interface": (
        "cfx_interface_20261120.csv",
        "utf-8",
        ("result", ["match_photo", "match_no_photo", "name_mismatch", "number_unknown", "error", "error"]),
        {},
    ),
    "fixed_width": ("FIX_20261120.txt", "gb18030", ("name", ["张一鸣", "李·阿依"]), {3: "wrong_cell_count"}),
    "group_separator": (
        "INQ_20261120.txt",
        "utf-8",
        ("reason", ["loan_approval", "other"]),
        {3: "bad_type:inquired_at"},
    ),
    "pipe_at": (
        "objections_20261120.dat",
        "utf-8",
        ("evidence_ref", ['first line\nsecond, "quoted" line', None]),
        {2: "unclosed_quote"},
    ),
    "pipe_bang": ("openings_20261120.del", "gb18030", ("channel", ["counter", "online"]), {3: "bad_code:channel"}),
    "printed_report": ("printed_20261120.csv", "utf-8", ("alert_id", ["W1", "W2"]), {3: "bad_type:effective_from"}),
}


def sample(name: str):
    [profile] = profiles_of(load_settings(Path("book"), SOURCES / f"{name}.toml", FEEDS).sources)
    return profile


def test_every_sample_is_expected_and_all_can_stand_in_one_configuration(tmp_path):
    assert {path.stem for path in SOURCES.glob("*.toml")} == set(EXPECTED)
    whole = "\n".join(path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.toml")))
    (tmp_path / "all.toml").write_text(whole, encoding="utf-8")
    assert set(load_settings(tmp_path / "book", tmp_path / "all.toml", FEEDS).sources) == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_samples(name, tmp_path):
    file, encoding, (column, values), reasons = EXPECTED[name]
    profile = sample(name)
    assert profile.is_for(profile.source.feed, file)
    assert profile.is_for(profile.source.feed, file + ".gz")
    read = read_file(
        DeliveredFile(profile.source.feed, file, SOURCES / file, profile=profile),
        night=NIGHT,
        scratch=tmp_path,
        part="p",
    )
    assert (read.refused, read.encoding) == (None, encoding)
    assert pq.read_table(read.typed_part)[column].to_pylist() == values
    lost = pq.read_table(read.quarantine_part).to_pylist() if read.quarantine_part else []
    assert {row["row"]: row["reasons"] for row in lost} == reasons


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_source_check_shows_no_person(name):
    file = EXPECTED[name][0]
    result = CliRunner().invoke(app, ["source", "check", str(SOURCES / f"{name}.toml"), str(SOURCES / file)])
    assert result.exit_code == 0
    assert f"profile {name}, feed" in result.stdout
    for reason in EXPECTED[name][3].values():
        assert reason in result.stdout
    for number in ("11010119900307", "65010219851121", "32050719700615", "张一鸣", "阿依", "秀兰"):
        assert number not in result.output
    content = tomllib.loads((SOURCES / f"{name}.toml").read_text(encoding="utf-8"))
    assert list(content["sources"]) == [name]


def test_source_check_of_the_default_and_of_what_is_not_there(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("provider_code,account_code,13800138000\nB19001000H0001,A1,x\nB1,\n", encoding="utf-8")
    found = preview(DEFAULT_PROFILE, "openings", path, rows=5)
    assert found.unknown == ("138******00",)
    assert "channel" in found.missing
    assert [(row.row, row.doubts, row.cells) for row in found.rows] == [
        (1, "", {"provider_code": "B19001000H0001", "account_code": "A1"}),
        (2, "wrong_cell_count", {"cells": "2, the file has 3 columns"}),
    ]
    assert found.doubts == (("wrong_cell_count", 1, 3),)
    with pytest.raises(RefusedError, match="would be refused"):
        preview(DEFAULT_PROFILE, "accounts", path, rows=5)


def test_a_file_that_goes_while_it_is_looked_at_is_refused_in_words(tmp_path, monkeypatch):
    path = tmp_path / "openings.csv"
    path.write_text("provider_code,account_code\nB01,A1\n", encoding="utf-8")

    def read_and_go(file, **asked):
        report = read_file(file, **asked)
        path.unlink()
        return report

    monkeypatch.setattr("creditaudit.intake.preview.read_file", read_and_go)
    with pytest.raises(RefusedError, match=r"changed while it was read.*No such file"):
        preview(DEFAULT_PROFILE, "openings", path, rows=5)


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("name", "欧阳娜娜", "欧***"),
        ("id_number", "11010119900307401X", "110***************"),
        ("account_code", "6222021234567890", "622***********90"),
        ("provider_code", "B10211000H0001", "B10211000H0001"),
        ("provider_code", "11010119900307401X", "110*************1X"),
        ("region_code", "张三丰", "张**"),
        ("status", "1", "1"),
    ],
)
def test_masks(column, value, shown):
    assert mask(ACCOUNTS.by_name[column], value) == shown


def test_shapes_hold_no_value():
    assert shape("2020/2/3 张三X") == "form 9999/9/9 字字A"
    assert shape("07") == "'07'"
    assert shape("07", is_personal=True) == "form 99"
    assert shape("") == "(empty)"
    assert mask_text("x" * 100) == "x" * 40 + "… (100 characters)"
