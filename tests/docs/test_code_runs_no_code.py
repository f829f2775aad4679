"""The program runs no text as code but the rules' SQL: no pickle, no eval, no shell, no loading by name."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "pipelines").rglob("*.py"))
# What turns bytes into objects by running them, and what starts programs or talks to others.
MODULES = {
    "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "code", "codeop", "pty",
    "subprocess", "ctypes", "cffi", "socket", "ssl", "http", "urllib.request", "urllib3", "requests", "httpx", "ftplib",
    "smtplib", "telnetlib", "xmlrpc", "xml.etree", "xml.dom", "xml.sax", "lxml",
    "multiprocessing.managers", "webbrowser",
}  # fmt: skip
NAMES = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
# os.system and its kin, and loaders that run what they read.
ATTRIBUTES = {
    "os": {"system", "popen", "fork", "forkpty", "startfile", "putenv"},
    "yaml": {"load", "load_all", "unsafe_load", "full_load", "Loader", "UnsafeLoader", "FullLoader"},
    "tempfile": {"mktemp"},
    "importlib": {"import_module", "reload"},
    "runpy": {"run_path", "run_module"},
}
# The scheduler's own file is no part of the package: it calls the command line.
ALLOWED = {
    ("dags/creditaudit_nightly.py", "subprocess"),
    ("creditaudit/__init__.py", "importlib.import_module"),  # names of its own, on first use
}


def _found(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_forbidden(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            full = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            yield from (name for name in full if _is_forbidden(name))
            yield from (
                f"{node.module}.{alias.name}"
                for alias in node.names
                if alias.name in ATTRIBUTES.get(node.module, set()) or _starts(node.module, alias.name)
            )
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
            yield node.func.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = node.value.id
            if node.attr in ATTRIBUTES.get(name, set()) or _starts(name, node.attr):
                yield f"{name}.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg in {"shell", "allow_pickle"}:
            is_off = isinstance(node.value, ast.Constant) and node.value.value is False
            yield from () if is_off else (node.arg,)


def _is_forbidden(name: str) -> bool:
    if name.startswith("xml.sax.saxutils"):  # it escapes, and parses nothing
        return False
    return any(name == module or name.startswith(f"{module}.") for module in MODULES)


def _starts(module: str, name: str) -> bool:
    return module == "os" and name.startswith(("exec", "spawn", "posix_spawn"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT / "pipelines").as_posix())
def test_nothing_delivered_can_be_run(path: Path) -> None:
    name = path.relative_to(ROOT / "pipelines").as_posix()
    found = {what for what in _found(ast.parse(path.read_text(encoding="utf-8"))) if (name, what) not in ALLOWED}
    assert found == set()


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from joblib import load",
        "import xml.etree.ElementTree as tree",
        "from os import system",
        "import os\nos.execv('x', [])",
        "eval('1')",
        "import yaml\nyaml.load('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "run('x', shell=True)",
        "from importlib import import_module",
    ],
)
def test_the_search_finds_what_it_looks_for(text: str) -> None:
    assert list(_found(ast.parse(text)))
