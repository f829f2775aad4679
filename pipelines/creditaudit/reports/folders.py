"""Files per recipient: new and changed cases, all open ones, what is taken back, and a manifest (SPEC 10.1)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.book.files import sha256_of, write_bytes
from creditaudit.engines import quoted
from creditaudit.reports.case_cells import CaseCells, tokens_of
from creditaudit.reports.sheet_file import SheetFile
from creditaudit.reports.sheets import EXCEPTIONS, LEAD_NOTE, RETRACTIONS, SheetColumn, dressed
from creditaudit.reports.side_sheets import side_sheets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine
    from creditaudit.reports.case_sheets import CaseSheets
    from creditaudit.reports.recipients import Recipient

# Why a case left a recipient's list, for its reader; states of SPEC 8.1 and the words of ``retracted``.
WHY = {
    "withdrawn": ("依据已不成立，线索撤回", "no finding stands any more: the lead is withdrawn"),
    "holder_confirmed": ("已确认属本人业务，案件结束", "confirmed to be the holder's: closed"),
    "correction_verified": ("更正已核实，案件结束", "the correction is verified: closed"),
    "reappeared": ("已更正的记录再次出现，另立新案", "the corrected record came back: a new case follows"),
    "moved": ("已不属于贵方管辖范围", "no longer of your institution or region"),
    "only_replaced_cards": ("仅余R103，不再作为异常报送", "only R103 is left: no exception any more"),
    "data_quality": ("仅余数据质量疑点，转入data_quality.csv", "only doubts on data are left: see data_quality.csv"),
}


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What every recipient's manifest says of the night."""

    night: date
    mandate: str
    previous_seal: str | None
    published: Mapping[str, Path]
    covered: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Parameters
    ----------
    sent, retracted : dict
        Rows of ``exceptions.csv`` and of ``retractions.csv``, by recipient.
    disputed : list of dict
        recipient, file, column, cells, four_byte_cells: what readers of GB18030 disagree on.
    """

    sent: dict[str, int]
    retracted: dict[str, int]
    disputed: list[dict[str, Any]]


def write_reports(
    engine: Engine,
    recipients: tuple[Recipient, ...],
    folder: Path,
    context: ReportContext,
    keys: Keyring,
    *,
    case_sheets: CaseSheets | None = None,
) -> Written:
    """Write the folder of every recipient; with ``case_sheets`` also the sheets of its first cases.

    Reads what :func:`creditaudit.reports.listed.build_listed` and
    :func:`creditaudit.reports.side_sheets.build_side_rows` make, ``documents`` (document_id, zh, en),
    ``institutions`` and, where evidence names an account without its institution, ``standing_accounts``.
    """
    tables = {name: sha256_of(path) for name, path in sorted(context.published.items())}
    cases = CaseCells(engine, keys)
    exceptions = {r.name: _Exceptions(folder / r.name, r) for r in recipients}
    for block in cases.blocks():
        for recipient in recipients:
            exceptions[recipient.name].add(*block.of(recipient))
    written = Written({}, {}, [])
    for recipient in recipients:
        sheets = [_retractions(engine, recipient, keys), *side_sheets(engine, recipient, cases.foreign)]
        files = exceptions[recipient.name].finished()
        files += [_written(folder / recipient.name, recipient, *one) for one in sheets]
        manifest = {
            "format": 1,
            "night": context.night.isoformat(),
            "recipient": recipient.name,
            "mandate": context.mandate,
            "note": LEAD_NOTE,
            "files": files,
            "case_sheets": _write_cases(folder / recipient.name, recipient, cases, case_sheets),
            "seal_of_the_night_before": context.previous_seal,
            "published": tables,
            "covered": context.covered,
        }
        text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
        write_bytes(folder / recipient.name / "manifest.json", text.encode())
        rows = {file["file"]: file["rows"] for file in files}
        written.sent[recipient.name] = rows["exceptions.csv"]
        written.retracted[recipient.name] = rows["retractions.csv"]
        for file in files:
            written.disputed.extend(
                {"recipient": recipient.name, "file": file["file"], **one}
                for one in file.get("disputed_characters", ())
            )
    return written


def _write_cases(
    folder: Path, recipient: Recipient, cases: CaseCells, case_sheets: CaseSheets | None
) -> list[dict[str, str]]:
    """Write one page per case; returns what the manifest says of each."""
    said = []
    for name, content in case_sheets.of(recipient, cases.foreign) if case_sheets is not None else ():
        write_bytes(folder / name, content)
        said.append({"file": name, "sha256": hashlib.sha256(content).hexdigest()})
    return said


class _Exceptions:
    """The files of a recipient's open cases: new and changed ones, all, and those that are doubts on data alone."""

    def __init__(self, folder: Path, recipient: Recipient) -> None:
        names = ("exceptions.csv", "exceptions_all.csv", "data_quality.csv")
        self._files = [SheetFile(folder, name, EXCEPTIONS, recipient) for name in names]

    def add(self, cells: pa.Table, listed: pa.Table) -> None:
        """Add a block of cases, as :meth:`creditaudit.reports.case_cells.Block.of` returns them."""
        doubts, change = listed["is_data_quality"], listed["change"]
        whole = pa.chunked_array([pa.repeat(pa.scalar("all", pa.string()), cells.num_rows)])
        for file, told, which in zip(
            self._files,
            (change, whole, pc.fill_null(change, "all")),
            (pc.and_not(pc.is_valid(change), doubts), pc.invert(doubts), doubts),
            strict=True,
        ):
            file.add(cells.append_column("change", told).filter(which))

    def finished(self) -> list[dict[str, Any]]:
        """Return what the manifest says of each file."""
        return [file.finished() for file in self._files]


def _retractions(engine: Engine, recipient: Recipient, keys: Keyring) -> tuple[str, tuple[SheetColumn, ...], pa.Table]:
    rows = engine.fetch(
        "SELECT case_id, episode, provider_code, account_code, state, why FROM retracted"
        f" WHERE recipient = {quoted(recipient.name)} ORDER BY provider_code, account_code, case_id"
    )
    spoken = 0 if recipient.language == "zh" else 1
    cells = {
        **dict(zip(rows.column_names, rows.columns, strict=True)),
        "row_token": tokens_of(keys, recipient.key_id, rows),
        "change": pa.chunked_array([pa.repeat(pa.scalar("changed", pa.string()), rows.num_rows)]),
        "reason": pa.chunked_array([pa.array([WHY[why][spoken] for why in rows["why"].to_pylist()], pa.string())]),
    }
    return "retractions.csv", RETRACTIONS, pa.table({c.name: cells[c.name] for c in RETRACTIONS})


def _written(
    folder: Path, recipient: Recipient, name: str, columns: tuple[SheetColumn, ...], rows: pa.Table
) -> dict[str, Any]:
    """Write a sheet that is held whole; returns what the manifest says of it."""
    file = SheetFile(folder, name, columns, recipient)
    file.add(dressed(rows))
    return file.finished()
