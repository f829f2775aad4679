"""``night.html``: one self-contained page on a night (SPEC 10.3)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from creditaudit.book.files import write_bytes

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import pyarrow as pa


def write_page(
    path: Path,
    *,
    night: date,
    mandate: str,
    summary: dict[str, Any],
    coverage: pa.Table,
    inputs: list[dict[str, Any]],
    is_demo: bool,
) -> None:
    """Render the page. It asks nothing of the network and holds no ID number, name or phone."""
    profiles = {(i["folder"], i["feed"], i["file"]): i["profile"] for i in inputs}
    rows = coverage.to_pylist()
    for row in rows:
        folder, _, name = row["file"].rpartition("/")
        row["profile"] = profiles.get((folder or night.isoformat(), row["feed"], name), "")
    refused = [i for i in inputs if i["refused"] is not None]
    template = _environment().get_template("night.html.j2")
    text = template.render(
        night=night.isoformat(),
        mandate=mandate,
        summary=summary,
        coverage=rows,
        refused=refused,
        is_demo=is_demo,
    )
    write_bytes(path, text.encode())


@cache
def _environment() -> Environment:
    """Return what renders the pages: once in a process, so that a template is compiled once."""
    return Environment(
        loader=PackageLoader("creditaudit.reports", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
