"""The key file and what is derived from it: tokens and seals (SPEC 8.2, 9, 10.4).

The file lies outside the book. It is JSON: ``{"creditaudit_keys": 1, "keys": [{"key_id", "state", "secret"}]}``;
``state`` is ``active`` (exactly one), ``superseded`` (old tokens still resolve), ``retired`` (they do not) or
``destroyed``; ``secret`` is 32 bytes in hex. Each purpose has a key of its own, derived by HMAC, so that one kind of
token says nothing of another. A destroyed key has ``seal`` in place of ``secret``: the derived key of seals alone,
from which no token can be made. ``algorithm`` is the hash of all that is made with a key: ``sha256`` where it is
missing, or ``sm3`` (GB/T 32905).
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
from typing import TYPE_CHECKING, Literal

from creditaudit.errors import UsageError, Where
from creditaudit.masking import numbers_hidden

if TYPE_CHECKING:
    from collections.abc import Iterable

Purpose = Literal["person", "case", "row", "seal", "file", "score", "sample"]

KEY_VARIABLE = "CREDITAUDIT_KEY_FILE"
DEMO_KEY_ID = "DEMO"
# Public on purpose: anybody can undo tokens made with it.
_DEMO_SECRET = hashlib.sha256(b"creditaudit demonstration key: protects nothing").digest()
_SECRET_BYTES = 32
ACTIVE, SUPERSEDED, RETIRED, DESTROYED = "active", "superseded", "retired", "destroyed"
STATES = (ACTIVE, SUPERSEDED, RETIRED, DESTROYED)
SHA256 = "sha256"
ALGORITHMS = (SHA256, "sm3")
_TOKEN_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file.

    Parameters
    ----------
    key_id, state : str
    secret : bytes
        32 bytes; of a destroyed key the derived key of seals, which is all that is left of it.
    algorithm : str
        Name of the hash, as ``hashlib`` has it.
    """

    key_id: str
    state: str
    secret: bytes
    algorithm: str = SHA256

    def derived(self, purpose: Purpose) -> bytes:
        """Return the key of one purpose.

        Raises
        ------
        UsageError
            The key is destroyed, and the purpose is not ``seal``.
        """
        if self.state != DESTROYED:
            return hmac.digest(self.secret, b"creditaudit/1/" + purpose.encode(), self.algorithm)
        if purpose != "seal":
            raise UsageError(
                f"no token can be made with key {self.key_id}",
                why="it is destroyed: it proves its seals and nothing else",
                next_step="use a key that is not destroyed",
            )
        return self.secret

    def token(self, purpose: Purpose, value: str) -> str:
        """Return the token of one value as 64 hex digits."""
        return self.signed(purpose, value.encode())

    def signed(self, purpose: Purpose, content: bytes) -> str:
        """Return the HMAC of some bytes under the key of one purpose, as 64 hex digits."""
        return hmac.digest(self.derived(purpose), content, self.algorithm).hex()


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of a key file; tokens are made with the active one."""

    keys: tuple[Key, ...]

    @property
    def active(self) -> Key:
        """The key that makes tonight's tokens."""
        return next(k for k in self.keys if k.state == ACTIVE)

    @property
    def is_demo(self) -> bool:
        """Whether tokens are made with the public demonstration key."""
        return self.active.key_id == DEMO_KEY_ID

    @property
    def digest(self) -> str:
        """A digest of the key file's content that does not help to guess a secret."""
        # Of the usual algorithm nothing is said: older books have the digest without it.
        named = {k.key_id: "" if k.algorithm == SHA256 else f" {k.algorithm}" for k in self.keys}
        content = "\n".join(f"{k.key_id} {k.state} {k.secret.hex()}{named[k.key_id]}" for k in self.keys)
        return self.active.signed("seal", content.encode())

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
        """The keys whose tokens are still taken and resolved: all that are neither retired nor destroyed."""
        return tuple(k for k in self.keys if k.state in {ACTIVE, SUPERSEDED})

    def named(self, key_id: str) -> Key | None:
        """Return the key of an id, in any state; None: the file does not have it."""
        return next((k for k in self.keys if k.key_id == key_id), None)


def _tokens(key: Key, purpose: Purpose, values: list[str], length: int) -> list[str]:
    derived, digest, algorithm = key.derived(purpose), hmac.digest, key.algorithm
    return [digest(derived, value.encode(), algorithm).hex()[:length] for value in values]


