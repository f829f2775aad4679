"""The key file and what is derived from it: tokens and seals (SPEC 8.2, 9, 10.4).

The file lies outside the book. It is JSON: ``{"creditaudit_keys": 1, "keys": [{"key_id", "state", "secret"}]}``;
``state`` is ``active`` (exactly one), ``superseded`` (old tokens still resolve) or ``retired``; ``secret`` is 32
bytes in hex. Each purpose has a key of its own, derived by HMAC, so that one kind of token says nothing of another.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from creditaudit.errors import UsageError, Where

Purpose = Literal["person", "case", "row", "seal", "file", "score", "sample"]

KEY_VARIABLE = "CREDITAUDIT_KEY_FILE"
DEMO_KEY_ID = "DEMO"
# Public on purpose: anybody can undo tokens made with it.
_DEMO_SECRET = hashlib.sha256(b"creditaudit demonstration key: protects nothing").hexdigest()
_SECRET_BYTES = 32
STATES = ("active", "superseded", "retired")
_TOKEN_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file."""

    key_id: str
    state: str
    secret: bytes

    def derived(self, purpose: Purpose) -> bytes:
        """Return the key of one purpose."""
        return hmac.digest(self.secret, b"creditaudit/1/" + purpose.encode(), "sha256")

    def token(self, purpose: Purpose, value: str) -> str:
        """Return the token of one value as 64 hex digits."""
        return hmac.digest(self.derived(purpose), value.encode(), "sha256").hex()


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of a key file; tokens are made with the active one."""

    keys: tuple[Key, ...]

    @property
    def active(self) -> Key:
        """The key that makes tonight's tokens."""
        return next(k for k in self.keys if k.state == "active")

    @property
    def is_demo(self) -> bool:
        """Whether tokens are made with the public demonstration key."""
        return self.active.key_id == DEMO_KEY_ID

    @property
    def digest(self) -> str:
        """A digest of the key file's content that does not help to guess a secret."""
        content = "\n".join(f"{k.key_id} {k.state} {k.secret.hex()}" for k in self.keys)
        return hmac.digest(self.active.derived("seal"), content.encode(), "sha256").hex()

    def token(self, purpose: Purpose, *parts: str, length: int = 32) -> str:
        """Return a token of ``parts`` as ``length`` hex digits (4 bits each)."""
        return self.tokens(purpose, ["\x1f".join(parts)], length=length)[0]

    def tokens(self, purpose: Purpose, values: list[str], *, length: int = 32, key: Key | None = None) -> list[str]:
        """Return the tokens of many values, in order, by the active key or another one."""
        return _tokens(key or self.active, purpose, values, length)

    def row_tokens(self, cases: list[str], episodes: list[int], key: Key | None = None) -> list[str]:
        """Return the row token of many case episodes, in order (SPEC 8.2, 10.2).

        Parameters
        ----------
        cases : list of str
            case_id of each.
        episodes : list of int
        key : Key, optional
            The key that makes them; None: the active one.
        """
        named = [f"{case}\x1f{episode}" for case, episode in zip(cases, episodes, strict=True)]
        return [f"RT-{token}" for token in _tokens(key or self.active, "row", named, _TOKEN_LENGTH)]

    @property
    def accepted(self) -> tuple[Key, ...]:
        """The keys whose tokens are still taken: all that are not retired."""
        return tuple(k for k in self.keys if k.state != "retired")


def _tokens(key: Key, purpose: Purpose, values: list[str], length: int) -> list[str]:
    derived, digest = key.derived(purpose), hmac.digest
    return [digest(derived, value.encode(), "sha256").hex()[:length] for value in values]


def new_key_file(path: Path, *, demo: bool = False) -> None:
    """Write a fresh key file, readable by its owner alone; an existing file is never touched.

    Raises
    ------
    UsageError
        The file is there already, or cannot be written.
    """
    key_id, secret = (DEMO_KEY_ID, _DEMO_SECRET) if demo else (secrets.token_hex(4), secrets.token_hex(_SECRET_BYTES))
    content = {"creditaudit_keys": 1, "keys": [{"key_id": key_id, "state": "active", "secret": secret}]}
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(
            "the key file was not written",
            why=error.strerror or "the file system refused",
            next_step="name a file that does not exist yet, in a folder that you may write",
            where=Where(str(path)),
        ) from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def load_keys(variable: str | None, book: Path) -> Keyring:
    """Read the key file named by the environment variable ``CREDITAUDIT_KEY_FILE``.

    Parameters
    ----------
    variable : str or None
        The variable's value.
    book : Path
        The book's directory; the key may not lie in it.

    Raises
    ------
    UsageError
        No variable, no file, wider permissions than 0600, inside the book, or not a key file.
    """
    make = f"run `creditaudit keys new FILE` once, keep FILE outside the book, and set {KEY_VARIABLE}=FILE"
    if not variable:
        raise UsageError("there is no key", why=f"{KEY_VARIABLE} is not set", next_step=make)
    path = Path(variable)
    where = Where(str(path))
    if not path.is_file():
        raise UsageError("the key file cannot be read", why="there is no such file", next_step=make, where=where)
    if path.resolve().is_relative_to(book.resolve()):
        raise UsageError(
            "the key file lies in the book",
            why="who copies the book would have the key",
            next_step=f"move it out of the book and set {KEY_VARIABLE} anew",
            where=where,
        )
    # systemd gives a service its credentials in a folder of its own and lets the service's user in by an ACL, which
    # shows as a right of the group.
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    others = 0o037 if given and path.resolve().parent == Path(given).resolve() else 0o077
    if stat.S_IMODE(path.stat().st_mode) & others:
        raise UsageError(
            "the key file can be read by others",
            why=f"its permissions are {stat.S_IMODE(path.stat().st_mode):04o}",
            next_step=f"chmod 600 {path}",
            where=where,
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        keys = tuple(Key(str(k["key_id"]), str(k["state"]), bytes.fromhex(k["secret"])) for k in content["keys"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            "the key file cannot be read",
            why=f"it is not a key file of this program ({type(error).__name__})",
            next_step=make,
            where=where,
        ) from error
    if why := _contradiction(keys):
        raise UsageError("the key file cannot be used", why=why, next_step=make, where=where)
    if sum(k.state == "active" for k in keys) != 1 or any(len(k.secret) < _SECRET_BYTES for k in keys):
        raise UsageError(
            "the key file cannot be used",
            why="it needs exactly one active key, and secrets of 32 bytes",
            next_step=make,
            where=where,
        )
    return Keyring(keys)


def _contradiction(keys: tuple[Key, ...]) -> str | None:
    """Say what would leave open which key made a token; None: nothing. A secret is never repeated."""
    for place, key in enumerate(keys, start=1):
        if key.state not in STATES:
            return f"the state of key {place} is none of {', '.join(STATES)}"
        if not key.key_id.strip():
            return f"key {place} has no key_id"
        if any(other.key_id == key.key_id for other in keys[: place - 1]):
            return f"key {place} has the key_id of an earlier one"
        if any(other.secret == key.secret for other in keys[: place - 1]):
            return f"key {place} has the secret of an earlier one"
    return None
