"""The reference page is what the program says of itself: every command, exit code, rule and column."""

from __future__ import annotations

from pathlib import Path

import typer.main

from creditaudit.audit.rulebook import load_rules
from creditaudit.cli import app
from creditaudit.cli_reference import reference_lines
from creditaudit.errors import ExitCode
from creditaudit.feeds import FEEDS
from creditaudit.tables import PUBLISHED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference.md"


def test_the_page_is_that_of_the_program() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == "\n".join(reference_lines(app)) + "\n", "run: creditaudit reference > docs/reference.md"


def test_nothing_is_left_out() -> None:
    text = PAGE.read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        paths = [f"{name} {inner}" for inner in getattr(command, "commands", {})] or [name]
        assert all(f"### `creditaudit {path}`" in text for path in paths), name
    assert all(f"| {int(code)} | " in text for code in ExitCode)
    assert all(f"| {rule.rule_id} {rule.name} |" in text for rule in load_rules())
    for feed, spec in FEEDS.items():
        section = text.split(f"### `{feed}`\n")[1].split("\n#")[0]
        assert all(f"| {c.name} |" in section or f"| **{c.name}** |" in section for c in spec.columns)
    for table, schema in PUBLISHED.items():
        section = text.split(f"### `{table}.parquet`\n")[1].split("\n#")[0]
        assert all(f"| {name} |" in section for name in schema.names)
