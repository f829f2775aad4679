"""Rotating, retiring and destroying keys; SM3; what each leaves of tokens and seals (SPEC 8.2, 9, 10.4)."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from creditaudit.book.key_changes import destroy, retire, rotate
from creditaudit.book.keys import Key, Keyring, load_keys, new_key_file
from creditaudit.errors import UsageError
from creditaudit.intake.labels import Labels

if TYPE_CHECKING:
    from pathlib import Path

    from place import Place


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    new_key_file(path)
    return path


def read(file: Path) -> Keyring:
    return load_keys(str(file), None)


def states(file: Path) -> list[str]:
    return [key.state for key in read(file).keys]


def test_rotation_makes_a_new_active_key_and_leaves_the_old_one_resolvable(file: Path) -> None:
    old = read(file).active
    fresh = rotate(file)
    keys = read(file)
    assert (keys.active, states(file)) == (fresh, ["superseded", "active"])
    assert fresh.key_id != old.key_id
    assert fresh.secret != old.secret
    assert keys.keys[0].secret == old.secret
    assert [key.key_id for key in keys.accepted] == [old.key_id, fresh.key_id]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_retired_key_resolves_no_more_and_still_proves_its_seals(file: Path) -> None:
    old = read(file).active
    fresh = rotate(file)
    retire(file, old.key_id)
    keys = read(file)
    assert [key.key_id for key in keys.accepted] == [fresh.key_id]
    assert keys.keys[0].signed("seal", b"x") == old.signed("seal", b"x")


def test_of_a_destroyed_key_no_token_can_be_made_and_its_seals_are_still_proven(file: Path) -> None:
    """The file has the derived key of seals in place of the secret: no other key can be had from that."""
    old = read(file).active
    rotate(file)
    retire(file, old.key_id)
    destroy(file, old.key_id)
    assert old.secret.hex() not in file.read_text(encoding="utf-8")
    left = read(file).keys[0]
    assert (left.state, left.signed("seal", b"x")) == ("destroyed", old.signed("seal", b"x"))
    for purpose in ("person", "case", "row", "file", "score", "sample"):
        with pytest.raises(UsageError, match="no token can be made"):
            left.token(purpose, "x")
    assert old.key_id not in [key.key_id for key in read(file).accepted]


def test_a_destroyed_key_labels_no_file(file: Path) -> None:
    """A night asks under which labels a file may have been read; of a destroyed key there are none any more."""
    old, name = read(file).active, "张三 11010519491231002X.csv"
    before = Labels(read(file)).of(name)
    rotate(file)
    retire(file, old.key_id)
    assert before in Labels(read(file)).ever(name)
    destroy(file, old.key_id)
    assert Labels(read(file)).ever(name) == {Labels(read(file)).of(name)}


@pytest.mark.parametrize("change", [retire, destroy], ids=["retire", "destroy"])
def test_no_key_is_retired_or_destroyed_before_its_time(file: Path, change: object) -> None:
    active = read(file).active
    before = file.read_bytes()
    for key_id, why in ((active.key_id, "is active, not"), ("unknown", "no key unknown")):
        with pytest.raises(UsageError, match=why):
            change(file, key_id)  # type: ignore[operator] # one of two functions
    assert file.read_bytes() == before


def test_a_superseded_key_is_not_destroyed_at_once(file: Path) -> None:
    old = read(file).active
    rotate(file)
    with pytest.raises(UsageError, match="is superseded, not retired"):
        destroy(file, old.key_id)


def test_two_runs_do_not_change_a_file_at_once(file: Path) -> None:
    before = file.read_bytes()
    with file.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another run"):
            rotate(file)
    assert file.read_bytes() == before


def test_a_killed_rotation_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.replace", lambda *_: os._exit)
        rotate(file)  # nothing came in its place
    assert file.read_bytes() == before
    rotate(file)
    assert states(file) == ["superseded", "active"]
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_folder_that_cannot_be_written_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that systemd gave to a service cannot be changed there."""

    def full(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(UsageError, match="was not changed") as refused:
        rotate(file)
    assert "Read-only" in str(refused.value)
    assert states(file) == ["active"]


def test_sm3_is_the_hash_of_all_that_its_key_makes(tmp_path: Path) -> None:
    """GB/T 32905-2016, example 1; HMAC as RFC 2104 defines it, over blocks of 64 bytes."""
    assert hashlib.new("sm3", b"abc").hexdigest().startswith("66c7f0f4")
    new_key_file(tmp_path / "k", algorithm="sm3")
    key = read(tmp_path / "k").active
    assert key.algorithm == "sm3"

    def by_hand(secret: bytes, content: bytes) -> bytes:
        pads = [bytes(byte ^ pad for byte in secret.ljust(64, b"\0")) for pad in (0x36, 0x5C)]
        inner = hashlib.new("sm3", pads[0] + content).digest()
        return hashlib.new("sm3", pads[1] + inner).digest()

    derived = by_hand(key.secret, b"creditaudit/1/person")
    assert key.token("person", "x") == by_hand(derived, b"x").hex()
    assert Keyring((key,)).tokens("person", ["x"], length=64) == [key.token("person", "x")]
    assert key.token("person", "x") != Key(key.key_id, "active", key.secret).token("person", "x")


def test_a_rotation_can_change_the_hash_and_keeps_it_otherwise(file: Path) -> None:
    assert rotate(file, "sm3").algorithm == "sm3"
    assert rotate(file).algorithm == "sm3"
    assert [key.algorithm for key in read(file).keys] == ["sha256", "sm3", "sm3"]


def test_a_machine_without_the_hash_is_refused_with_the_reason(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rotate(file, "sm3")

    def without(_key: bytes, _content: bytes, name: str) -> bytes:
        if name == "sm3":
            raise ValueError("unsupported hash type")
        return bytes(32)

    monkeypatch.setattr("creditaudit.book.keys.hmac.digest", without)
    with pytest.raises(UsageError, match="has no sm3"):
        read(file)
    with pytest.raises(UsageError, match="has no sm3"):
        new_key_file(tmp_path / "other", algorithm="sm3")


@pytest.mark.parametrize("algorithm", ["md5", "SM3", ""])
def test_no_other_hash_is_taken(tmp_path: Path, algorithm: str) -> None:
    with pytest.raises(UsageError, match="none of sha256, sm3"):
        new_key_file(tmp_path / "k", algorithm=algorithm)
    assert not (tmp_path / "k").exists()


def test_the_digest_of_a_file_of_the_usual_hash_is_what_it_always_was(file: Path) -> None:
    """Manifests of older books have it: another digest would judge everyone for nothing."""
    key = read(file).active
    content = f"{key.key_id} active {key.secret.hex()}".encode()
    assert read(file).digest == key.signed("seal", content)


def test_the_commands_say_what_they_did(place: Place) -> None:
    """The key file is the environment's, or the one that is named."""
    assert place.say("keys", "list").out.split("\t")[:3] == ["DEMO", "active", "sha256"]
    rotated = place.say("--log-format", "json", "keys", "rotate")
    said = json.loads(rotated.err)
    assert (rotated.code, said["superseded"]) == (0, "DEMO")
    assert place.say("keys", "retire", "DEMO").code == 0
    destroyed = place.say("keys", "destroy", "DEMO", "--file", str(place.key))
    assert destroyed.code == 0
    for reach in ("person token", "row token", "case_id", "backups of the key file", "typed rows"):
        assert reach in destroyed.err
    listed = [line.split("\t") for line in place.say("keys", "list").out.splitlines()]
    assert [line[:2] for line in listed] == [["DEMO", "destroyed"], [said["key_id"], "active"]]
    secrets = [key.secret.hex() for key in read(place.key).keys]
    assert not any(secret in place.say("keys", "list").out for secret in secrets)


def test_without_a_key_file_the_command_that_makes_one_is_named(place: Place) -> None:
    bare = {name: value for name, value in place.environment().items() if name != "CREDITAUDIT_KEY_FILE"}
    assert place.say("keys", "rotate", environment=bare).code == 2
    said = place.say("night", "--book", str(place.book), "--landing", str(place.landing), environment=bare)
    night = place.say(*place.asked("--night", "2026-11-20"), environment=bare)
    assert (said.code, night.code) == (2, 2)
    assert "creditaudit keys new FILE" in night.err