def fresh_key(algorithm: str) -> Key:
    """Return a new active key with a random secret.

    Raises
    ------
    UsageError
        The algorithm is none of ``ALGORITHMS``, or this machine does not have it.
    """
    if why := _unusable(algorithm):
        raise UsageError("no key was made", why=why, next_step=f"use {SHA256}, or an OpenSSL that has the algorithm")
    return Key(secrets.token_hex(4), ACTIVE, secrets.token_bytes(_SECRET_BYTES), algorithm)


def _unusable(algorithm: str) -> str | None:
    """Say why an algorithm cannot be used here; None where it can."""
    if algorithm not in ALGORITHMS:
        return f"the algorithm is none of {', '.join(ALGORITHMS)}"
    try:
        hmac.digest(b"", b"", algorithm)
    except ValueError:
        return f"this Python has no {algorithm}: its OpenSSL was built without it"
    return None


def key_file_bytes(keys: Iterable[Key]) -> bytes:
    """Return the content of a key file."""
    content = {"creditaudit_keys": 1, "keys": [_entry(key) for key in keys]}
    return (json.dumps(content, indent=1) + "\n").encode()


def _entry(key: Key) -> dict[str, str]:
    secret = {"seal" if key.state == DESTROYED else "secret": key.secret.hex()}
    named = {} if key.algorithm == SHA256 else {"algorithm": key.algorithm}
    return {"key_id": key.key_id, "state": key.state, **named, **secret}


def new_key_file(path: Path, *, demo: bool = False, algorithm: str = SHA256) -> None:
    """Write a fresh key file, readable by its owner alone; an existing file is never touched.

    Raises
    ------
    UsageError
        The file is there already, or cannot be written; or the machine does not have the algorithm.
    """
    key = Key(DEMO_KEY_ID, ACTIVE, _DEMO_SECRET) if demo else fresh_key(algorithm)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(
            "the key file was not written",
            why=error.strerror or "the file system refused",
            next_step="name a file that does not exist yet, in a folder that you may write",
            where=Where(str(path)),
        ) from error
    with os.fdopen(handle, "wb") as file:
        file.write(key_file_bytes([key]))


def load_keys(variable: str | None, book: Path | None) -> Keyring:
    """Read the key file named by the environment variable ``CREDITAUDIT_KEY_FILE``.

    Parameters
    ----------
    variable : str or None
        The variable's value.
    book : Path or None
        The book's directory; the key may not lie in it. None: no book is asked of.

    Raises
    ------
    UsageError
        No variable, no file, wider permissions than 0600, inside the book, not a key file, or made for an algorithm
        that this machine does not have.
    """
    make = f"run `creditaudit keys new FILE` once, keep FILE outside the book, and set {KEY_VARIABLE}=FILE"
    if not variable:
        raise UsageError("there is no key", why=f"{KEY_VARIABLE} is not set", next_step=make)
    path = Path(variable)
    where = Where(str(path))
    if not path.is_file():
        raise UsageError("the key file cannot be read", why="there is no such file", next_step=make, where=where)
    if book is not None and path.resolve().is_relative_to(book.resolve()):
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
        keys = tuple(map(_read_key, content["keys"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            "the key file cannot be read",
            why=f"it is not a key file of this program ({type(error).__name__})",
            next_step=make,
            where=where,
        ) from error
    if why := _contradiction(keys):
        raise UsageError("the key file cannot be used", why=why, next_step=make, where=where)
    if sum(k.state == ACTIVE for k in keys) != 1 or any(len(k.secret) < _SECRET_BYTES for k in keys):
        raise UsageError(
            "the key file cannot be used",
            why="it needs exactly one active key, and secrets of 32 bytes",
            next_step=make,
            where=where,
        )
    return Keyring(keys)


def _read_key(entry: dict[str, str]) -> Key:
    state = str(entry["state"])
    secret = bytes.fromhex(entry["seal" if state == DESTROYED else "secret"])
    return Key(str(entry["key_id"]), state, secret, str(entry.get("algorithm", SHA256)))


def _contradiction(keys: tuple[Key, ...]) -> str | None:
    """Say what would leave open which key made a token; None: nothing. A secret is never repeated."""
    for place, key in enumerate(keys, start=1):
        if key.state not in STATES:
            return f"the state of key {place} is none of {', '.join(STATES)}"
        if not key.key_id.strip() or not key.key_id.isprintable() or numbers_hidden(key.key_id) != key.key_id:
            return f"key {place} has no key_id that a manifest could carry"
        if why := _unusable(key.algorithm):
            return f"key {place}: {why}"
        if any(other.key_id == key.key_id for other in keys[: place - 1]):
            return f"key {place} has the key_id of an earlier one"
        if any(other.secret == key.secret for other in keys[: place - 1]):
            return f"key {place} has the secret of an earlier one"
    return None
