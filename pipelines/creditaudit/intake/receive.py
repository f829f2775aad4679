"""Delivered files to typed rows and quarantine, one file at a time (SPEC 3.1, 3.2, 3.4)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.errors import CreditAuditError, InternalError, StorageError, UnjudgedFileError, Where, place_of
from creditaudit.feeds import FEEDS
from creditaudit.intake.ahead import worked_ahead
from creditaudit.intake.block_typing import BlockTyper
from creditaudit.intake.control import Control, read_control
from creditaudit.intake.csv_source import CsvSource
from creditaudit.intake.decode import BLOCK_BYTES, NotThisEncodingError, opened
from creditaudit.intake.landing import ReportFile
from creditaudit.intake.parquet_source import ParquetSource
from creditaudit.intake.parts import QUARANTINE_PART
from creditaudit.intake.readmission import ReadmissionSource, ReadmittedFile
from creditaudit.intake.report_xml import ReportSource
from creditaudit.intake.sink import PartWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.intake.blocks import RowBlock, Source
    from creditaudit.intake.decode import Delivery
    from creditaudit.intake.landing import DeliveredFile
    from creditaudit.runlog import Watch

MAX_QUARANTINE_SHARE = 0.20

# Files with fewer rows are never refused for the share of their rows quarantined (SPEC 3.4).
SMALL_FILE_ROWS = 50

PARQUET = "parquet"


@dataclass(frozen=True)
class FileReport:
    """What became of one delivered file.

    Parameters
    ----------
    file : DeliveredFile
        The file.
    sha256 : str or None
        Of the bytes delivered; None: the file was never opened (a link or special file).
    encoding : str or None
        ``utf-8``, ``gb18030``, ``parquet``; None: refused before one was found.
    control : Control
        What its sender says; the defaults where its ``.ctl`` could not be read.
    delivered, typed, quarantined : int or None
        Data rows; ``delivered = typed + quarantined``. None: the file is refused.
    refused : str or None
        Why the file as a whole is refused (tier 1), no raw values; None: it is not.
    unknown_columns : tuple of str
        Columns that the feed does not have, in the file's order.
    remarks : tuple of str
        What a credit report says of itself, for the page.
    stand_ins : int
        Accounts of a credit report that had no mark.
    typed_part : Path or None
        Parquet with ``spec.schema``: the rows that passed splitter and cells, in row order. None: there are none.
    quarantine_part : Path or None
        Parquet with ``QUARANTINE_PART``: the others, and rows that lost a cell, in row order. None: there are none.
    stamp : tuple or None
        Size and time of change when the file was opened; None: it was not.
    """

    file: DeliveredFile
    sha256: str | None = None
    encoding: str | None = None
    control: Control = field(default_factory=Control)
    delivered: int | None = None
    typed: int | None = None
    quarantined: int | None = None
    refused: str | None = None
    unknown_columns: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    stand_ins: int = 0
    typed_part: Path | None = None
    quarantine_part: Path | None = None
    stamp: tuple[int, int] | None = None


def receive(
    files: Sequence[DeliveredFile],
    *,
    night: date,
    scratch: Path,
    workers: int,
    max_quarantine_share: float = MAX_QUARANTINE_SHARE,
    watch: Watch | None = None,
) -> list[FileReport]:
    """Read delivered files.

    Parameters
    ----------
    files : sequence of DeliveredFile
        As :func:`creditaudit.intake.landing.find_files` gives them.
    night : date
        The night that reads them.
    scratch : Path
        Existing folder (owner only) for the parts; their names are made from the place in ``files``.
    workers : int
        Files read at a time. The result does not depend on it.
    max_quarantine_share : float
        More of a file's rows quarantined refuse the file.
    watch : Watch or None
        Is told how many bytes lie there, and of each file when it is read.

    Returns
    -------
    list of FileReport
        In the order of ``files``.

    Raises
    ------
    StorageError
        A part could not be written, or a delivered file not be read.
    """
    count = max(1, workers)
    with (
        ThreadPoolExecutor(count, thread_name_prefix="type") as typers,
        ThreadPoolExecutor(count, thread_name_prefix="intake") as pool,
    ):
        sizes = [_size(file) for file in files]
        if watch is not None:
            watch.expect(sum(sizes))

        def read(place: int) -> FileReport:
            report = read_file(
                files[place],
                night=night,
                scratch=scratch,
                part=f"{place:06d}-{files[place].feed}",
                max_quarantine_share=max_quarantine_share,
                typers=typers if count > 1 else None,
            )
            if watch is not None:
                watch.advance(sizes[place])
            return report

        # The largest first: one that is begun last is waited for alone.
        order = sorted(range(len(files)), key=lambda place: (-sizes[place], place))
        futures = {place: pool.submit(read, place) for place in order}
        try:
            return [futures[place].result() for place in range(len(files))]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _size(file: DeliveredFile) -> int:
    try:
        return file.path.lstat().st_size
    except OSError:
        return 0  # whoever reads it says what is wrong


def read_file(
    file: DeliveredFile,
    *,
    night: date,
    scratch: Path,
    part: str,
    max_quarantine_share: float = MAX_QUARANTINE_SHARE,
    block_bytes: int = BLOCK_BYTES,
    typers: ThreadPoolExecutor | None = None,
) -> FileReport:
    """Read one delivered file: hash, decode, split, type, and write its rows.

    Parameters
    ----------
    file : DeliveredFile
        The file.
    night : date
        The night that reads it.
    scratch : Path
        Existing folder for the two parts.
    part : str
        Beginning of their names.
    max_quarantine_share : float
        More of the file's rows quarantined refuse it, from ``SMALL_FILE_ROWS`` rows on.
    block_bytes : int
        Bytes read at a time. The result does not depend on it.
    typers : ThreadPoolExecutor or None
        Splits and types blocks while the next ones are read; None: one after the other. The result does not depend
        on it.

    Returns
    -------
    FileReport

    Raises
    ------
    StorageError
        A part could not be written, or the file not be read.
    """
    try:
        return _Reading(file, night, scratch, part, block_bytes, typers=typers).run(max_quarantine_share)
    except CreditAuditError:
        raise
    except OSError as error:
        raise StorageError(
            "a delivered file could not be read",
            why=error.strerror or type(error).__name__,
            next_step="check the landing folder's file system, then run the night again",
            where=Where(f"{file.feed}/{file.name}"),
        ) from None
    except (pa.ArrowException, ValueError, ArithmeticError, LookupError, TypeError) as error:
        # Such an error is a mistake of ours, and its text may quote the row: only its kind may leave this room.
        raise InternalError(
            "a delivered file could not be typed",
            why=f"{type(error).__name__} at {place_of(error)}",
            next_step="report this with the program's version; the file was not read",
            where=Where(f"{file.feed}/{file.name}"),
        ) from None


class _Reading:
    """The reading of one file."""

    def __init__(
        self,
        file: DeliveredFile,
        night: date,
        scratch: Path,
        part: str,
        block_bytes: int,
        *,
        typers: ThreadPoolExecutor | None,
    ) -> None:
        self._file = file
        self._spec = FEEDS[file.feed]
        self._typed_path = scratch / f"{part}.typed.parquet"
        self._quarantine_path = scratch / f"{part}.quarantine.parquet"
        self._block_bytes = block_bytes
        self._report = FileReport(file)
        self._typed = BlockTyper(file, night)
        self._typers = typers
        self._seen: tuple[int, bytes] = 0, b""  # what a reading in another encoding saw of the file

    def run(self, max_quarantine_share: float) -> FileReport:
        try:
            with opened(self._file.path) as delivery:
                self._report = replace(self._report, stamp=delivery.stamp())
                try:
                    # A report speaks for one person and for no provider: nothing beside it can prove an absence.
                    control = Control() if isinstance(self._file, ReportFile) else read_control(self._file.path)
                    self._report = replace(self._report, control=control)
                except UnjudgedFileError as error:
                    return replace(self._report, sha256=delivery.sha256(), refused=error.reason)
            return self._read(max_quarantine_share)
        except UnjudgedFileError as error:  # it cannot be opened; or not again: it changed hands in between
            return replace(self._report, refused=error.reason)

    def _read(self, max_quarantine_share: float) -> FileReport:
        """Read the file from its beginning, in one encoding after the other."""
        profile = self._file.profile
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="encode") as encoder:
            only = self._only_source()
            if only is not None:
                # A person corrected readmitted rows one by one: no share of them speaks against the others.
                share = 1.0 if isinstance(only, ReadmissionSource) else max_quarantine_share
                return self._attempt(only, encoder, share)
            failed: list[str] = []
            for encoding in profile.encodings:
                source = CsvSource(self._spec, encoding, self._block_bytes, profile)
                try:
                    return self._attempt(source, encoder, max_quarantine_share)
                except NotThisEncodingError as error:
                    failed.append(f"{encoding.upper()} (byte {error.offset})")
        said = f"neither {' nor '.join(failed)}" if len(failed) > 1 else f"not {failed[0]}"
        return replace(self._report, refused=said)

    def _only_source(self) -> Source | None:
        """Return the one way to read the file; None where encodings are to be tried."""
        if isinstance(self._file, ReadmittedFile):
            return ReadmissionSource(self._spec, self._file.taken)
        if isinstance(self._file, ReportFile):
            return ReportSource(self._spec)
        is_parquet = self._file.name.endswith(f".{PARQUET}")
        return ParquetSource(self._spec, self._file.profile) if is_parquet else None

    def _attempt(self, source: Source, encoder: ThreadPoolExecutor, max_quarantine_share: float) -> FileReport:
        """Read the file in one way."""
        typed = PartWriter(self._typed_path, self._spec.schema, encoder)
        quarantine = PartWriter(self._quarantine_path, QUARANTINE_PART, encoder)
        done = False
        try:
            with opened(self._file.path) as delivery:
                delivery.compare(self._seen)
                report = self._copy(source, delivery, typed, quarantine, max_quarantine_share)
            done = report.refused is None
            return report
        finally:
            if not done:
                typed.discard()
                quarantine.discard()

    def _copy(
        self,
        source: Source,
        delivery: Delivery,
        typed: PartWriter,
        quarantine: PartWriter,
        max_quarantine_share: float,
    ) -> FileReport:
        delivered = quarantined = 0
        path = self._file.path
        given: Iterator[RowBlock | Callable[[], RowBlock]] = (
            source.unsplit(delivery, path) if isinstance(source, CsvSource) else source.blocks(delivery, path)
        )
        blocks = worked_ahead(self._typed, given, self._typers)
        try:
            with closing(blocks):
                for rows, lost, table, listed in blocks:
                    delivered += rows
                    quarantined += lost
                    typed.write(table)
                    quarantine.write(listed)
        except NotThisEncodingError:
            self._seen = delivery.seen()
            if source.encoding == self._file.profile.encodings[-1]:  # nobody will read on
                self._report = replace(self._report, sha256=delivery.sha256())
            raise
        except UnjudgedFileError as error:
            return replace(self._report, sha256=delivery.sha256(), refused=error.reason)
        report = replace(self._report, sha256=delivery.sha256(), encoding=source.encoding)
        if delivery.is_other:
            return replace(report, refused="the file changed while it was read")
        counted = source.counted if isinstance(source, CsvSource | ParquetSource) else delivered
        if delivered != typed.rows + quarantined or counted not in {None, delivered}:
            raise InternalError(
                "rows of a delivered file were lost or made up",
                why=f"{counted} counted, {delivered} split, {typed.rows} typed, {quarantined} quarantined",
                next_step="report this with the program's version; nothing was sealed",
                where=Where(f"{self._file.feed}/{self._file.name}"),
            )
        refused = _disagrees(report, delivered) or _too_many(quarantined, delivered, max_quarantine_share)
        if refused is not None:
            return replace(report, refused=refused)
        return replace(
            report,
            delivered=delivered,
            typed=typed.rows,
            quarantined=quarantined,
            unknown_columns=source.unknown_columns,
            remarks=source.remarks if isinstance(source, ReportSource) else (),
            stand_ins=source.stand_ins if isinstance(source, ReportSource) else 0,
            typed_part=typed.close(),
            quarantine_part=quarantine.close(),
        )


def _disagrees(report: FileReport, delivered: int) -> str | None:
    said = report.control
    if said.sha256 not in {None, report.sha256}:
        return "its .ctl states another sha256"
    if said.rows not in {None, delivered}:
        return f"its .ctl states {said.rows} rows, the file has {delivered}"
    return None


def _too_many(quarantined: int, delivered: int, share: float) -> str | None:
    # By its decimal digits: 0.07 as a binary fraction lies a little off, and a file can lie just between.
    if delivered < SMALL_FILE_ROWS or Fraction(quarantined, delivered) <= Fraction(str(share)):
        return None
    return f"{quarantined} of {delivered} rows quarantined, more than the share of {share}"
