"""Where Spark finds the rows in force and keeps its tables: on this machine, or in a folder that its workers share."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

# Letters of a path that Hadoop would read as a pattern.
_PATTERN = str.maketrans({letter: f"\\{letter}" for letter in "*?[]{}\\"})


class SparkFiles(Protocol):
    """Folders of an engine of Spark's, by what Spark calls them."""

    def given(self, file: Path) -> str:
        """Return where the workers read a file of the book."""
        ...

    def new(self, name: str) -> str:
        """Return a folder that nothing has used."""
        ...

    def write(self, folder: str, table: pa.Table) -> None:
        """Write a small table as the one file of a folder."""
        ...

    def rows(self, folder: str) -> int | None:
        """Count the rows of a folder by what its files say of themselves; None: Spark is to count them."""
        ...

    def remove(self, folder: str) -> None:
        """Remove a folder, if it is there."""
        ...


class FilesHere:
    """A folder of this machine that every worker sees under the same path; the book is read where it lies.

    Parameters
    ----------
    folder : Path
        Existing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def given(self, file: Path) -> str:
        """Return the file's own address."""
        return f"file://{file.resolve()}"

    def new(self, name: str) -> str:
        """Return a folder below; it is not made."""
        self._made += 1
        return self.given(self._folder / f"{self._made:05d}-{name}")

    def write(self, folder: str, table: pa.Table) -> None:
        """Write to the folder."""
        path = self._path(folder)
        path.mkdir(parents=True)
        pq.write_table(table, path / "rows.parquet")

    def rows(self, folder: str) -> int | None:
        """Count by the footers."""
        return sum(int(pq.read_metadata(part).num_rows) for part in self._path(folder).glob("*.parquet"))

    def remove(self, folder: str) -> None:
        """Remove it."""
        shutil.rmtree(self._path(folder), ignore_errors=True)

    def _path(self, folder: str) -> Path:
        return self._folder / folder.rpartition("/")[2]


class FilesShared:
    """A folder of any file system that Spark can use (``hdfs:``, ``s3a:``): what Spark is to read is copied there.

    Nothing but this folder is shared: workers need not see the book.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
    folder : str
        Whose content is this engine's alone, as Hadoop spells it.
    aside : Path
        Existing folder of this machine, for what is on its way.
    """

    def __init__(self, session: SparkSession, folder: str, aside: Path) -> None:
        java: Any = session._jvm  # noqa: SLF001 - Spark has no other way to its file systems
        self._at = java.org.apache.hadoop.fs.Path
        settings = session._jsparkSession.sessionState().newHadoopConf()  # noqa: SLF001
        self._system = self._at(folder).getFileSystem(settings)
        self._folder = folder.rstrip("/")
        self._aside = aside
        self._made = 0
        self._copies: dict[Path, str] = {}

    def given(self, file: Path) -> str:
        """Copy the file, once: a file of the book does not change."""
        file = file.resolve()
        if file not in self._copies:
            copy = f"{self.new('given')}/rows.parquet"
            self._put(file, copy)
            self._copies[file] = copy
        return self._copies[file]

    def new(self, name: str) -> str:
        """Return a folder below; it is not made."""
        self._made += 1
        return f"{self._folder}/{self._made:05d}-{name}"

    def write(self, folder: str, table: pa.Table) -> None:
        """Write the file here and copy it."""
        path = self._aside / "rows.parquet"
        pq.write_table(table, path)
        self._put(path, f"{folder}/rows.parquet")
        path.unlink()

    def rows(self, folder: str) -> int | None:
        """Leave it to Spark, which reads the footers there."""
        del folder
        return None

    def remove(self, folder: str) -> None:
        """Remove it."""
        self._system.delete(self._at(folder), True)  # noqa: FBT003 - Java has no names for arguments

    def _put(self, file: Path, to: str) -> None:
        self._system.copyFromLocalFile(False, True, self._at(f"file://{file}"), self._at(to))  # noqa: FBT003


def as_read(address: str) -> str:
    """Return an address as Spark's reader takes it: no letter of it is a pattern."""
    scheme, colon, path = address.partition(":")
    return f"{scheme}{colon}{path.translate(_PATTERN)}"


@contextmanager
def shared_files(session: SparkSession, folder: str, aside: Path) -> Iterator[FilesShared]:
    """Give a folder that workers share: empty, whatever a killed night left in it, and removed in the end.

    Raises
    ------
    StorageError
        Spark does not know such a file system, or may not write there; or rows of persons would stay there.
    """
    with _usable():
        files = FilesShared(session, folder, aside)
        files.remove(folder)
        files.write(files.new("begun"), pa.table({"is_begun": [True]}))
    try:
        yield files
    except BaseException:
        with suppress(Exception):  # why it broke off is what must be heard; the next night removes what stays
            files.remove(folder)
        raise
    with _usable():
        files.remove(folder)


@contextmanager
def _usable() -> Iterator[None]:
    from py4j.protocol import Py4JError  # noqa: PLC0415 - loaded where Spark is asked for

    from creditaudit.engines.spark_session import kind_of  # noqa: PLC0415

    try:
        yield
    except Py4JError as error:
        raise StorageError(
            "the folder that Spark's workers share cannot be used",
            why=kind_of(error),
            next_step="look at [engine] spark_scratch: Spark needs the library of its file system"
            " (spark.jars.packages names one), its address, and the right to write and remove there",
        ) from None
