"""``creditaudit reference``: every command, column, exit code and rule, as one page of Markdown made from the code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
import typer.main

from creditaudit.cli_speech import Tell
from creditaudit.errors import EXIT_CODE_MEANINGS, EXIT_CODE_ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

_KINDS = {"text": "text", "code": "one of a list", "date": "date", "instant": "instant", "int": "integer"}


def reference_lines(app: typer.Typer) -> Iterator[str]:
    """Yield the page, line by line.

    Parameters
    ----------
    app : typer.Typer
        The command line.
    """
    yield from (
        "# Reference",
        "",
        "Made from the code by `creditaudit reference`; a test compares it. Guides by task are in the other pages.",
        "",
        "## Commands",
    )
    yield from _commands(typer.main.get_command(app), "creditaudit")
    yield from ("", "## Exit codes", "", "| code | meaning |", "|---|---|")
    yield from (f"| {int(code)} | {EXIT_CODE_MEANINGS[code]} |" for code in EXIT_CODE_ORDER)
    yield from _rules()
    yield from _feeds()
    yield from _published()


def _commands(command: Any, path: str) -> Iterator[str]:
    """Yield a command with its options, or a group's commands in the order of ``--help``."""
    inner = getattr(command, "commands", None)
    if inner is not None:
        for name in inner:
            yield from _commands(inner[name], f"{path} {name}")
        return
    yield from ("", f"### `{path}`", "", _plain(command.help))
    params = [p for p in command.params if p.name != "help"]
    if params:
        yield from ("", "| option | needed | says |", "|---|---|---|")
    for param in params:
        is_argument = type(param).__name__.endswith("Argument")
        names = param.name.upper() if is_argument else ", ".join([*param.opts, *param.secondary_opts])
        yield f"| `{names}` | {'yes' if param.required else ''} | {_plain(getattr(param, 'help', None))} |"


def _rules() -> Iterator[str]:
    from creditaudit.audit.rulebook import load_rules

    yield from ("", "## Rules", "", "| rule | says | 说明 | parameters |", "|---|---|---|---|")
    for rule in load_rules():
        params = "; ".join(f"{p.name} = {p.value} {p.unit}" for p in rule.params)
        yield f"| {rule.rule_id} {rule.name} | {rule.title_en} | {rule.title_zh} | {params} |"


def _feeds() -> Iterator[str]:
    from creditaudit.feeds import FEEDS

    yield from ("", "## Delivered columns", "", "A row is known by its key (in bold). Empty means missing.")
    for name, feed in FEEDS.items():
        yield from (
            "",
            f"### `{name}`",
            "",
            feed.grain or "",
            "",
            "| column | needed | type | note |",
            "|---|---|---|---|",
        )
        for column in feed.columns:
            shown = f"**{column.name}**" if column.name in feed.key else column.name
            kind = ", ".join(f"`{code}`" for code in column.codes) or _KINDS[column.kind.value]
            yield f"| {shown} | {'yes' if column.required else ''} | {kind} | {_plain(column.note)} |"


def _published() -> Iterator[str]:
    from creditaudit.tables import PUBLISHED

    yield from ("", "## Published tables", "", "`BOOK/nights/<night>/published/<table>.parquet`; null is missing.")
    for name, schema in PUBLISHED.items():
        yield from ("", f"### `{name}.parquet`", "", "| column | type |", "|---|---|")
        yield from (f"| {field.name} | {_type(field)} |" for field in schema)


def _type(field: pa.Field) -> str:
    return {"string": "text", "date32[day]": "DATE", "int32": "INT", "int64": "BIGINT", "bool": "BOOLEAN"}.get(
        str(field.type), {"double": "DOUBLE", "timestamp[us]": "TIMESTAMP"}.get(str(field.type), str(field.type))
    )


def _plain(text: str | None) -> str:
    """Return a text as a cell: one line, no sign that Markdown or a table would read."""
    return " ".join((text or "").split()).replace("|", "\\|")


def print_reference(app: typer.Typer) -> None:
    """Print the page."""
    for line in reference_lines(app):
        Tell.result(line)
