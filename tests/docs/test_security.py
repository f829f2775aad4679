"""The threat model names tests that exist, for every part of what it promises."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[A-Za-z0-9_/]+\.py(?:::\w+)?)`", TEXT)))
ROWS = [line.split("|")[1:-1] for line in TEXT.splitlines() if re.match(r"\| (\d|all)", line)]


@pytest.mark.parametrize("name", NAMED)
def test_a_named_test_exists(name: str) -> None:
    path, _, function = name.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
    assert tests
    assert not function or function in tests


def test_every_line_of_the_issue_has_rows_and_every_row_a_test() -> None:
    assert {row[0].split()[0] for row in ROWS} == {*"1234567", "all"}
    assert all("`tests/" in row[-1] for row in ROWS)
    assert all(cell.strip() for row in ROWS for cell in row)


def test_every_link_of_the_page_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (ROOT / target).is_file(), target
