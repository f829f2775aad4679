"""Bad files: refused with one clear message, or sealed as degraded; never half done (SPEC 2, 3.1, 3.4)."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING

import pytest

from creditaudit.intake import admit
from faults.answers import assert_nothing_raw, assert_one_clear_message, assert_refused, next_night
from faults.conftest import HOLDER, SECRETS, deliver_sound
from place import Place, changed
from reference.small import ACCOUNT, EVENT, NEXT, NIGHT, NUMBER, REPORT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REPORT_HEADER = b"report_no,id_number,name,reported_at\n"
REPORT_LINE = f"L9,{NUMBER},{HOLDER},2024-01-10\n".encode()
GOOD = REPORT_HEADER + REPORT_LINE
# The first byte that no encoding knows; it is the same in both.
UNDECODABLE = REPORT_HEADER + b"L9,\xff\xff," + REPORT_LINE
MANY_BAD = REPORT_HEADER + REPORT_LINE * 39 + REPORT_LINE.replace(b"2024-01-10", b"2024-13-10") * 11

# What is wrong with a file: its bytes, its control (if any), and what the message must say.
BAD_FILES: dict[str, tuple[bytes, str | None, tuple[str, ...]]] = {
    "zero_bytes": (b"", None, ("zero bytes",)),
    "only_line_ends": (b"\n\r\n", None, ("no header",)),
    "required_column_missing": (b"report_no,id_number\n", None, ("header", "required column missing", "reported_at")),
    "column_twice": (b"report_no,id_number, report_no ,reported_at\n", None, ("columns 1 and 3", "report_no")),
    "header_with_open_quote": (b'report_no,id_number,"reported_at\n', None, ("line 1", "unclosed_quote")),
    "no_known_encoding": (UNDECODABLE, None, (f"byte {len(REPORT_HEADER) + 3}",)),
    "rows_disagree": (GOOD, '{"rows": 7}', (".ctl", "7 rows", "has 1")),
    "sha256_disagrees": (GOOD, json.dumps({"sha256": "0" * 64}), (".ctl", "sha256")),
    "sha256_malformed": (GOOD, '{"sha256": "00"}', (".ctl", "sha256")),
    "control_is_not_json": (GOOD, f"rows: 1 {NUMBER}", (".ctl", "not JSON")),
    "control_is_no_object": (GOOD, "[1]", (".ctl", "JSON object")),
    "too_many_bad_rows": (MANY_BAD, None, ("11 of 50 rows", "0.2")),
    "cut_off_gzip": (gzip.compress(GOOD, mtime=0)[:-9], None, ("gzip",)),
}


def _drop_bad(place: Place, feed: str, kind: str, stem: str) -> str:
    content, control, _ = BAD_FILES[kind]
    name = f"{stem}.csv.gz" if "gzip" in kind else f"{stem}.csv"
    path = place.drop(NEXT, feed, content, name=name)
    if control is not None:
        path.with_name(f"{name}.ctl").write_text(control, encoding="utf-8")
    return f"{feed}/{name}"


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_of_a_registry_refuses_the_night(house: Place, kind: str) -> None:
    """SPEC 3.4: a refused file of a registry refuses the night, also beside a sound file of its feed."""
    name = _drop_bad(house, "loss_reports", kind, "worse")
    assert_refused(house, 3, name, *BAD_FILES[kind][2])


@pytest.mark.parametrize("feed", ["invalid_cards", "issuances"])
def test_every_registry_refuses(house: Place, feed: str) -> None:
    """SPEC 3.4: loss_reports, invalid_cards and issuances."""
    name = _drop_bad(house, feed, "zero_bytes", "worse")
    assert_refused(house, 3, name, "zero bytes")


def test_an_expected_feed_left_without_any_file_refuses_the_night(house: Place) -> None:
    """SPEC 3.4: accounts is expected; its only file is refused."""
    house.drop(NEXT, "accounts", b"")
    assert_refused(house, 3, "accounts/f.csv", "zero bytes")


def test_bad_files_beside_a_good_one_degrade_the_night(house: Place) -> None:
    """SPEC 3.4: each makes its feed incomplete, and is named on stderr, in coverage and on the page."""
    header = b"provider_code,account_code,report_date,id_type,id_number,account_type,opened_at\n"
    row = f"B01,A9,2026-11-01,10,{NUMBER},D1,2024-01-10\n".encode()
    contents = {"zero.csv": b"", "twice.csv": header.replace(b"id_type", b"id_number"), "odd.csv": header + b"\xff\xff"}
    contents["many.csv"] = header + row * 39 + row.replace(b"D1", b"D9") * 11
    for name, content in contents.items():
        house.drop(NEXT, "accounts", content, name=name)
    said = house.say(*next_night(house))
    assert said.code == 5
    assert_nothing_raw(said)
    page = (house.folder(NEXT) / "night.html").read_text(encoding="utf-8")
    covered = {row["file"]: row for row in house.rows(NEXT, "coverage") if row["feed"] == "accounts"}
    assert covered["f.csv"]["delivered"] == 1
    for name in contents:
        assert sum(f"accounts/{name}:" in line for line in said.err.splitlines()) == 1, said.err
        assert [covered[name][count] for count in ("delivered", "accepted", "quarantined")] == [None] * 3
        assert f"<td><bdi>{name}</bdi></td>" in page
    assert all("accounts" in str(case["stale_inputs"]) for case in house.rows(NEXT, "cases"))


@pytest.mark.parametrize(("feed", "code"), [("loss_reports", 5), ("issuances", 0)])
def test_a_feed_that_is_not_delivered(sealed: Place, tmp_path: Path, feed: str, code: int) -> None:
    """SPEC 3.1: a night without an expected feed is degraded; one without another feed is not."""
    place = sealed.copied(tmp_path / "house")
    deliver_sound(place, NEXT, without=(feed,))
    said = place.say(*next_night(place))
    assert said.code == code
    assert [line for line in said.err.splitlines() if feed in line and "missing" in line] == (
        [f"night {NEXT} degraded: {feed}: missing: no file of {feed} was delivered"] if code else []
    )
    stale = {str(case["stale_inputs"]) for case in place.rows(NEXT, "cases")}
    assert stale == ({feed} if code else {"None"})


def test_what_is_expected_can_be_configured(sealed: Place, tmp_path: Path) -> None:
    """SPEC 3.1: ``[feeds.<name>] expected``."""
    place = sealed.copied(tmp_path / "house")
    deliver_sound(place, NEXT, without=("loss_reports",))
    text = place.config.read_text(encoding="utf-8")
    place.config.write_text(
        text.replace("[feeds.loss_reports]\nexpected = true", "[feeds.loss_reports]\nexpected = false")
    )
    assert place.say(*next_night(place)).code == 0


def test_an_empty_folder_is_a_night_without_feeds(sealed: Place, tmp_path: Path) -> None:
    """SPEC 3.1: nothing came; every expected feed is named, nothing that stood is lost."""
    place = sealed.copied(tmp_path / "house")
    (place.landing / NEXT.isoformat()).mkdir()
    said = place.say(*next_night(place))
    assert said.code == 5
    assert {line.split(": ")[1] for line in said.err.splitlines() if "degraded" in line} == {
        "accounts",
        "invalid_cards",
        "loss_reports",
    }
    fingerprints = [{row["fingerprint"] for row in place.rows(day, "findings")} for day in (NIGHT, NEXT)]
    assert fingerprints[0] == fingerprints[1] != set()


@pytest.mark.parametrize("where", ["file", "control"])
def test_a_symbolic_link_is_never_followed(house: Place, tmp_path: Path, where: str) -> None:
    """SPEC 10.4: a link could name any file of the machine; its content must not reach the book."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(GOOD)
    place = house.landing / NEXT.isoformat() / "loss_reports"
    (place / {"file": "link.csv", "control": "f.csv.ctl"}[where]).symlink_to(elsewhere)
    assert_refused(house, 3, "loss_reports/", "symbolic link")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file, whatever its permissions")
