"""What lies in a night's landing folder: data files per feed, and everything else named (SPEC 3.1)."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from creditaudit.errors import StorageError, UnjudgedFileError, Where
from creditaudit.feeds import FEEDS
from creditaudit.intake.labels import Labels
from creditaudit.intake.profile import DEFAULT_PROFILE, Profile, profile_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DATA_SUFFIXES = (".csv", ".csv.gz", ".parquet")
CONTROL_SUFFIX = ".ctl"
PLAIN = Labels()


@dataclass(frozen=True)
class DeliveredFile:
    """One data file of one feed.

    Parameters
    ----------
    feed : str
        Feed name, the folder the file lies in.
    name : str
        Label in every table: the file's name in its feed folder, masked where it may name a person.
    path : Path
        Where its bytes are.
    profile : Profile
        How it is read.
    """

    feed: str
    name: str
    path: Path
    profile: Profile = field(default=DEFAULT_PROFILE, kw_only=True)


REPORTS, REPORT_SUFFIX = "reports", ".xml"

# What the label of corrected rows begins with: they come from the book's inbox.
INBOX = "inbox"

# The feeds that a personal credit report has rows of.
REPORT_FEEDS = ("accounts", "fraud_alerts")


@dataclass(frozen=True)
class ReportFile(DeliveredFile):
    """One person's credit report, as a delivered file of one of its feeds; its label begins with ``reports/``."""


@dataclass(frozen=True)
class Survey:
    """All that was found in a landing folder.

    Parameters
    ----------
    files : tuple of DeliveredFile
        By feed order, then by name in code-point order.
    warnings : tuple of str
        What lies there and is not read, one sentence each, in the same order.
    """

    files: tuple[DeliveredFile, ...]
    warnings: tuple[str, ...]


def find_files(folder: Path) -> list[DeliveredFile]:
    """Return the data files of one night's landing folder.

    Parameters
    ----------
    folder : Path
        ``LANDING/<night>``; a folder that is not there holds no files.

    Returns
    -------
    list of DeliveredFile
        By feed order, then by name in code-point order. A symbolic link or special file with a data file's
        name is among them: :func:`creditaudit.intake.receive.read_file` refuses it with the reason.

    See Also
    --------
    survey : the same, with what is not read.
    """
    return list(survey(folder).files)


def survey(folder: Path, labels: Labels = PLAIN, profiles: tuple[Profile, ...] = ()) -> Survey:
    """Return the data files of one night's landing folder, and a warning for everything else but hidden files.

    Parameters
    ----------
    folder : Path
        ``LANDING/<night>``.
    labels : Labels
        What the files are called from here on.
    profiles : tuple of Profile
        Configured source profiles: a file whose name one of them matches is a data file, whatever its name ends in.

    Returns
    -------
    Survey

    Raises
    ------
    UsageError
        Two profiles match one file.
    StorageError
        A folder cannot be listed.
    """
    files: list[DeliveredFile] = []
    entries = {entry.name: entry for entry in _listed(folder)}
    known = FEEDS.keys() | {REPORTS}
    warnings = [f"{labels.of(name)} is no feed and is not read" for name in entries if name not in known]
    for feed in (name for name in FEEDS if name in entries):
        if not entries[feed].is_dir(follow_symlinks=False):
            warnings.append(f"{feed} is not a folder and is not read")
            continue
        listed = _listed(folder / feed)
        names = {inner.name for inner in listed}
        for inner in listed:
            profile = profile_for(profiles, feed, inner.name)
            warning = _warning(inner, names, is_expected=profile is not None)
            if warning is not None:
                warnings.append(f"{feed}/{labels.of(inner.name)} {warning}")
            elif not inner.name.endswith(CONTROL_SUFFIX):
                path = folder / feed / inner.name
                files.append(DeliveredFile(feed, labels.of(inner.name), path, profile=profile or DEFAULT_PROFILE))
    if REPORTS in entries and not entries[REPORTS].is_dir(follow_symlinks=False):
        warnings.append(f"{REPORTS} is not a folder and is not read")
    elif REPORTS in entries:
        for inner in _listed(folder / REPORTS):
            if inner.is_dir(follow_symlinks=False) or not inner.name.endswith(REPORT_SUFFIX):
                warnings.append(f"{REPORTS}/{labels.of(inner.name)} is no {REPORT_SUFFIX} file and is not read")
                continue
            label = f"{REPORTS}/{labels.of(inner.name)}"
            files += [ReportFile(feed, label, folder / REPORTS / inner.name) for feed in REPORT_FEEDS]
    return Survey(tuple(in_order(files)), tuple(warnings))


def in_order(files: Sequence[DeliveredFile]) -> list[DeliveredFile]:
    """Return files in the order in which a night reads them: by feed, then by name."""
    position = {feed: place for place, feed in enumerate(FEEDS)}
    return sorted(files, key=lambda f: (position[f.feed], f.name))


def labels_ever(file: DeliveredFile, labels: Labels) -> frozenset[str]:
    """Return the labels that a file has had under any key of the key file."""
    within = f"{REPORTS}/" if isinstance(file, ReportFile) else ""
    return frozenset(f"{within}{name}" for name in labels.ever(file.path.name))


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder that are not hidden, by name; none where there is no folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(
            "a delivered folder cannot be listed",
            why=error.strerror or type(error).__name__,
            next_step="check that it is a folder that this user may read",
            where=Where(str(folder)),
        ) from error


def _warning(entry: os.DirEntry[str], names: set[str], *, is_expected: bool) -> str | None:
    """Say why an entry of a feed folder is not read; None where it is."""
    if entry.is_dir(follow_symlinks=False):
        return "is a folder and is not read"
    if entry.name.endswith(CONTROL_SUFFIX):
        alone = entry.name.removesuffix(CONTROL_SUFFIX) not in names
        return "belongs to no file that was delivered" if alone else None
    if not is_expected and not entry.name.endswith(DATA_SUFFIXES):
        return f"ends in none of {', '.join(DATA_SUFFIXES)}, no source profile is for it, and it is not read"
    return None


# Errors that lie with what was delivered, and last: no right to read it, no file any more, a link, a device.
_OF_THE_DELIVERY = frozenset({errno.EACCES, errno.EPERM, errno.ENOENT, errno.ELOOP, errno.ENXIO})


def open_regular(path: Path) -> int:
    """Open a regular file for reading; a link, a pipe or a device is refused and never read.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    int
        File descriptor; the caller closes it.

    Raises
    ------
    UnjudgedFileError
        The path is no regular file, or cannot be opened.
    OSError
        The file system failed.
    """
    try:
        # Asked before opening, because opening a device or a pipe can itself have effects; and again after,
        # because the name may have changed hands in between.
        if not stat.S_ISREG(path.lstat().st_mode):
            raise UnjudgedFileError("a symbolic link or special file; only regular files are read")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in _OF_THE_DELIVERY:
            raise  # the machine's fault: what a night says of a delivery may not hang on it
        raise UnjudgedFileError(f"cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnjudgedFileError("a symbolic link or special file; only regular files are read")
    return descriptor
