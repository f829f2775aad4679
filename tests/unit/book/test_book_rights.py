"""Least rights: 0600 and 0700 whatever the umask, reports as configured, wider rights named (SPEC 10.4)."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from creditaudit.book.rights import wider
from place import Place, changed, tree_of
from reference.small import NIGHT, NUMBER
from unit.commanded import deliver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0o000)
    yield
    os.umask(before)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A book made and sealed by commands, from a caller whose umask lets everybody read."""
    place = Place(tmp_path_factory.mktemp("rights"))
    place.landing.mkdir()
    deliver(place, NIGHT)
    before = os.umask(0o000)
    try:
        for words in (
            ("keys", "demo", str(place.key)),
            ("init", str(place.book), "--mandate", "测试"),
            tuple(place.asked("--night", NIGHT.isoformat())),
        ):
            done = place.run(*words)
            assert done.code in {0, 5}, done
    finally:
        os.umask(before)
    return place


@pytest.fixture
def house(sealed: Place, tmp_path: Path) -> Place:
    return sealed.copied(tmp_path / "house")


def test_files_are_made_for_their_owner_alone(sealed: Place) -> None:
    for path in (sealed.key, *sealed.book.rglob("*"), sealed.book):
        if not path.is_symlink():
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path.name
    assert wider(sealed.book, group_reads_reports=False) == []


@pytest.mark.usefixtures("open_umask")
def test_a_night_that_a_program_calls_is_as_private(place: Place) -> None:
    deliver(place, NIGHT)
    place.night(NIGHT)
    assert [p for p in wider(place.book, group_reads_reports=False) if p.startswith(f"nights/{NIGHT}")] == []
    made = place.root / "free"
    made.mkdir()
    assert stat.S_IMODE(made.stat().st_mode) == 0o777  # the caller's umask is as it was


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("nights/{night}/manifest.json", 0o604),
        ("nights/{night}/reports", 0o750),
        ("reference/duties.csv", 0o640),
        ("nights/{night}/intake", 0o701),
        (".lock", 0o622),
        (".", 0o755),
    ],
)
def test_verify_names_what_is_open_to_others_and_none_the_less_holds(house: Place, name: str, mode: int) -> None:
    name = name.format(night=NIGHT)
    (house.book / name).chmod(mode)
    said = house.say("verify", "--book", str(house.book))
    assert (said.code, "hashes and seals hold" in said.out) == (0, True)
    assert f"WIDER RIGHTS: 1 files or folders of the book are open to others, the first is {name}." in said.err
    assert "Next step: chmod" in said.err


def test_nothing_is_said_of_a_book_that_is_closed(house: Place) -> None:
    assert "WIDER" not in house.say("verify", "--book", str(house.book)).err


def test_a_group_may_read_reports_where_the_house_lets_it(sealed: Place, tmp_path: Path) -> None:
    """The group passes through the folders above and sees nothing else; not one sealed byte is another."""
    place = Place(tmp_path / "house")
    place.root.mkdir()
    shutil.copytree(sealed.landing, place.landing)
    shutil.copy2(sealed.key, place.key)
    assert place.say("init", str(place.book), "--mandate", "测试").code == 0
    with place.config.open("a", encoding="utf-8") as config:
        config.write('\n[reports]\nreadable_by = "group"\n')
    assert place.say(*place.asked("--night", NIGHT.isoformat())).code in {0, 5}
    modes = {p.relative_to(place.book).parts: stat.S_IMODE(p.lstat().st_mode) for p in place.book.rglob("*")}
    night = ("nights", NIGHT.isoformat())
    for parts, mode in modes.items():
        is_folder = place.book.joinpath(*parts).is_dir()
        if parts[:3] == (*night, "reports"):
            assert mode == (0o750 if is_folder else 0o640), parts
        elif parts in {night[:1], night}:
            assert mode == 0o710
        elif not place.book.joinpath(*parts).is_symlink():
            assert mode == (0o700 if is_folder else 0o600), parts
    assert stat.S_IMODE(place.book.stat().st_mode) == 0o710
    assert "WIDER" not in place.say("verify", "--book", str(place.book)).err
    (place.folder(NIGHT) / "reports").chmod(0o755)
    assert f"nights/{NIGHT}/reports." in place.say("verify", "--book", str(place.book)).err
    assert changed(tree_of(sealed.folder(NIGHT)), tree_of(place.folder(NIGHT))) == []


@pytest.mark.parametrize("value", ["all", "", "Group"])
def test_nobody_else_can_be_let_in(house: Place, value: str) -> None:
    house.config.write_text(f'[mandate]\ntext = "x"\n[reports]\nreadable_by = "{value}"\n', encoding="utf-8")
    said = house.say("night", *house.asked("--night", NIGHT.isoformat())[1:])
    assert (said.code, "reports.readable_by" in said.err) == (2, True)


# root is asked about no right; without these two of its powers (Linux, capabilities 1 and 2) it is a user like others,
# and the landing belongs to another one.
_WITHOUT_POWERS = """
import ctypes, os, sys
for power in (1, 2):
    assert ctypes.CDLL(None).prctl(24, power, 0, 0, 0) == 0  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-m", "creditaudit.cli", *sys.argv[1:]])
"""
SOMEBODY = 65534


def test_a_user_that_cannot_write_the_landing_runs_a_night(place: Place) -> None:
    is_root = not os.geteuid()
    deliver(place, NIGHT)
    landing = [place.landing, *sorted(place.landing.rglob("*"))]
    for path in landing:
        path.chmod(0o555 if path.is_dir() else 0o444)
        if is_root:
            os.chown(path, SOMEBODY, SOMEBODY)
    before = [(p.lstat().st_mtime_ns, p.lstat().st_mode) for p in landing]
    program = ["-c", _WITHOUT_POWERS] if is_root else ["-m", "creditaudit.cli"]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *program, *words],
            env=place.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    asked = run("doctor", "--book", str(place.book), "--landing", str(place.landing))
    assert "can be read, and not written" in asked.stdout  # so it is not this test that cannot tell
    done = run(*place.asked("--night", NIGHT.isoformat()))
    assert done.returncode in {0, 5}, done.stderr
    assert [place.landing, *sorted(place.landing.rglob("*"))] == landing
    assert [(p.lstat().st_mtime_ns, p.lstat().st_mode) for p in landing] == before
    assert place.rows(NIGHT, "findings")
    assert NUMBER not in done.stdout + done.stderr
    for path in landing:
        path.chmod(0o700)
