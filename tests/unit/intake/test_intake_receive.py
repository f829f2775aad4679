"""Whole files: line ends, headers, control files, blocks, workers."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hostile_csv import GOOD_FILE, HEADER, hostile_file
from hypothesis import given, settings
from hypothesis import strategies as st
from landed import NIGHT, csv_text, land

from creditaudit.errors import CreditAuditError, InternalError, RefusedError
from creditaudit.feeds import FEEDS
from creditaudit.intake import decode
from creditaudit.intake.ahead import worked_ahead
from creditaudit.intake.control import Control, read_control
from creditaudit.intake.landing import DeliveredFile, find_files, survey
from creditaudit.intake.receive import read_file, receive
from creditaudit.intake.reread import raw_lines


@pytest.mark.parametrize("block_bytes", [1, 7, 100, 1000, 65_536])
def test_block_borders_change_nothing(block_bytes):
    text = hostile_file(120)
    whole = land(text)
    assert whole.reasons
    assert whole.dropped
    parts = land(text, block_bytes=block_bytes)
    assert parts.parts == whole.parts
    assert parts.report.unknown_columns == whole.report.unknown_columns


def test_row_groups_do_not_follow_blocks(monkeypatch):
    monkeypatch.setattr("creditaudit.intake.sink.ROWS_PER_GROUP", 50)
    text = hostile_file(300)
    assert land(text, block_bytes=900).parts == land(text).parts


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end):
    found = land(f"{HEADER}{end}B01,A1,甲{end}B01,A2,{end}", feed="openings")
    assert [(r["account_code"], r["line"], r["card_issuer"]) for r in found.typed] == [("A1", 2, "甲"), ("A2", 3, None)]


def test_a_line_feed_far_behind_makes_every_cr_cell_data():
    text = f"{HEADER},z\rB01,A1,\rB01,A2," + "x" * 3000 + "\n"
    found = land(text, feed="openings", block_bytes=256)
    assert found.report.delivered == 0
    assert found.report.unknown_columns[0] == "z\rB01"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "zero bytes"),
        (b"\n\r\n\n", "no header"),
        (b"\xef\xbb\xbf", "no header"),
        (b"provider_code\n", "required column missing: account_code"),
        (b"provider_code,Account_code\n", "required column missing: account_code"),
        (b"provider_code,account_code,account_code\n", "columns 2 and 3 have the same name (account_code)"),
        (b"provider_code,account_code, account_code \n", "columns 2 and 3 have the same name (account_code)"),
        (b'provider_code,account_code,"x\n', "line 1: the header cannot be split: unclosed_quote"),
        (b'\nprovider_code,account"_code\n', "line 2: the header cannot be split: quote_in_unquoted"),
    ],
)
def test_headers_that_refuse_the_file(content, reason):
    assert reason in land(content, feed="openings").report.refused


def test_a_file_without_header_gives_no_value_away():
    found = land(b"B01,11010519491231002X,11010519491231002X\n", feed="openings")
    assert "1101" not in found.report.refused


def test_a_header_alone_is_a_file_of_no_rows():
    found = land('"provider_code", account_code\t,extra\u3000\n', feed="openings")
    assert (found.report.delivered, found.report.typed, found.report.quarantined) == (0, 0, 0)
    assert found.report.unknown_columns == ("extra",)
    assert found.report.typed_part is None
    assert found.report.quarantine_part is None


GOOD_HASH = hashlib.sha256(GOOD_FILE.encode()).hexdigest()


@pytest.mark.parametrize(
    ("control", "reason"),
    [
        ({"rows": 3}, "3 rows, the file has 2"),
        ({"rows": 1}, "1 rows, the file has 2"),
        ({"sha256": "0" * 64}, "sha256"),
        ({"sha256": "x" * 64}, "sha256"),
        ({"rows": "2"}, "rows"),
        ({"rows": True}, "rows"),
        ({"rows": -1}, "rows"),
        ({"kind": "fulll"}, "kind"),
        ({"kind": 1}, "kind"),
        ({"provider_code": 1}, "provider_code"),
        ({"business_codes": "11"}, "business_codes"),
        ({"business_codes": [1]}, "business_codes"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "object"),
        (b'{"provider_code": "\\ud800"}', "provider_code"),
        (b" " * (1 << 20) + b"{}", "longer"),
    ],
)
def test_controls_that_refuse_the_file(control, reason):
    found = land(GOOD_FILE, feed="openings", control=control)
    assert reason in found.report.refused
    assert found.report.sha256 == GOOD_HASH


def test_a_control_is_read():
    said = {
        "rows": 2, "sha256": GOOD_HASH.upper(), "kind": "full", "provider_code": "B01", "region_code": None,
        "business_codes": ["12", "11"], "covers_from": "20160101", "covers_to": "9999-12-31",
    }  # fmt: skip
    control = land(GOOD_FILE, feed="openings", control=said).report.control
    assert (control.rows, control.sha256, control.kind) == (2, GOOD_HASH, "full")
    assert (control.provider_code, control.provider_given) == ("B01", True)
    assert (control.region_code, control.region_given) == (None, True)
    assert (control.business_codes, control.business_given) == (("11", "12"), True)
    assert (control.covers_from, control.covers_to) == (date(2016, 1, 1), None)
    no_date = land(GOOD_FILE, feed="openings", control={"covers_from": "2020-02-30"}).report
    assert (no_date.refused, no_date.control.covers_from) == (None, None)
    nothing = land(GOOD_FILE, feed="openings", control={}).report.control
    assert nothing.kind == "delta"
    assert (nothing.region_given, nothing.provider_given, nothing.business_given) == (False, False, False)


@pytest.mark.parametrize(
    ("rows", "bad", "refused"), [(50, 10, False), (50, 11, True), (49, 49, False), (55, 11, False), (55, 12, True)]
)
def test_share_of_rows_quarantined(rows, bad, refused):
    text = csv_text("accounts", *[{"account_type": "D9"} if place < bad else {} for place in range(rows)])
    assert (land(text, share=0.2).report.refused is not None) == refused


def test_dropped_cells_do_not_count_as_quarantined():
    assert land(csv_text("accounts", *[{"amount": "x"}] * 60), share=0.2).report.typed == 60


@given(st.binary(max_size=200), st.sampled_from([3, 50, 1 << 20]))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_or_refused(content, block_bytes):
    found = land(b"provider_code,account_code,card_issuer\n" + content, feed="openings", block_bytes=block_bytes)
    assert (found.report.refused is None) == (found.report.delivered is not None)


@given(st.text(st.sampled_from('B01,",\n\r 中\x00'), max_size=80), st.sampled_from(["utf-8", "gb18030"]))
@settings(max_examples=80, deadline=None)
def test_any_lines_are_typed_or_quarantined(text, encoding):
    found = land(f"{HEADER}\n{text}".encode(encoding), feed="openings", block_bytes=16)
    assert found.report.refused is None
    assert found.report.delivered == found.report.typed + found.report.quarantined
    assert (len(found.typed), len({r["row"] for r in found.quarantine if r["disposition"] == "row_quarantined"})) == (
        found.report.typed,
        found.report.quarantined,
    )


def test_raw_text_and_codes_of_quarantined_rows():
    good = {"provider_code": "B01", "account_code": "A1"}
    text = csv_text(
        "accounts",
        good | {"account_type": "?", "id_number": " 11010519491231002x "},
        {"id_number": "1", "account_type": "?"},
        {"amount": "x"},
    )
    lines = text.split("\n")
    found = land("\r\n".join([*lines[:3], '"broken', *lines[3:]]))
    assert [r["raw"] for r in found.quarantine] == [lines[1], lines[2], '"broken', lines[3]]
    assert [r["id_norm"] for r in found.quarantine] == ["11010519491231002X", None, None, "11010519491231002X"]
    assert [r["provider_code"] for r in found.quarantine] == ["B01", "B01", None, "B01"]
    assert [r["account_code"] for r in found.quarantine] == ["A1", "A1", None, "A1"]
    assert [r["split_ok"] for r in found.quarantine] == [True, True, False, True]
    assert [r["disposition"] for r in found.quarantine] == ["row_quarantined"] * 3 + ["cell_dropped"]


def test_raw_lines_read_the_file_again(tmp_path):
    text = hostile_file(60)
    for name, content in [("a.csv", text.encode("gb18030")), ("b.csv.gz", gzip.compress(text.encode()))]:
        path = tmp_path / name
        path.write_bytes(content)
        report = read_file(
            DeliveredFile("accounts", name, path), night=NIGHT, scratch=tmp_path, part=name, max_quarantine_share=1
        )
        rows = [line for line in text.split("\n")[1:] if line]
        for block_bytes in (100, 1 << 20):
            assert raw_lines(report, range(1, len(rows) + 1), block_bytes=block_bytes) == rows
            assert raw_lines(report, [2, 40], block_bytes=block_bytes) == [rows[1], rows[39]]
            assert raw_lines(report, [], block_bytes=block_bytes) == []
        path.write_bytes(content[:-1] + b"!")
        with pytest.raises(RefusedError):
            raw_lines(report, [1])


def test_receive_does_not_depend_on_workers(tmp_path):
    for feed, names in {"accounts": ["b.csv", "a.csv", "é.csv"], "loss_reports": ["z.csv"]}.items():
        (tmp_path / "landing" / feed).mkdir(parents=True)
        for place, name in enumerate(names):
            text = hostile_file(100, seed=place) if feed == "accounts" else csv_text(feed, {}, {"lost_at": "x"})
            (tmp_path / "landing" / feed / name).write_text(text)
    files = find_files(tmp_path / "landing")
    results = []
    for workers in (1, 2, 5):
        scratch = tmp_path / f"s{workers}"
        scratch.mkdir()
        reports = receive(files, night=NIGHT, scratch=scratch, workers=workers, max_quarantine_share=1.0)
        assert [r.file for r in reports] == files
        results.append({path.name: path.read_bytes() for path in scratch.iterdir()})
        for path in scratch.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_typing_beside_reading_changes_nothing(tmp_path, encoding):
    path = tmp_path / "x.csv"
    path.write_bytes(hostile_file(400).encode(encoding))
    results = []
    with ThreadPoolExecutor(3) as typers:
        for number, pool in enumerate([None, typers, typers]):
            report = read_file(
                DeliveredFile("accounts", "x.csv", path),
                night=NIGHT,
                scratch=tmp_path,
                part=f"{number}",
                max_quarantine_share=1,
                block_bytes=700,
                typers=pool,
            )
            parts = (report.typed_part.read_bytes(), report.quarantine_part.read_bytes())
            results.append((replace(report, typed_part=None, quarantine_part=None), parts))
    assert results[0] == results[1] == results[2]
    assert results[0][0].encoding == encoding


def test_work_ahead_keeps_order_and_errors_in_their_turn():
    done = []

    def work(number):
        if number == 7:
            raise LookupError(number)
        done.append(number)
        return number * 2

    def pieces(stop, error=None):
        yield from range(stop)
        if error is not None:
            raise error

    with ThreadPoolExecutor(2) as pool:
        for typers in (None, pool):
            assert list(worked_ahead(work, pieces(7), typers)) == [0, 2, 4, 6, 8, 10, 12]
            # What is wrong with a piece comes before what is wrong with reading on behind it.
            with pytest.raises(LookupError):
                list(worked_ahead(work, pieces(8, OSError()), typers))
            found = []
            with pytest.raises(OSError):  # noqa: PT011 - any
                found.extend(worked_ahead(work, pieces(3, OSError()), typers))
            with closing(worked_ahead(work, pieces(7), typers)) as results:
                assert next(results) == 0
            asked = len(done)
        assert len(done) == asked, "who asks no more, waits for no more"


def test_survey_names_everything(tmp_path):
    for folder in ("accounts", "strange", "loss_reports", "openings"):
        (tmp_path / folder).mkdir()
    (tmp_path / "verifications").symlink_to(tmp_path / "accounts")
    (tmp_path / "readme.txt").write_text("x")
    (tmp_path / ".hidden").write_text("x")
    for name in ("b.csv", "a.parquet", "Z.csv.gz", "c.CSV", "d.txt", "b.csv.ctl", "lost.csv.ctl", ".x.csv"):
        (tmp_path / "accounts" / name).write_text("x")
    (tmp_path / "accounts" / "folder.csv").mkdir()
    (tmp_path / "loss_reports" / "link.csv").symlink_to(tmp_path / "accounts" / "b.csv")
    os.mkfifo(tmp_path / "loss_reports" / "pipe.csv")
    (tmp_path / "openings" / os.fsdecode(b"\xff.csv")).write_text("x")
    found = survey(tmp_path)
    assert [(f.feed, f.name) for f in found.files] == [
        ("accounts", "Z.csv.gz"),
        ("accounts", "a.parquet"),
        ("accounts", "b.csv"),
        ("openings", "\\xff.csv"),
        ("loss_reports", "link.csv"),
        ("loss_reports", "pipe.csv"),
    ]
    assert list(found.files) == find_files(tmp_path)
    named = "\n".join(found.warnings)
    for name in ("readme.txt", "strange", "verifications", "c.CSV", "d.txt", "lost.csv.ctl", "folder.csv"):
        assert name in named
    assert len(found.warnings) == 7
    for report in receive(found.files[-2:], night=NIGHT, scratch=tmp_path, workers=1):
        assert "link or special" in report.refused
        assert report.sha256 is None


def test_no_landing_is_no_file(tmp_path):
    assert find_files(tmp_path / "none") == []


def test_a_linked_control_is_refused(tmp_path):
    (tmp_path / "x.csv").write_text(GOOD_FILE)
    (tmp_path / "c").write_text("{}")
    (tmp_path / "x.csv.ctl").symlink_to(tmp_path / "c")
    report = read_file(DeliveredFile("openings", "x.csv", tmp_path / "x.csv"), night=NIGHT, scratch=tmp_path, part="p")
    assert ".ctl" in report.refused


def test_a_line_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(decode, "MAX_LINE_BYTES", 1000)
    found = land(f"{HEADER}\n" + "x" * 5000, feed="openings", block_bytes=100)
    assert "line 2 is longer than 1000 bytes" in found.report.refused


def test_our_mistakes_quote_no_row(tmp_path, monkeypatch):
    def broken(*_args, **_named):
        raise ValueError("11010519491231002X")

    monkeypatch.setattr("creditaudit.intake.block_typing.type_rows", broken)
    path = tmp_path / "x.csv"
    path.write_text(GOOD_FILE)
    with pytest.raises(InternalError) as caught:
        read_file(DeliveredFile("openings", "x.csv", path), night=NIGHT, scratch=tmp_path, part="p")
    assert isinstance(caught.value, CreditAuditError)
    assert "11010519491231002X" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert list(Path(tmp_path).iterdir()) == [path]


def test_every_feed_types_its_good_row():
    for feed in FEEDS:
        assert land(csv_text(feed, {}), feed=feed).report.typed == 1


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [(linked, "a symbolic link or special file"), (Path.unlink, "cannot be opened: No such file")],
)
@pytest.mark.parametrize("name", ["x.csv", "x.parquet"])
def test_a_file_that_cannot_be_opened_a_second_time_is_refused(tmp_path, monkeypatch, changed, reason, name):
    """It was looked at, and its control file read, before its rows are."""
    path = tmp_path / name
    path.write_text(GOOD_FILE, encoding="utf-8")

    def control_then_change(file: Path) -> Control:
        found = read_control(file)
        changed(file)
        return found

    monkeypatch.setattr("creditaudit.intake.receive.read_control", control_then_change)
    report = read_file(DeliveredFile("openings", name, path), night=NIGHT, scratch=tmp_path, part="p")
    assert report.refused.startswith(reason)
    assert (report.delivered, report.typed_part, report.quarantine_part) == (None, None, None)
    assert list(tmp_path.glob("p.*")) == []
