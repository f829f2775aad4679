"""Whether this machine, this book and this key can run a night: each thing is tried, none is changed.

What is wrong is said with the next step; what only may go wrong is a warning. Nothing here is part of a night.
"""

from __future__ import annotations

import codecs
import importlib.metadata
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from creditaudit.book.keys import load_keys
from creditaudit.book.layout import Book, open_book
from creditaudit.book.reference import read
from creditaudit.book.rights import wider
from creditaudit.engines import bytes_of
from creditaudit.errors import CreditAuditError
from creditaudit.feeds import FEEDS
from creditaudit.mounts import Mount, mount_of
from creditaudit.reports.masks import guesses
from creditaudit.reports.recipients import read_recipients
from creditaudit.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

Verdict = Literal["ok", "warning", "wrong"]

_LIBRARIES = ("duckdb", "pyarrow", "numpy", "pydantic", "typer", "jinja2", "sqlglot", "scikit-learn")
# A night needs about as much again as the engine's limit: arrow's buffers, and the readers' own.
_BESIDE_THE_ENGINE = 2
_LITTLE_DISK = 2 * 2**30
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried.

    Parameters
    ----------
    name : str
        What.
    verdict : str
        ``ok``, ``warning`` (a night may run, and somebody should look) or ``wrong`` (none will).
    found : str
        What was found, in words; no personal data, no secret.
    next_step : str
        What to do; empty where it is ``ok``.
    """

    name: str
    verdict: Verdict
    found: str
    next_step: str = ""


def examine(book: Path | None, landing: Path | None, config: Path | None, key_file: str | None) -> list[Check]:
    """Try what a night needs.

    Parameters
    ----------
    book : Path or None
        The book; None: the machine and the key alone.
    landing : Path or None
        The landing; None: not looked at.
    config : Path or None
        As for a night.
    key_file : str or None
        Value of ``CREDITAUDIT_KEY_FILE``.

    Returns
    -------
    list of Check
        In a fixed order: machine, configuration, key, book, landing.
    """
    return [
        _python(),
        _libraries(),
        *_encodings(),
        *_configuration(book, config),
        _key(key_file, book),
        *(_book(book, group_reads_reports=_for_a_group(book, config)) if book is not None else ()),
        *(_landing(landing) if landing is not None else ()),
    ]


def _python() -> Check:
    said = f"Python {platform.python_version()}, {'64' if sys.maxsize > 2**32 else '32'} bit, {platform.system()}"
    if sys.maxsize <= 2**32:
        return Check("python", "wrong", said, "install a 64-bit Python 3.11 or newer")
    return Check("python", "ok", said)  # an older one does not come as far as here


def _libraries() -> Check:
    found, missing = [], []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("libraries", "wrong", f"not installed: {', '.join(missing)}", "install from requirements.lock")
    return Check("libraries", "ok", ", ".join(found))


def _encodings() -> Iterator[Check]:
    name = sys.getfilesystemencoding()
    if codecs.lookup(name).name != "utf-8":
        yield Check("encodings", "warning", f"file names are {name}", "set LANG to a UTF-8 locale, such as C.UTF-8")
    else:
        said = "丢失".encode("gb18030").decode("gb18030")
        yield Check("encodings", "ok", f"file names are UTF-8; GB18030 reads and writes ({said})")


def _configuration(book: Path | None, config: Path | None) -> Iterator[Check]:
    try:
        settings = load_settings(book if book is not None else Path("book"), config, FEEDS)
    except CreditAuditError as error:
        yield _wrong("configuration", error)
        return
    if settings.mandate.text.strip():
        yield Check("configuration", "ok", "read; it has a mandate")
    else:
        yield Check(
            "configuration",
            "wrong",
            "there is no [mandate] text: every night is refused",
            "write who asked for this audit, and on what basis, into creditaudit.toml",
        )
    yield _memory(settings)


def _memory(settings: Settings) -> Check:
    limit = bytes_of(settings.engine.memory_limit)
    available = _available_memory()
    if available is None:
        return Check("memory", "warning", "free memory cannot be read here", "see that the engine's limit fits twice")
    said = f"{available / _GIB:.1f} GiB free, limit of the engine {settings.engine.memory_limit}"
    if available < limit * _BESIDE_THE_ENGINE:
        return Check("memory", "warning", said, "set [engine] memory_limit to half of what is free, or free some")
    return Check("memory", "ok", said)


def _available_memory() -> int | None:
    """Return the memory that a new process can have without swapping, in bytes; a container's limit counts."""
    free = _number_in(Path("/proc/meminfo"), r"MemAvailable:\s+([0-9]+) kB")
    if free is None:
        return None
    rooms = [free * 1024]
    for group in _groups():
        limit = _number_in(group / "memory.max", r"^([0-9]+)")
        used = _number_in(group / "memory.current", r"^([0-9]+)")
        cached = _number_in(group / "memory.stat", r"(?m)^inactive_file ([0-9]+)")  # given up when it is needed
        if limit is not None and used is not None:
            rooms.append(limit - used + (cached or 0))
    return max(0, min(rooms))


