"""Pages of Great Expectations made whole: no script, no outside address, nothing that differs from run to run.

Its pages fetch fifteen files from elsewhere, and their logo tells somebody each time one is opened. Here all scripts go
(tables that scripts would fill are written out), one small style sheet is put into each page, and a policy in the page
forbids the browser to fetch anything. Whatever outside address is left is an error.
"""

from __future__ import annotations

import ast
import html
import re
from importlib import resources
from typing import TYPE_CHECKING

from creditaudit.book.files import below
from creditaudit.errors import InternalError, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Names of XML vocabularies, which nothing fetches.
INERT = ("http://www.w3.org/1999/xlink", "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml")

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_ADDRESS = re.compile(r"(?:https?|ftp|wss?):[/\\]{2}[^\s\"'<>)]*|[\"'(=]\s*//[A-Za-z0-9][^\s\"'<>)]*", re.IGNORECASE)
_SCHEME = re.compile(r"\b(?:https?|ftp|wss?)://", re.IGNORECASE)
_TABLE = re.compile(
    r"<table\s+id=\"(?P<id>[^\"]+)\"(?P<styling>[^>]*)>\s*</table>"
    r".*?columns: (?P<columns>\[.*?\]),\n\s*data: (?P<data>\[.*?\]),\n\s*toolbar:",
    re.DOTALL,
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def offline_page(text: str) -> str:
    """Return a page that needs nothing but itself, and is the same for the same results.

    Parameters
    ----------
    text : str
        As the library wrote it.
    """
    text = _TABLE.sub(_written_out, text)
    text = re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL | re.IGNORECASE)
    text = re.sub(r"<link\b[^>]*>", "", text, flags=re.IGNORECASE)
    text = re.sub(r"<img\b[^>]*>", "<strong>Data Docs</strong>", text, flags=re.IGNORECASE)
    text = re.sub(r"<footer\b.*?</footer>", "", text, flags=re.DOTALL | re.IGNORECASE)
    text = re.sub(r"<a href=\"(?:https?:)?//[^\"]*\"[^>]*>(.*?)</a>", r"\1", text, flags=re.DOTALL)
    text = re.sub(r"url\(\s*['\"]?(?:https?:)?//[^)]*\)", "none", text)
    text = re.sub(r"\s(?:onclick|onload|onerror)=\"[^\"]*\"", "", text)
    text = _SCHEME.sub("", text)  # an address in somebody's note stays readable, and is no address any more
    for place, found in enumerate(dict.fromkeys(_UUID.findall(text)), start=1):
        text = text.replace(found, f"n{place}")
    head = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n<style>{_style()}</style>'
    text = re.sub(r"(<meta charset=[^>]*>)", lambda m: f"{m[1]}\n{head}", text, count=1, flags=re.IGNORECASE)
    return re.sub(r"[ \t]*\n(?:[ \t]*\n)+", "\n", text)


def with_section(text: str, title: str, lines: Sequence[str]) -> str:
    """Return the index page with a list of our own at its top."""
    listed = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    section = f'<div class="alert alert-warning"><h5>{html.escape(title)}</h5><ul>{listed}</ul></div>'
    mark = '<div id="section-1"'
    return text.replace(mark, section + mark, 1) if lines else text


def require_offline(folder: Path) -> None:
    """Check every file of a folder for outside addresses.

    Raises
    ------
    InternalError
        Names the first file and address.
    """
    for path in (p for p in below(folder) if p.is_file()):
        left = outside_addresses(path.read_bytes().decode("utf-8", "replace"))
        if left:
            raise InternalError(
                "a page would ask the network",
                why=f"it still names {left[0]}",
                next_step="report this with the version of great_expectations; the pages were not kept",
                where=Where(path.relative_to(folder).as_posix()),
            )


def outside_addresses(text: str) -> list[str]:
    """Return every address in a text that is not one of ``INERT``."""
    found = (m.strip("\"'(= \t") for m in _ADDRESS.findall(text))
    return [address for address in found if address not in INERT]


def _written_out(found: re.Match[str]) -> str:
    """Write a table out that a script would have filled: rows that failed first, then by name."""
    columns = ast.literal_eval(found["columns"])
    rows = ast.literal_eval(found["data"])
    fields = [(c["field"], c["title"]) for c in columns]
    rows.sort(key=lambda r: (r.get("_validation_success_text") != "Failed", r["_table_row_link_path"]))
    head = "".join(f"<th>{title}</th>" for _, title in fields) + "<th></th>"
    body = "".join(
        "<tr>"
        + "".join(f"<td>{row.get(field, '')}</td>" for field, _ in fields)
        + f'<td><a href="{html.escape(row["_table_row_link_path"])}">open</a></td></tr>'
        for row in rows
    )
    return (
        f'<table id="{found["id"]}"{found["styling"]}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        "<script>"  # what is left of the script goes with the others
    )


def _style() -> str:
    return (resources.files("creditaudit.contracts") / "pages" / "offline.css").read_text(encoding="utf-8")