def test_a_file_that_may_not_be_read(house: Place) -> None:
    """The file is refused with the cause (SPEC 3.4)."""
    (house.landing / NEXT.isoformat() / "loss_reports" / "f.csv").chmod(0)
    assert_refused(house, 3, "loss_reports/f.csv", "Permission denied")


def test_a_file_whose_opening_fails(house: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same through a failing system call, so that root tests it too."""
    opened = os.open

    def denied(path: object, *arguments: int, **named: int) -> int:
        if str(path).endswith("loss_reports/f.csv"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **named)  # type: ignore[call-overload]

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", denied)
        assert_refused(house, 3, "loss_reports/f.csv", "Permission denied")


def test_a_file_that_changes_while_the_night_reads_it(house: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that lose their key are read again for their raw text: by then the file must be the one that was typed."""
    path = house.deliver(NEXT, "loss_reports", [{**REPORT, "name": HOLDER}] * 2)
    read_again: Callable[..., list[str]] = admit.raw_lines

    def changed_first(*arguments: object, **named: object) -> list[str]:
        path.write_bytes(path.read_bytes().replace(b"L1", b"L2"))
        return read_again(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(admit, "raw_lines", changed_first)
        assert_refused(house, 3, "loss_reports/f.csv", "changed while the night was read")
    # What lies there now is a whole file: the same command goes through.
    assert house.say(*next_night(house)).code == 0
    assert {row["notice_id"] for row in house.rows(NEXT, "findings")} >= {"L1", "L2"}


def test_a_late_file_is_read_by_the_next_night_as_its_own(house: Place) -> None:
    """SPEC 2: a file in a sealed night's folder that no manifest names is read, once, and listed."""
    before = [name for name in house.sealed() if name.startswith(NIGHT.isoformat())]
    house.deliver(NIGHT, "accounts", [{**ACCOUNT, "account_code": "LATE"}], name="late.csv")
    assert house.say(*next_night(house)).code == 0
    label = f"{NIGHT}/late.csv"
    assert label in {row["file"] for row in house.rows(NEXT, "coverage")}
    assert f"{NIGHT}/accounts/late.csv" in (house.folder(NEXT) / "night.html").read_text(encoding="utf-8")
    assert "LATE" in {row["account_code"] for row in house.rows(NEXT, "findings")}
    assert [name for name in house.sealed() if name.startswith(NIGHT.isoformat())] == before
    third = NEXT.replace(day=NEXT.day + 1)
    deliver_sound(house, third)
    house.night(third)
    assert {row["file"] for row in house.rows(third, "coverage")} == {"f.csv"}
    assert "LATE" in {row["account_code"] for row in house.rows(third, "findings")}, "SPEC 2: judged every night on"


def test_a_refused_night_goes_through_once_its_file_is_mended(house: Place) -> None:
    """The whole way of exit 3 as a process: message, mended file, sealed night, sound chain."""
    bad = house.drop(NEXT, "invalid_cards", UNDECODABLE)
    before = house.tree()
    assert_one_clear_message(house.run(*next_night(house)), 3, "invalid_cards/f.csv", "byte")
    assert changed(before, house.tree()) == []
    bad.unlink()
    house.deliver(NEXT, "invalid_cards", [{**EVENT, "name": HOLDER}])
    said = house.run(*next_night(house))
    assert said.code == 0, said.err
    assert not any(secret in said.out + said.err for secret in SECRETS)
    assert "hashes and seals hold" in house.run("verify", "--book", str(house.book)).out
