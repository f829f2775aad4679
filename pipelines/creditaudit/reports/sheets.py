"""CSV files that a spreadsheet neither runs nor mangles (SPEC 10.2)."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

LEAD_NOTE = "待核查线索"
# What a spreadsheet would take for a formula, or for a number and round; and a quote mark of ours.
_RISKY = r"^[=+\-@\t\r']|^[0-9]{16,}$"
# What must be quoted: the same as Python's csv.writer quotes.
_SPECIAL = r'[,"\r\n]'
_BATCH = 65_536
_SAMPLE = 1_000
_RISKY_CELL = re.compile(r"[=+\-@\t\r'].*|[0-9]{16,}", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """One column of a report file: its English name, its Chinese title, its CSVW type."""

    name: str
    title_zh: str
    datatype: str = "string"


EXCEPTIONS: tuple[SheetColumn, ...] = (
    SheetColumn("case_id", "案件编号"),
    SheetColumn("row_token", "行令牌"),
    SheetColumn("change", "变化"),
    SheetColumn("provider_code", "机构代码"),
    SheetColumn("account_code", "账户标识"),
    SheetColumn("id_masked", "证件号码(脱敏)"),
    SheetColumn("account_type", "账户类型"),
    SheetColumn("opened", "开户时间"),
    SheetColumn("tier", "规则"),
    SheetColumn("verdict", "判断"),
    SheetColumn("notice_source", "通知来源"),
    SheetColumn("reported", "挂失时间"),
    SheetColumn("fault", "责任初判"),
    SheetColumn("due_on", "期限", "date"),
    SheetColumn("due_kind", "期限性质"),
    SheetColumn("reasons", "理由"),
    SheetColumn("next_step", "下一步"),
    SheetColumn("ask_for", "需调取材料"),
    SheetColumn("blind_spots", "未能核查"),
    SheetColumn("lead_note", "声明"),
)

RETRACTIONS: tuple[SheetColumn, ...] = (
    *EXCEPTIONS[:5],
    SheetColumn("state", "状态"),
    SheetColumn("reason", "理由"),
)


def guarded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text cells with a leading quote mark where a spreadsheet would run or mangle them."""
    risky = pc.fill_null(pc.match_substring_regex(column, _RISKY), fill_value=False)
    return pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)


def plain(cell: str) -> str:
    """Return a cell as it was before :func:`guarded`."""
    return cell[1:] if cell.startswith("'") and _RISKY_CELL.fullmatch(cell, 1) else cell


def dressed(rows: pa.Table) -> pa.Table:
    """Return text cells as they stand in a CSV file: guarded, quoted where they must be, empty where NULL."""
    return pa.table({name: _dressed(rows[name]) for name in rows.column_names})


def _dressed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Most columns say few things, and long ones: each of them is looked at once."""
    some = column.slice(0, _SAMPLE)
    if not len(column) or 2 * len(pc.unique(some)) > len(some):
        return _quoted(guarded(column))
    coded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return pa.chunked_array(
        [_quoted(guarded(pa.chunked_array([coded.dictionary]))).combine_chunks().take(coded.indices)]
    )


def _quoted(column: pa.ChunkedArray) -> pa.ChunkedArray:
    filled = pc.fill_null(column, "")
    special = pc.match_substring_regex(filled, _SPECIAL)
    if not pc.any(special).as_py():
        return filled
    doubled = pc.replace_substring(filled, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), filled)


def sheet(rows: pa.Table, columns: tuple[SheetColumn, ...], *, encoding: str, language: str) -> bytes:
    """Render rows as a CSV file.

    Parameters
    ----------
    rows : pyarrow.Table
        Text columns named as ``columns``, in final order; NULL becomes an empty cell.
    columns : tuple of SheetColumn
    encoding : str
        ``utf-8-sig`` or ``gb18030``.
    language : str
        ``zh``: Chinese headers; ``en``: the English names.
    """
    return header(columns, encoding=encoding, language=language) + lines(dressed(rows), columns, encoding=encoding)


def header(columns: tuple[SheetColumn, ...], *, encoding: str, language: str) -> bytes:
    """Render the first line of a CSV file."""
    titles = pa.table({c.name: [c.title_zh if language == "zh" else c.name] for c in columns})
    mark = codecs.BOM_UTF8 if encoding == "utf-8-sig" else b""
    return mark + lines(dressed(titles), columns, encoding=encoding)


def lines(cells: pa.Table, columns: tuple[SheetColumn, ...], *, encoding: str) -> bytes:
    """Render cells that are :func:`dressed` already, without a header."""
    batches = cells.select([c.name for c in columns]).to_batches(max_chunksize=_BATCH)
    parts = (_lines(batch) for batch in batches)
    if encoding == "utf-8-sig":
        return b"".join(parts)  # the engine's text is UTF-8 already
    return b"".join(part.decode().encode(encoding) for part in parts)


def _lines(batch: pa.RecordBatch) -> bytes:
    """Return whole lines; a batch is so small that Arrow can hold their text in one array."""
    each = pc.binary_join_element_wise(*batch.columns, ",")
    whole = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(each)], pa.int32()), each), "\r\n")
    return bytes(whole[0].as_buffer()) + b"\r\n"


def csvw(name: str, columns: tuple[SheetColumn, ...], *, encoding: str, language: str) -> bytes:
    """Return the CSVW metadata that lies beside a CSV file: English names, both titles, types."""
    content = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": name,
        "dialect": {
            "encoding": "utf-8" if encoding == "utf-8-sig" else encoding,
            "header": True,
            "lineTerminators": ["\r\n"],
        },
        "tableSchema": {
            "columns": [
                {
                    "name": c.name,
                    "titles": {"zh": c.title_zh, "en": c.name} if language == "zh" else {"en": c.name},
                    "datatype": c.datatype,
                }
                for c in columns
            ]
        },
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()
