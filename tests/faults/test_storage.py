"""A disk that is full, or fails: exit 70, and the book is as it was (SPEC 2, 9)."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pyarrow.parquet as pq
import pytest

from creditaudit.intake.unchanged import check_unchanged
from faults.answers import assert_one_clear_message, assert_refused, next_night
from place import Place, changed
from reference.small import NEXT, NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from creditaudit.intake.receive import FileReport

SPACE = "free space"


def _full(*arguments: object, **named: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# Every way in which a night writes: typed rows and tables, other files, flushing, folders, the commit's rename.
WRITES: dict[str, tuple[object, str, Callable[..., NoReturn]]] = {
    "parquet_rows": (pq.ParquetWriter, "write_table", _full),
    "flush": (os, "fsync", _full),
    "folders": (Path, "mkdir", _full),
    "rename": (Path, "rename", _full),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_full_disk_wherever_a_night_writes(house: Place, monkeypatch: pytest.MonkeyPatch, write: str) -> None:
    """One message with a place and the next step; the tree as before; then, with room, the night goes through."""
    with monkeypatch.context() as patched:
        patched.setattr(*WRITES[write])
        assert_refused(house, 70, "No space left on device", SPACE, str(house.book))


def test_a_file_system_without_hard_links_is_no_fault(house: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sharing the bytes of intake and state saves space; where it cannot be done they are copied."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "link", _full)
        assert house.say(*next_night(house)).code == 0
    assert house.say("verify", "--book", str(house.book)).code == 0


def test_a_disk_that_fills_after_the_rename_does_not_undo_the_night(
    house: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 9: the rename is the commit. What failed after it is made up for by the next run."""
    linked = Path.symlink_to

    def full_for_latest(path: Path, *arguments: object, **named: object) -> None:
        if path.name == ".latest.partial":
            _full()
        linked(path, *arguments, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Path, "symlink_to", full_for_latest)
        said = house.say(*next_night(house))
    assert said.code == 70
    assert "nothing was sealed" not in said.err
    again = house.say(*next_night(house))
    assert again.code == 0
    assert "was sealed before" in again.err
    assert (house.book / "latest").readlink() == Path(f"nights/{NEXT.isoformat()}")


def test_a_folder_that_may_not_be_listed_is_not_taken_for_an_empty_one(
    house: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 2: a night is a function of the book before; without the rows in force it would be another one."""
    listdir = os.listdir

    def denied(path: Path | str) -> list[str]:
        if str(path).endswith("state/accounts"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return listdir(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "listdir", denied)
        assert_refused(house, 70, "Permission denied", "state/accounts")


def test_a_delivered_file_behind_a_failing_disk(house: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """SPEC 2: what is sealed of a delivery hangs on its bytes; one that the disk withholds is not refused."""
    opened = os.open

    def failing(path: object, *arguments: int, **named: int) -> int:
        if str(path).endswith("issuances/f.csv"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(path, *arguments, **named)  # type: ignore[call-overload]

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", failing)
        assert_refused(house, 70, "Input/output error", "issuances/f.csv")


def test_interrupted_after_the_rename_nobody_is_told_that_nothing_was_sealed(
    house: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 9: the rename is the commit, whatever stops the program after it."""

    def interrupted(*arguments: object) -> NoReturn:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("creditaudit.night.copy_rules", interrupted)
        said = house.say(*next_night(house))
    assert said.code == 70
    assert "nothing was sealed" not in said.err
    assert "Next step: " in said.err
    assert "was sealed before" in house.say(*next_night(house)).err


def test_an_unforeseen_error_after_the_rename_says_no_untruth(house: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """SPEC 9: the rename is the commit; the next run says that the night was sealed before."""

    def failing(*arguments: object) -> NoReturn:
        raise ValueError(NUMBER)

    with monkeypatch.context() as patched:
        patched.setattr("creditaudit.night.copy_rules", failing)
        said = house.say(*next_night(house))
    assert_one_clear_message(
        said, 70, "ValueError at ", "a night is sealed as a whole or not at all", "run the same command again"
    )
    assert "nothing was sealed" not in said.err
    again = house.say(*next_night(house))
    assert again.code == 0
    assert "was sealed before" in again.err


def test_a_delivered_file_of_which_the_disk_does_not_tell_whether_it_changed(
    house: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 2: a file that is gone was read whole; one that cannot be looked at may have changed."""
    looked, asked = Path.lstat, check_unchanged

    def failing(path: Path) -> os.stat_result:
        if str(path).endswith("issuances/f.csv"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return looked(path)

    def asked_of_a_failing_disk(reports: Iterable[FileReport]) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "lstat", failing)
            asked(reports)

    with monkeypatch.context() as patched:
        patched.setattr("creditaudit.night.check_unchanged", asked_of_a_failing_disk)
        assert_refused(house, 70, "Input/output error", "issuances/f.csv")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system with little room."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting is not allowed here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_is_really_full(sealed: Place, small_disk: Path, tmp_path: Path) -> None:
    """The real thing, as a process: nothing sealed, nothing left, and with room the same command goes through."""
    place = Place(small_disk / "house", sealed.landing)
    sealed.copied(small_disk / "house")
    night = place.landing / NEXT.isoformat()
    assert not night.exists()
    filler = small_disk / "filler"
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    filler.write_bytes(bytes(max(0, free - 64 * 1024)))
    landing = tmp_path / "landing" / NEXT.isoformat()
    landing.mkdir(parents=True)
    arguments = ["night", "--book", str(place.book), "--landing", str(landing.parent), "--night", NEXT.isoformat()]
    before = place.tree()
    assert_one_clear_message(place.run(*arguments), 70, SPACE)
    assert changed(before, place.tree()) == []
    filler.unlink()
    assert place.run(*arguments).code == 5
    assert "hashes and seals hold" in place.run("verify", "--book", str(place.book)).out
