"""The rooms of an import contract are the package's own: a module that is added is held to it, too."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import creditaudit

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
PACKAGE = Path(creditaudit.__file__).parent
MODULES = {p.stem for p in PACKAGE.glob("*.py")} | {p.parent.name for p in PACKAGE.glob("*/__init__.py")}


@pytest.mark.parametrize(
    ("library", "room"),
    [("duckdb", "engines"), ("pyspark", "engines"), ("great_expectations", "contracts"), ("sklearn", "scoring")],
)
def test_everything_but_the_room_may_not_import_its_library(library: str, room: str) -> None:
    [contract] = [
        c for c in SETTINGS["contracts"] if c["name"].startswith("only") and c["forbidden_modules"] == [library]
    ]
    held = {f"creditaudit.{name}" for name in MODULES - {"__init__", room}}
    assert {"creditaudit.explain", "creditaudit.cli_speech"} <= held
    assert sorted(contract["source_modules"]) == sorted(held)


def test_every_module_has_its_layer() -> None:
    [layers] = [c["layers"] for c in SETTINGS["contracts"] if c["type"] == "layers"]
    assert sorted(name.strip() for layer in layers for name in layer.split("|")) == sorted(MODULES - {"__init__"})
