"""Changing a key file: rotate, retire, destroy (SPEC 8.2, 9, 10.4).

The file is replaced by a rename, so a killed run leaves the old one or the new one; whoever else changes it waits for
nothing and is refused.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from creditaudit.book.keys import (
    ACTIVE,
    DESTROYED,
    KEY_VARIABLE,
    RETIRED,
    SUPERSEDED,
    Key,
    Keyring,
    fresh_key,
    key_file_bytes,
    load_keys,
)
from creditaudit.errors import UsageError, Where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def rotate(file: Path, algorithm: str | None = None) -> Key:
    """Make a new active key; the one that was active is superseded, and its tokens still resolve.

    Parameters
    ----------
    file : Path
        The key file.
    algorithm : str, optional
        Of the new key; None: that of the key that was active.

    Returns
    -------
    Key
        The new one.

    Raises
    ------
    UsageError
        The file cannot be used or written, or the machine does not have the algorithm.
    """
    with _changing(file) as keys:
        fresh = fresh_key(algorithm or keys.active.algorithm)
        _write(file, [*(replace(k, state=SUPERSEDED) if k.state == ACTIVE else k for k in keys.keys), fresh])
    return fresh


def retire(file: Path, key_id: str) -> Key:
    """Let the tokens of a superseded key be taken and resolved no more; its seals are still checked.

    Raises
    ------
    UsageError
        The file cannot be used or written, or the key is not superseded.
    """
    return _turned(file, key_id, SUPERSEDED, lambda key: replace(key, state=RETIRED))


def destroy(file: Path, key_id: str) -> Key:
    """Forget the secret of a retired key: nobody who has this file can make its tokens again.

    The derived key of seals stays, so that ``verify`` still proves the nights that it sealed; no other key can be had
    from it.

    Raises
    ------
    UsageError
        The file cannot be used or written, or the key is not retired.
    """
    return _turned(file, key_id, RETIRED, lambda key: replace(key, state=DESTROYED, secret=key.derived("seal")))


def _turned(file: Path, key_id: str, state: str, turn: Callable[[Key], Key]) -> Key:
    """Put another key in the place of one that is in the state it must be in; returns the other one."""
    with _changing(file) as keys:
        key = _chosen(keys, key_id, state, file)
        turned = turn(key)
        _write(file, [turned if k is key else k for k in keys.keys])
    return turned


_BEFORE = {SUPERSEDED: "`creditaudit keys rotate`", RETIRED: "`creditaudit keys retire`"}


def _chosen(keys: Keyring, key_id: str, state: str, file: Path) -> Key:
    key = keys.named(key_id)
    if key is None:
        known = ", ".join(f"{k.key_id} ({k.state})" for k in keys.keys)
        raise _refused(file, f"the file has no key {key_id}; it has {known}", "name one of them")
    if key.state != state:
        raise _refused(file, f"key {key_id} is {key.state}, not {state}", f"run {_BEFORE[state]} first")
    return key


@contextmanager
def _changing(file: Path) -> Iterator[Keyring]:
    """Read a key file for changing it, with nobody else who does."""
    load_keys(str(file), None)  # says what is wrong with it
    try:
        handle = os.open(file, os.O_RDONLY)
    except OSError as error:
        raise _refused(file, error.strerror or type(error).__name__, "run as the user that owns it") from error
    try:
        if not _is_ours(handle, file):
            raise _refused(file, "another run is changing it", "run the same command again when it has ended")
        yield load_keys(str(file), None)
    finally:
        os.close(handle)


def _is_ours(handle: int, file: Path) -> bool:
    """Lock a key file, and see that it was not replaced between opening and locking it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(handle).st_ino == file.stat().st_ino


def _write(file: Path, keys: Iterable[Key]) -> None:
    """Put the new content in the file's place, whole or not at all, for its owner alone."""
    target = file.resolve()  # of a link the file is replaced, not the link
    fresh = target.with_name(f".{target.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(key_file_bytes(keys))
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _refused(
            file,
            error.strerror or type(error).__name__,
            "change it where it is kept, in a folder that you may write; a copy given to a service cannot be changed",
        ) from error


def _refused(file: Path, why: str, next_step: str) -> UsageError:
    return UsageError("the key file was not changed", why=why, next_step=next_step, where=Where(str(file)))


def key_file_of(file: Path | None, variable: str | None) -> Path:
    """Return the key file that a command means: the one that is named, else that of ``CREDITAUDIT_KEY_FILE``.

    Raises
    ------
    UsageError
        There is neither.
    """
    if file is None and not variable:
        raise UsageError(
            "there is no key", why=f"{KEY_VARIABLE} is not set", next_step="set it, or name the file with --file"
        )
    return file if file is not None else Path(str(variable))
