"""The notebooks run on a book, show no raw value, define nothing, and are kept without outputs."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from unit.responding import SECRETS

if TYPE_CHECKING:
    from unit.responding import Answered

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = ["01_tonight", "02_one_case", "03_institutions", "04_change_a_rule"]


def code_of(path: Path) -> list[str]:
    return [c["source"] for c in nbformat.read(path, as_version=4)["cells"] if c["cell_type"] == "code"]


def test_these_are_the_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == NAMES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_shows_no_raw_value(
    path: Path, answered_cases: Answered, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CREDITAUDIT_BOOK", str(answered_cases.place.book))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "pipelines"))
    before = answered_cases.place.tree()
    notebook = nbformat.read(path, as_version=4)
    ran = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in ran["cells"] for output in cell.get("outputs", [])]
    assert outputs
    shown = json.dumps(outputs, ensure_ascii=False)
    assert not [secret for secret in SECRETS if secret in shown]
    assert answered_cases.place.tree() == before


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_bare_and_uses_the_public_surface(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    for source in code_of(path):
        tree = ast.parse(source)
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
        imported = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert not [module for module in imported if module and module.startswith("creditaudit")]
        named = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        assert not [name for name in named if name.startswith("creditaudit.")]
        assert not [
            n.attr
            for n in ast.walk(tree)
            if isinstance(n, ast.Attribute) and n.attr.startswith("_") and n.attr != "__file__"
        ]
