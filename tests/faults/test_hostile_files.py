"""Bombs and liars: refused, or one row quarantined, in bounded memory and time (all: ``make test-hostile``)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from creditaudit.errors import UnjudgedFileError
from creditaudit.intake.control import read_control
from creditaudit.intake.landing import survey
from creditaudit.intake.receive import receive
from faults.hostile_files import FILES, LONG, MIB
from reference.small import NIGHT

if TYPE_CHECKING:
    from collections.abc import Callable

# What takes seconds of a processor each: gigabytes, however they are packed.
SLOW = {name for name in FILES if name.startswith(("line", "first_line", "rows", "record", "long"))}
CHOSEN = list(FILES) if os.environ.get("HOSTILE_FULL") else sorted(FILES.keys() - SLOW)
# The largest line that is taken is held a few times over while it is cut; nothing else is held.
MOST_MIB = 1_500


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What a process of its own, held to a part of the machine, said of each file."""
    folder = tmp_path_factory.mktemp("hostile")
    command = [sys.executable, "-m", "faults.hostile_files", str(folder), *CHOSEN]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths})
    assert done.returncode == 0, done.stderr[-2000:]
    return {said["file"]: said for said in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_hostile_file_is_refused_in_bounded_memory(name: str, told: dict[str, dict[str, object]]) -> None:
    assert re.search(FILES[name][1], str(told[name]["outcome"])), told[name]
    assert int(str(told[name]["peak_mib"])) < MOST_MIB


def test_the_files_are_as_large_as_they_are_called() -> None:
    """A bomb that was made small by mistake would prove nothing."""
    assert LONG == 60 * MIB < 64 * MIB


# --- control files --------------------------------------------------------------------------------------------------

CONTROLS: dict[str, bytes] = {
    "deep": b"[" * 500_000,
    "deep_object": b'{"rows":' * 100_000 + b"1" + b"}" * 100_000,
    "huge_number": b'{"rows": ' + b"9" * 100_000 + b"}",
    "no_number": b'{"rows": NaN}',
    "infinite": b'{"rows": Infinity}',
    "large_power": b'{"rows": 1e999}',
    "negative": b'{"rows": -1}',
    "key_twice": b'{"rows": 1, "rows": 2}',
    "key_twice_inside": b'{"remark": {"a": 1, "a": 2}}',
    "long": b" " * (2 << 20) + b"{}",
    "half_a_letter": b'{"provider_code": "\\ud800"}',
    "other_encoding": '{"rows": 1}'.encode("utf-16"),
    "nul": b'{"rows": 1}\x00',
    "script": b'{"kind": "<script>alert(1)</script>"}',
    "sql": b'{"kind": "full\'; DROP TABLE x; --"}',
}


@pytest.mark.parametrize("kind", CONTROLS)
def test_a_hostile_control_file_is_refused(kind: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv.ctl").write_bytes(CONTROLS[kind])
    with pytest.raises(UnjudgedFileError) as refused:
        read_control(tmp_path / "x.csv")
    assert len(refused.value.reason) < 200
    assert "script" not in refused.value.reason


# --- what lies in a landing -----------------------------------------------------------------------------------------

SPECIAL: dict[str, Callable[[Path, Path], object]] = {
    "link_to_a_file": lambda path, secret: path.symlink_to(secret),
    "link_to_itself": lambda path, _: path.symlink_to(path.name),
    "link_to_nothing": lambda path, _: path.symlink_to("../../../nowhere"),
    "link_to_a_device": lambda path, _: path.symlink_to("/dev/zero"),
    "link_to_memory": lambda path, _: path.symlink_to("/proc/self/environ"),
    "pipe": lambda path, _: os.mkfifo(path),
    "socket": lambda path, _: _bind(path),
}


def _bind(path: Path) -> None:
    import socket  # noqa: PLC0415

    before = Path.cwd()
    os.chdir(path.parent)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)
    os.chdir(before)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".xml"])
@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_file_is_never_opened(kind: str, ending: str, tmp_path: Path) -> None:
    """SPEC 10.4: a link could bring any file of the machine into the book; a pipe would hold the night for ever."""
    secret = tmp_path / "secret"
    secret.write_text("x\n1\n")
    folder = tmp_path / "night" / ("reports" if ending == ".xml" else "accounts")
    folder.mkdir(parents=True)
    SPECIAL[kind](folder / f"x{ending}", secret)
    found = survey(tmp_path / "night").files
    assert found
    for told in receive(found, night=NIGHT, scratch=tmp_path, workers=1):
        assert "only regular files" in str(told.refused)
        assert told.sha256 is None


@pytest.mark.parametrize("feed", ["accounts", "reports"])
def test_a_folder_that_is_a_link_is_not_followed(feed: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("x.csv", "x.xml"):
        (elsewhere / name).write_text("secret")
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / feed).symlink_to(elsewhere)
    found = survey(tmp_path / "night")
    assert found.files == ()
    assert found.warnings == (f"{feed} is not a folder and is not read",)


@pytest.mark.parametrize("feed", ["accounts", "reports"])
def test_a_feed_that_is_a_pipe_or_a_file_is_not_read(feed: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / feed)
    assert survey(tmp_path).warnings == (f"{feed} is not a folder and is not read",)
