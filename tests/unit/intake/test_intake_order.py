"""Which nights wait, and which files a night reads (SPEC 2)."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.book.inbox import put
from creditaudit.book.layout import FORMAT, Book
from creditaudit.errors import UsageError
from creditaudit.intake.order import check_order, delivered_nights, gather, settled_nights

if TYPE_CHECKING:
    from pathlib import Path

N1, N2, N3, N4 = (date(2026, 11, day) for day in (20, 21, 22, 23))


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """An empty landing."""
    folder = tmp_path / "landing"
    folder.mkdir()
    return folder


def deliver(landing: Path, night: date, *files: str) -> None:
    (landing / night.isoformat()).mkdir(exist_ok=True)
    for name in files:
        path = landing / night.isoformat() / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x", encoding="utf-8")


def seal(
    book: Book,
    night: date,
    *files: str,
    skipped: list[dict[str, Any]] | None = None,
    sha256s: dict[str, str] | None = None,
) -> Book:
    """Seal a night that read ``<feed>/<name>``, or ``<night>/<feed>/<name>``."""
    inputs = []
    for file in files:
        *folder, feed, name = file.split("/")
        place = {"folder": folder[0] if folder else night.isoformat(), "feed": feed, "file": name}
        inputs.append({**place, "sha256": (sha256s or {}).get(name), "refused": None, "delivered": 1})
    book.folder(night).mkdir(parents=True)
    content = {"format": FORMAT, "state": "changes", "inputs": inputs, "inbox": [], "skipped": skipped or []}
    (book.folder(night) / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    return Book(book.root)


def names(book: Book, landing: Path, night: date) -> list[str]:
    return [f"{file.feed}/{file.name}" for file in gather(book, landing, night).files]


def test_nights_of_a_landing_are_its_dated_folders(landing: Path, tmp_path: Path) -> None:
    for night in (N2, N1):
        deliver(landing, night)
    for other in ("2026-1-1", "tmp", "20261120"):
        (landing / other).mkdir()
    (landing / N3.isoformat()).write_text("a file", encoding="utf-8")
    assert delivered_nights(landing) == [N1, N2]
    with pytest.raises(UsageError, match="no such landing"):
        delivered_nights(tmp_path / "gone")


def test_a_first_night_may_be_any_that_nothing_waits_before(landing: Path, tmp_path: Path) -> None:
    deliver(landing, N1)
    deliver(landing, N2)
    book = Book(tmp_path)
    assert check_order(book, landing, N1, {}) == ()
    with pytest.raises(UsageError, match="2026-11-20") as refused:
        check_order(book, landing, N2, {})
    assert "--skip" in str(refused.value)
    assert "--catch-up" in str(refused.value)


def test_nights_without_a_folder_do_not_wait(landing: Path, tmp_path: Path) -> None:
    deliver(landing, N1)
    deliver(landing, N4)
    assert check_order(seal(Book(tmp_path), N1), landing, N4, {}) == ()


def test_all_that_wait_are_named(landing: Path, tmp_path: Path) -> None:
    for night in (N1, N2, N3, N4):
        deliver(landing, night)
    with pytest.raises(UsageError) as refused:
        check_order(seal(Book(tmp_path), N1), landing, N4, {N2: "x"})
    assert "2026-11-22" in str(refused.value)
    assert "2026-11-21" not in str(refused.value)


def test_a_skipped_night_is_recorded_with_its_files_and_settled(landing: Path, tmp_path: Path) -> None:
    deliver(landing, N1)
    deliver(landing, N2, "accounts/b.csv", "accounts/a.csv", "loss_reports/l.csv", "accounts/a.csv.ctl")
    deliver(landing, N3)
    book = seal(Book(tmp_path), N1)
    [skipped] = check_order(book, landing, N3, {N2: "损坏"})
    assert skipped.as_dict() == {
        "night": "2026-11-21",
        "reason": "损坏",
        "files": ["accounts/a.csv", "accounts/b.csv", "loss_reports/l.csv"],
    }
    book = seal(book, N3, skipped=[skipped.as_dict()])
    assert settled_nights(book) == {N1, N2, N3}
    deliver(landing, N4)
    assert check_order(book, landing, N4, {}) == ()
    with pytest.raises(UsageError, match="2026-11-21"):
        check_order(book, landing, N2, {})


@pytest.mark.parametrize("skip", [N1, N3, N4, date(2026, 11, 1)], ids=["sealed", "itself", "later", "no_folder"])
def test_only_a_waiting_night_can_be_skipped(landing: Path, tmp_path: Path, skip: date) -> None:
    for night in (N1, N3, N4):
        deliver(landing, night)
    with pytest.raises(UsageError, match=f"{skip} cannot be skipped"):
        check_order(seal(Book(tmp_path), N1), landing, N3, {skip: "x"})


def test_nights_are_sealed_in_date_order(landing: Path, tmp_path: Path) -> None:
    for night in (N1, N2):
        deliver(landing, night)
    with pytest.raises(UsageError, match="date order"):
        check_order(seal(Book(tmp_path), N2), landing, N1, {})


def test_a_night_that_came_after_a_later_one_was_sealed_is_passed_over_as_the_message_says(
    landing: Path, tmp_path: Path
) -> None:
    """Asked for by itself, or waiting before the next night: the options that let it go on are in the message."""
    for night in (N1, N2, N3, N4):
        deliver(landing, night)
    book = seal(Book(tmp_path), N3)
    for night, options in ((N1, f"--skip {N1} --reason"), (N4, f"--skip {N1} --skip {N2} --reason")):
        with pytest.raises(UsageError) as refused:
            check_order(book, landing, night, {})
        assert options in str(refused.value)
    assert [s.night for s in check_order(book, landing, N4, {N1: "x", N2: "x"})] == [N1, N2]


def test_a_night_that_was_not_delivered_is_refused(landing: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        check_order(Book(tmp_path), landing, N1, {})


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_night_reads_its_own_files_by_feed_and_name(landing: Path, tmp_path: Path) -> None:
    deliver(landing, N1, "loss_reports/a.csv", "accounts/b.csv.gz", "accounts/B.csv", "accounts/a.parquet")
    assert names(Book(tmp_path), landing, N1) == [
        "accounts/B.csv",
        "accounts/a.parquet",
        "accounts/b.csv.gz",
        "loss_reports/a.csv",
    ]


def test_what_turns_up_in_a_sealed_nights_folder_is_read_by_the_next_and_listed(landing: Path, tmp_path: Path) -> None:
    deliver(landing, N1, "accounts/a.csv", "accounts/late.csv", "openings/a.csv")
    deliver(landing, N2, "accounts/a.csv")
    book = seal(Book(tmp_path), N1, "accounts/a.csv")
    found = gather(book, landing, N2)
    assert [f"{f.feed}/{f.name}" for f in found.files] == [
        "accounts/2026-11-20/late.csv",
        "accounts/a.csv",
        "openings/2026-11-20/a.csv",
    ]
    assert sorted(found.late) == ["2026-11-20/accounts/late.csv", "2026-11-20/openings/a.csv"]
    assert found.files[0].path == landing / "2026-11-20" / "accounts" / "late.csv"
    book = seal(book, N2, "accounts/a.csv", "2026-11-20/accounts/late.csv", "2026-11-20/openings/a.csv")
    deliver(landing, N3)
    assert names(book, landing, N3) == []


def test_what_lay_in_a_skipped_night_is_not_read_and_what_turns_up_later_is(landing: Path, tmp_path: Path) -> None:
    deliver(landing, N1, "accounts/then.csv")
    deliver(landing, N2)
    skipped = [s.as_dict() for s in check_order(Book(tmp_path), landing, N2, {N1: "x"})]
    book = seal(Book(tmp_path), N2, skipped=skipped)
    deliver(landing, N1, "accounts/now.csv", "openings/then.csv")
    deliver(landing, N3)
    assert names(book, landing, N3) == ["accounts/2026-11-20/now.csv", "openings/2026-11-20/then.csv"]


def test_files_of_a_night_that_waits_are_not_taken_by_another(landing: Path, tmp_path: Path) -> None:
    deliver(landing, N1, "accounts/a.csv")
    deliver(landing, N2, "accounts/b.csv")
    deliver(landing, N3, "accounts/c.csv")
    assert names(seal(Book(tmp_path), N1, "accounts/a.csv"), landing, N2) == ["accounts/b.csv"]


def test_a_sealed_nights_folder_may_be_gone(landing: Path, tmp_path: Path) -> None:
    deliver(landing, N2, "accounts/a.csv")
    assert names(seal(Book(tmp_path), N1, "accounts/a.csv"), landing, N2) == ["accounts/a.csv"]


def test_what_is_not_read_is_named(landing: Path, tmp_path: Path) -> None:
    deliver(landing, N1, "accounts/a.txt", "acounts/a.csv", "accounts/b.csv.ctl")
    found = gather(Book(tmp_path), landing, N1)
    assert found.files == ()
    assert len(found.warnings) == 3
    assert all(any(name in warning for warning in found.warnings) for name in ("a.txt", "acounts", "b.csv.ctl"))


def test_what_lies_in_the_place_of_a_recalled_file_has_turned_up(landing: Path, tmp_path: Path) -> None:
    """A recalled file never came: other bytes under its name are read once, its own are not."""
    book = Book(tmp_path / "book")
    deliver(landing, N1, "accounts/bad.csv", "accounts/good.csv")
    sha256s = {"bad.csv": hashlib.sha256(b"x").hexdigest(), "good.csv": "0" * 64}
    book = seal(book, N1, *(f"accounts/{name}" for name in sha256s), sha256s=sha256s)
    deliver(landing, N2, "accounts/next.csv")
    assert names(book, landing, N2) == ["accounts/next.csv"]
    book.inbox.mkdir()
    put(book, "recall", by="Li", reason="a mistake", body={"sha256": sha256s["bad.csv"]}, on=N2)
    assert names(book, landing, N2) == ["accounts/next.csv"]
    for name in sha256s:
        (landing / N1.isoformat() / "accounts" / name).write_text("corrected", encoding="utf-8")
    assert names(book, landing, N2) == [f"accounts/{N1}/bad.csv", "accounts/next.csv"]
