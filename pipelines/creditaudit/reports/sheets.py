"""CSV files that a spreadsheet neither runs nor mangles (SPEC 10.2)."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

if TYPE_CHECKING:
    import pyarrow as pa

LEAD_NOTE = "待核查线索"
# What a spreadsheet would take for a formula, or for a number and round; and a quote mark of ours.
_RISKY = r"^(?:[=+\-@\t\r'].*|[0-9]{16,})$"
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


def guarded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text cells with a leading quote mark where a spreadsheet would run or mangle them."""
    risky = pc.fill_null(pc.match_substring_regex(column, f"(?s){_RISKY}"), fill_value=False)
    return pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)


def plain(cell: str) -> str:
    """Return a cell as it was before :func:`guarded`."""
    return cell[1:] if cell.startswith("'") and _RISKY_CELL.fullmatch(cell, 1) else cell


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
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([c.title_zh if language == "zh" else c.name for c in columns])
    cells = [guarded(rows[c.name]).to_pylist() for c in columns]
    writer.writerows(zip(*cells, strict=True))
    return out.getvalue().encode(encoding)


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
