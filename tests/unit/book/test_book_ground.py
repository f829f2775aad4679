"""A file system that cannot hold a book is refused with the reason; a full or closed one leaves it as it was."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from creditaudit.book.ground import check_ground
from creditaudit.errors import StorageError, UsageError
from place import Place, changed
from reference.small import ACCOUNT, EVENT, NIGHT, REPORT

if TYPE_CHECKING:
    from collections.abc import Callable

NEXT = NIGHT + timedelta(days=1)


def fails(code: int) -> Callable[..., NoReturn]:
    def failing(*arguments: object, **named: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    return failing


def copied(path: Path, target: Path) -> Path:
    """A rename as some file systems do it: a copy, with the old name left behind."""
    if path.is_symlink():
        target.unlink(missing_ok=True)
        target.symlink_to(path.readlink())
    elif path.is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copyfile(path, target)
    return target


LACKS: dict[str, tuple[object, str, Callable[..., object], str]] = {
    "no_rename_over": (Path, "replace", fails(errno.EEXIST), "replace a file by renaming"),
    "rename_copies": (Path, "replace", copied, "replace a file by renaming"),
    "no_rename_of_folders": (Path, "rename", fails(errno.EXDEV), "rename a folder"),
    "folders_are_copied": (Path, "rename", copied, "rename a folder"),
    "no_links": (Path, "symlink_to", fails(errno.EPERM), "symbolic link"),
    "no_locks": (fcntl, "flock", fails(errno.ENOLCK), "no locks"),
}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("ground")).made()
    for night in (NIGHT, NEXT):
        for feed, row in (("accounts", ACCOUNT), ("loss_reports", REPORT), ("invalid_cards", EVENT)):
            place.deliver(night, feed, [row])
    place.night(NIGHT)
    return place


@pytest.fixture
def house(sealed: Place, tmp_path: Path) -> Place:
    return sealed.copied(tmp_path / "house")


@pytest.mark.parametrize("kind", LACKS)
def test_no_book_is_made_where_none_can_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    place = Place(tmp_path)
    where, name, replacement, words = LACKS[kind]
    with monkeypatch.context() as patched:
        patched.setattr(where, name, replacement)
        said = place.say("init", str(place.book))
    assert (said.code, said.out) == (2, "")
    assert words in said.err
    assert "local POSIX file system" in said.err
    assert not place.book.exists()
    assert place.say("init", str(place.book)).code == 0


@pytest.mark.parametrize("kind", LACKS)
def test_a_book_that_was_moved_there_is_not_written(house: Place, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Asked at every opening for writing, before anything is read or written."""
    where, name, replacement, words = LACKS[kind]
    before = house.tree()
    with monkeypatch.context() as patched:
        patched.setattr(where, name, replacement)
        said = house.say(*house.asked("--night", NEXT.isoformat()))
    assert (said.code, words in said.err, "Next step" in said.err) == (2, True, True)
    assert changed(before, house.tree()) == []
    assert house.say("verify", "--book", str(house.book)).code == 0


CLOSED = {"full": errno.ENOSPC, "quota": errno.EDQUOT, "read_only": errno.EROFS, "forbidden": errno.EACCES}


@pytest.mark.parametrize("kind", CLOSED)
@pytest.mark.parametrize("call", ["mkdir", "lock", "replace"])
def test_a_full_or_closed_disk_is_said_and_the_book_is_as_it_was(
    house: Place, monkeypatch: pytest.MonkeyPatch, kind: str, call: str
) -> None:
    """SPEC 2: exit 70, one message with the cause; it says nothing against the file system's kind."""
    before = house.tree()
    opened = os.open

    def closed(path: object, flags: int, *arguments: int, **named: object) -> int:
        if str(path).endswith(".lock"):
            fails(CLOSED[kind])()
        return opened(path, flags, *arguments, **named)  # type: ignore[call-overload,no-any-return]

    with monkeypatch.context() as patched:
        if call == "lock":
            patched.setattr(os, "open", closed)
        else:
            patched.setattr(Path, call, fails(CLOSED[kind]))
        said = house.say(*house.asked("--night", NEXT.isoformat()))
    assert (said.code, said.err.count("\n")) == (70, 1)
    assert os.strerror(CLOSED[kind]) in said.err
    assert str(house.book) in said.err
    assert changed(before, house.tree()) == []


@pytest.mark.parametrize("command", ["prune", "upgrade"])
def test_decisions_on_a_closed_disk_are_refused_and_leave_nothing(
    house: Place, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    house.night(NEXT)
    before = house.tree()
    told = {"prune": ("--keep-nights", "1", "--by", "x", "--reason", "y"), "upgrade": ()}[command]
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fails(errno.EROFS))
        said = house.say(command, "--book", str(house.book), *told)
    assert (said.code, os.strerror(errno.EROFS) in said.err) == (70, True)
    assert changed(before, house.tree()) == []


def test_the_probe_leaves_nothing_and_a_leftover_does_not_matter(tmp_path: Path) -> None:
    nights = tmp_path / "nights"
    (nights / ".probe.partial" / "night").mkdir(parents=True)
    check_ground(nights)
    assert list(nights.iterdir()) == []
    with pytest.raises((UsageError, StorageError)):
        check_ground(tmp_path / "gone")
