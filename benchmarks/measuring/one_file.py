"""One accounts file of a wanted size, encoding and quoting, made of the rows that `creditaudit synth` writes.

The rows of one undamaged delivery are put together and repeated until the file has its size: to a reader that goes from
front to back, and to a writer of row groups, repeated rows a million apart are as good as new ones.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from measuring.delivery import Order, made

if TYPE_CHECKING:
    from pathlib import Path

FORMS = ("plain", "quoted")
ENCODINGS = ("utf-8", "gb18030")
DATED = ("report_date", "closed_on", "opened_at", "agreement_at")


@dataclass(frozen=True)
class Wanted:
    """One file to be measured."""

    form: str
    encoding: str

    @property
    def name(self) -> str:
        """What the results call it."""
        return f"{self.form}-{self.encoding}"


def one_file(
    wanted: Wanted, size: int, work: Path, *, accounts: int, seed: int, threads: int, fresh: bool = True
) -> tuple[Path, int]:
    """Write the file, and return it and its rows.

    Parameters
    ----------
    wanted : Wanted
        How cells are quoted and letters encoded.
    size : int
        Bytes that the file has at least; it ends with the repetition of the rows that reaches them.
    work : Path
        Where deliveries are kept, and the file is written to.
    accounts, seed
        Of the delivery whose rows are taken.
    threads : int
        For generating.
    fresh : bool
        Write it even if a file of that name and size is there.
    """
    header, body, rows = _content(wanted, work, accounts, seed, threads)
    times = max(1, -(-(size - len(header)) // len(body)))
    path = work / "one" / f"{wanted.name}.csv"
    path.parent.mkdir(exist_ok=True)
    if not fresh and path.exists() and path.stat().st_size == len(header) + times * len(body):
        return path, rows * times
    with path.open("wb") as out:
        out.write(header)
        for _ in range(times):
            out.write(body)
        out.flush()
        os.fsync(out.fileno())  # its writing back is no part of what is measured next
    return path, rows * times


def delivered_numbers(work: Path, *, accounts: int, seed: int) -> pa.Array:
    """Return the identity numbers of the delivery's accounts, as delivered."""
    return _table(work, accounts, seed, threads=1)["id_number"].combine_chunks()


def _table(work: Path, accounts: int, seed: int, threads: int) -> pa.Table:
    folder = made(Order(accounts, seed), work, threads).night(0) / "accounts"
    tables = [_texts(file) for file in sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")])]
    return pa.concat_tables([one.select(tables[0].column_names) for one in tables])


def _content(wanted: Wanted, work: Path, accounts: int, seed: int, threads: int) -> tuple[bytes, bytes, int]:
    table = _table(work, accounts, seed, threads)
    for name in DATED:
        # One way of writing days, so that the library can read a column of them in one pass.
        dashed = pc.replace_substring_regex(table[name], r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3")
        table = table.set_column(table.column_names.index(name), name, dashed)
    quoting = "all_valid" if wanted.form == "quoted" else "none"
    head, body = (_written(part, quoting, has_header=part.num_rows == 0) for part in (table.slice(0, 0), table))
    return head.encode(wanted.encoding), body.encode(wanted.encoding), table.num_rows


def _texts(file: Path) -> pa.Table:
    names = csv.open_csv(file).schema.names
    options = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    return csv.read_csv(file, convert_options=options)


def _written(table: pa.Table, quoting: str, *, has_header: bool) -> str:
    out = io.BytesIO()
    csv.write_csv(table, out, csv.WriteOptions(include_header=has_header, quoting_style=quoting))
    return out.getvalue().decode()