def _groups() -> list[Path]:
    """Return the control groups (version 2) that this process lies in, from its own to the outermost."""
    root = Path("/sys/fs/cgroup")
    try:
        own = re.search(r"(?m)^0::(/.*)$", Path("/proc/self/cgroup").read_text(encoding="utf-8"))
    except OSError:
        own = None
    innermost = root / own.group(1).lstrip("/") if own else root
    return [group for group in (innermost, *innermost.parents) if group.is_relative_to(root)]


def _number_in(path: Path, pattern: str) -> int | None:
    try:
        found = re.search(pattern, path.read_text(encoding="ascii"))
    except OSError:
        return None  # not this kind of system: the caller says so
    return int(found.group(1)) if found else None


def _key(key_file: str | None, book: Path | None) -> Check:
    try:
        keys = load_keys(key_file, book if book is not None else Path("book"))
    except CreditAuditError as error:
        return _wrong("key", error)
    if keys.is_demo:
        return Check(
            "key",
            "warning",
            "the public demonstration key: it protects nothing",
            "make one with `creditaudit keys new`",
        )
    return Check(
        "key", "ok", f"key {keys.active.key_id} is active; {len(keys.accepted)} in use; only its owner reads it"
    )


def _book(path: Path, *, group_reads_reports: bool) -> Iterator[Check]:
    try:
        book = open_book(path)
        manifests = book.manifests
    except CreditAuditError as error:
        yield _wrong("book", error)
        return
    last = f"{len(manifests)} sealed nights, the last {book.last}" if manifests else "no sealed night yet"
    yield Check("book", "ok", last)
    if not os.access(path, os.W_OK | os.X_OK):
        yield Check("rights", "wrong", "this user may not write the book", "run as the user that owns it")
    else:
        yield _rights(path, group_reads_reports=group_reads_reports)
    yield _masks(book)
    yield _disk(path, [sum(f["bytes"] for f in m["files"] if "bytes" in f) for m in manifests.values()])
    yield _file_system(path)
    yield _clock(book.last)


def _rights(path: Path, *, group_reads_reports: bool) -> Check:
    """Look for what others may read; links are not followed, and the first is named."""
    wide = wider(path, group_reads_reports=group_reads_reports)
    if not wide:
        return Check("rights", "ok", "nothing in the book can be read by others than the house lets")
    return Check(
        "rights",
        "warning",
        f"{len(wide)} files or folders can be read by others, the first is {wide[0]}",
        f"chmod -R go-rwx {path}; to let a group read reports, set [reports] readable_by",
    )


def _for_a_group(book: Path, config: Path | None) -> bool:
    try:
        return load_settings(book, config, FEEDS).reports.are_for_a_group
    except CreditAuditError:  # said by another check
        return False


def _masks(book: Book) -> Check:
    """Say what each recipient's mask leaves to guess of a number; the tables are those that the next night copies."""
    try:
        recipients = read_recipients(read(book.reference, "recipients"))
    except CreditAuditError as error:
        return _wrong("masks", error)
    said = [f"{r.name} {r.mask.first}+{r.mask.last}: {guesses(r.mask)}" for r in recipients]
    return Check("masks", "ok", "; ".join(said) or "no recipient")


def _disk(path: Path, nights: list[int]) -> Check:
    free = shutil.disk_usage(path).free
    needed = max([_LITTLE_DISK, *(2 * size for size in nights)])  # a night is written beside the last one
    said = f"{free / _GIB:.1f} GiB free"
    if free < needed:
        return Check("disk", "warning", said, f"a night may need {needed / _GIB:.1f} GiB: make room, or `prune`")
    return Check("disk", "ok", said)


def _file_system(path: Path) -> Check:
    mount = mount_of(path)
    if mount is None:
        return Check(
            "file system", "warning", "what lies below cannot be read here", "see that it is local, and encrypted"
        )
    return _judge(mount)


def _judge(mount: Mount) -> Check:
    if mount.is_network:
        return Check(
            "file system",
            "wrong",
            f"{mount.kind} is a network file system",
            "keep the book on a local disk; publish copies of it elsewhere",
        )
    if not mount.is_encrypted:
        return Check(
            "file system",
            "warning",
            f"{mount.kind}; no encryption is seen below it (a hypervisor's own is not visible from here)",
            "put the book on an encrypted volume: docs/operate.md says how",
        )
    return Check("file system", "ok", f"{mount.kind}, encrypted below")


def _clock(last: date | None) -> Check:
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    if last is not None and today < last - timedelta(days=1):
        return Check(
            "clock",
            "warning",
            f"it is {today} here, and night {last} is sealed",
            "set the clock; a night does not ask it, schedulers do",
        )
    return Check("clock", "ok", f"it is {today} in Asia/Shanghai")


def _landing(path: Path) -> Iterator[Check]:
    if not path.is_dir():
        yield Check(
            "landing", "wrong", "there is no such directory", "name the directory that holds a folder per night"
        )
    elif not os.access(path, os.R_OK | os.X_OK):
        yield Check("landing", "wrong", "this user may not read it", "give it the right to read")
    elif os.access(path, os.W_OK):
        found = "this user may write it, and needs only to read"
        yield Check("landing", "warning", found, "take the right to write away: what is delivered stays as it came")
    else:
        yield Check("landing", "ok", "can be read, and not written")


def _wrong(name: str, error: CreditAuditError) -> Check:
    place = f" [{error.where}]" if error.where else ""
    return Check(name, "wrong", f"{error.what}{place}: {error.why}", error.next_step)
