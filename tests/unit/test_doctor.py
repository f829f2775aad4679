"""``creditaudit doctor``: what is wrong is found and said with the next step; nothing is changed."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from creditaudit.doctor import examine
from creditaudit.mounts import Mount

if TYPE_CHECKING:
    from pathlib import Path

    from place import Place


def verdicts(place: Place, *more: str) -> tuple[int, dict[str, dict[str, str]]]:
    said = place.say("doctor", "--book", str(place.book), "--landing", str(place.landing), "--format", "json", *more)
    return said.code, {check["name"]: check for check in json.loads(said.out)}


def test_a_sound_place_may_run(place: Place) -> None:
    code, found = verdicts(place)
    assert code == 0
    assert not [name for name, check in found.items() if check["verdict"] == "wrong"]
    assert {"python", "libraries", "encodings", "configuration", "memory", "key", "book", "rights", "disk"} <= {*found}
    assert {"file system", "clock", "landing"} <= {*found}


def test_every_thing_that_is_not_well_says_what_to_do(place: Place) -> None:
    for path in place.book.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    place.book.chmod(0o755)
    (place.book / "reference" / "duties.csv").chmod(0o644)
    _, found = verdicts(place)
    for check in found.values():
        assert bool(check["next_step"]) == (check["verdict"] != "ok"), check
    assert found["rights"]["verdict"] == "warning"
    assert found["rights"]["found"] == "2 files or folders can be read by others, the first is ."


def test_without_a_key_no_night_runs(place: Place) -> None:
    checks = {check.name: check for check in examine(place.book, None, None, None)}
    assert checks["key"].verdict == "wrong"
    assert "creditaudit keys new" in checks["key"].next_step


def test_without_a_mandate_no_night_runs(place: Place) -> None:
    config = place.book.parent / "other.toml"
    config.write_text('[engine]\nmemory_limit = "900TiB"\n', encoding="utf-8")
    code, found = verdicts(place, "--config", str(config))
    assert code == 2
    assert found["configuration"]["verdict"] == "wrong"
    assert found["memory"]["verdict"] == "warning"


@pytest.mark.parametrize(("kind", "verdict"), [("nfs4", "wrong"), ("ext4", "warning")])
def test_what_lies_below_the_book_is_judged(
    place: Place, monkeypatch: pytest.MonkeyPatch, kind: str, verdict: str
) -> None:
    mount = Mount(kind, is_network=kind == "nfs4", is_encrypted=False)
    monkeypatch.setattr("creditaudit.doctor.mount_of", lambda path: mount)
    checks = {check.name: check for check in examine(place.book, None, None, None)}
    assert checks["file system"].verdict == verdict
    assert kind in checks["file system"].found


def test_nothing_is_written(place: Place) -> None:
    before = sorted((str(p), p.lstat().st_mtime_ns) for p in place.book.rglob("*"))
    examine(place.book, place.landing, None, os.environ.get("CREDITAUDIT_KEY_FILE"))
    assert sorted((str(p), p.lstat().st_mtime_ns) for p in place.book.rglob("*")) == before


def test_a_place_that_is_no_book_is_said(tmp_path: Path) -> None:
    checks = {check.name: check for check in examine(tmp_path / "none", tmp_path / "no", None, None)}
    assert (checks["book"].verdict, checks["landing"].verdict) == ("wrong", "wrong")


def test_a_clock_behind_the_book_is_a_warning(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nights are named by business dates: one that is sealed already lies at most a day ahead."""
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    for ahead, verdict in ((-300, "ok"), (1, "ok"), (2, "warning")):
        monkeypatch.setattr("creditaudit.book.layout.Book.last", property(lambda _, n=ahead: today + timedelta(days=n)))
        [clock] = [check for check in examine(place.book, None, None, None) if check.name == "clock"]
        assert (clock.verdict, str(today) in clock.found) == (verdict, True)
        assert ("set the clock" in clock.next_step) == (verdict == "warning")


def test_too_little_disk_is_a_warning(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, verdict, step in ((1, "warning", "a night may need 2.0 GiB"), (3, "ok", "")):
        monkeypatch.setattr("creditaudit.doctor.shutil.disk_usage", lambda _, f=free: SimpleNamespace(free=f * 2**30))
        [disk] = [check for check in examine(place.book, None, None, None) if check.name == "disk"]
        assert (disk.verdict, disk.found) == (verdict, f"{free:.1f} GiB free")
        assert disk.next_step.startswith(step)


def test_a_landing_is_read_and_never_written(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for rights, verdict in ((os.R_OK | os.X_OK | os.W_OK, "warning"), (os.R_OK | os.X_OK, "ok"), (os.X_OK, "wrong")):
        monkeypatch.setattr("creditaudit.doctor.os.access", lambda _, asked, r=rights: asked & r == asked)
        [landing] = [check for check in examine(None, place.landing, None, None) if check.name == "landing"]
        assert landing.verdict == verdict
        assert bool(landing.next_step) == (verdict != "ok")
