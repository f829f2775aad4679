"""The key file, tokens and what is derived from it (SPEC 8.2, 10.4)."""

from __future__ import annotations

import json
import re
import stat
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.book.keys import DEMO_KEY_ID, Key, Keyring, load_keys, new_key_file
from creditaudit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "ab" * 32


def written(path: Path, *keys: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"creditaudit_keys": 1, "keys": list(keys)}), encoding="utf-8")
    path.chmod(0o600)
    return path


def test_a_new_key_is_for_its_owner_alone_and_loads(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    new_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys = load_keys(str(path), tmp_path / "book")
    assert not keys.is_demo
    assert len(keys.active.secret) == 32


def test_two_new_keys_differ_and_two_demonstration_keys_do_not(tmp_path: Path) -> None:
    for name, demo in (("a", False), ("b", False), ("c", True), ("d", True)):
        new_key_file(tmp_path / name, demo=demo)
    a, b, c, d = (load_keys(str(tmp_path / name), tmp_path / "book") for name in "abcd")
    assert a.active.secret != b.active.secret
    assert (c.active.secret, c.active.key_id, c.is_demo) == (d.active.secret, DEMO_KEY_ID, True)


@pytest.mark.parametrize("demo", [True, False])
def test_an_existing_file_is_never_touched(tmp_path: Path, demo: bool) -> None:
    path = tmp_path / "key.json"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(UsageError, match="was not written"):
        new_key_file(path, demo=demo)
    assert path.read_text(encoding="utf-8") == "precious"


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        new_key_file(path)
    assert not (tmp_path / "elsewhere").exists()


def test_superseded_keys_stay_beside_the_active_one(tmp_path: Path) -> None:
    path = written(
        tmp_path / "key.json",
        {"key_id": "old", "state": "superseded", "secret": SECRET},
        {"key_id": "new", "state": "active", "secret": "cd" * 32},
    )
    keys = load_keys(str(path), tmp_path / "book")
    assert [k.key_id for k in keys.keys] == ["old", "new"]
    assert keys.active.key_id == "new"


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [{"key_id": "a", "state": "superseded", "secret": SECRET}],
        [{"key_id": "a", "state": "active", "secret": SECRET}, {"key_id": "b", "state": "active", "secret": SECRET}],
        [{"key_id": "a", "state": "active", "secret": "ab" * 31}],
        [{"key_id": "a", "state": "active", "secret": SECRET}, {"key_id": "b", "state": "retired", "secret": "ab"}],
        [{"key_id": "a", "state": "active", "secret": "zz" * 32}],
        [{"key_id": "a", "state": "active"}],
        ["a"],
    ],
    ids=["none", "none_active", "two_active", "short", "short_retired", "no_hex", "no_secret", "no_object"],
)
def test_a_key_file_that_cannot_be_used(tmp_path: Path, keys: list[Any]) -> None:
    path = written(tmp_path / "key.json", *keys)
    with pytest.raises(UsageError) as refused:
        load_keys(str(path), tmp_path / "book")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_permissions_wider_than_the_owner_are_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "key.json", {"key_id": "a", "state": "active", "secret": SECRET})
    path.chmod(mode)
    with pytest.raises(UsageError, match="read by others"):
        load_keys(str(path), tmp_path / "book")
    path.chmod(0o400)
    assert load_keys(str(path), tmp_path / "book").active.key_id == "a"


def test_a_book_whose_name_begins_alike_does_not_hold_the_key(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book-keys").mkdir()
    path = written(tmp_path / "book-keys" / "k", {"key_id": "a", "state": "active", "secret": SECRET})
    assert load_keys(str(path), tmp_path / "book").active.key_id == "a"


KEYS = Keyring((Key("a", "active", bytes(range(32))),))


def test_tokens_are_hex_of_the_length_asked_and_the_same_every_time() -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", KEYS.token("person", "x"))
    assert KEYS.token("person", "x", length=24) == KEYS.token("person", "x")[:24]
    assert KEYS.tokens("person", ["x", "y", "x"]) == [KEYS.token("person", v) for v in "xyx"]


def test_each_purpose_and_each_key_has_its_own_tokens() -> None:
    purposes = ("person", "case", "row", "seal", "file")
    other = Keyring((Key("a", "active", bytes(32)),))
    tokens = {keys.token(purpose, "x") for keys in (KEYS, other) for purpose in purposes}
    assert len(tokens) == 10


def test_parts_are_kept_apart() -> None:
    assert KEYS.token("case", "ab", "c") != KEYS.token("case", "a", "bc")


def test_only_the_active_key_makes_tokens() -> None:
    rotated = Keyring((*(Key(k.key_id, "superseded", k.secret) for k in KEYS.keys), Key("b", "active", b"b" * 32)))
    assert rotated.token("person", "x") == Keyring(rotated.keys[1:]).token("person", "x")
    assert rotated.token("person", "x") != KEYS.token("person", "x")


def test_the_digest_changes_with_everything_in_the_file_and_shows_no_secret() -> None:
    secret = bytes(range(32))
    variants = [
        (Key("a", "active", secret),),
        (Key("b", "active", secret),),
        (Key("a", "active", secret[::-1]),),
        (Key("a", "active", secret), Key("b", "retired", secret)),
        (Key("a", "active", secret), Key("b", "superseded", secret)),
    ]
    digests = [Keyring(v).digest for v in variants]
    assert len(set(digests)) == len(variants)
    assert all(secret.hex() not in d for d in digests)
