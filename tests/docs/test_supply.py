"""What is delivered is pinned with hashes, licensed and listed; weaknesses are asked for, and silence is no answer."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SUPPLY = ROOT / "supply"


@pytest.fixture
def supply(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The scripts, to be imported as they import each other."""
    monkeypatch.syspath_prepend(str(SUPPLY))
    return SUPPLY


def ran(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SUPPLY / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("which", ["", "-dev", "-airflow", "-spark"])
def test_every_pin_has_hashes(supply: Path, which: str) -> None:
    from locked import locked  # noqa: PLC0415

    pins = locked(ROOT / f"requirements{which}.lock")
    assert len(pins) > 20
    assert all(pin.hashes for pin in pins)
    keys = [(pin.name, pin.marker) for pin in pins]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "text", ["duckdb==2.0.0\n", "duckdb>=2\n", "git+https://x/y\n", "-e .\n", "x==1 \\\n    --hash=md5:0\n"]
)
def test_a_lock_file_without_hashes_is_refused(supply: Path, tmp_path: Path, text: str) -> None:
    from locked import locked  # noqa: PLC0415

    (tmp_path / "x.lock").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.lock"):
        locked(tmp_path / "x.lock")


def test_everything_is_installed_by_hash() -> None:
    """No recipe installs a requirement in another way."""
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    installing = [line for line in lines if "pip install" in line]
    assert len(installing) == 5
    assert all("--require-hashes" in line or "--no-deps" in line for line in installing)


def test_every_installed_requirement_has_a_licence_of_the_list() -> None:
    said = ran("licences.py")
    assert (said.returncode, said.stdout) == (0, "every installed requirement has a licence of the list\n"), said.stderr


@pytest.mark.parametrize(
    ("expression", "is_allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only", False),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
    ],
)
def test_an_expression_of_licences(supply: Path, expression: str, is_allowed: bool) -> None:
    from licences import LISTED, may_be_used  # noqa: PLC0415

    listed = tomllib.loads(LISTED.read_text(encoding="utf-8"))
    assert may_be_used(expression, set(listed["runtime"])) is is_allowed
    assert not {name for name in listed["runtime"] if name.startswith(("GPL", "AGPL", "LGPL", "SSPL"))}


def test_the_bill_of_materials_lists_what_is_delivered_and_is_the_same_each_time(supply: Path, tmp_path: Path) -> None:
    from locked import RUNTIME, locked  # noqa: PLC0415

    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file in files:
        assert ran("sbom.py", "--out", str(file)).returncode == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    bill = json.loads(files[0].read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert "timestamp" not in bill["metadata"]
    listed = {(c["name"], c["version"]): c for c in bill["components"]}
    assert listed.keys() == {(pin.name, pin.version) for pin in locked(RUNTIME)}
    for component in listed.values():
        hashes = component["externalReferences"][0]["hashes"]
        assert {h["alg"] for h in hashes} == {"SHA-256"}
    assert listed["duckdb", "2.0.0"]["licenses"] == [{"expression": "MIT"}]
    [whole] = bill["dependencies"]
    assert sorted(whole["dependsOn"]) == sorted(c["bom-ref"] for c in bill["components"])


@pytest.fixture
def database() -> Iterator[tuple[str, dict[str, Any]]]:
    """A database of vulnerabilities on this machine, that answers as it is told."""
    told: dict[str, Any] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told["asked"] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(told["answer"](told["asked"])).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", told
    server.shutdown()
    thread.join()
    server.server_close()


def test_known_weaknesses_are_named(database: tuple[str, dict[str, Any]]) -> None:
    url, told = database
    told["answer"] = lambda asked: {"results": [{"vulns": [{"id": "X-1"}]}, *([{}] * (len(asked) - 1))]}
    said = ran("advisories.py", "--url", url)
    assert said.returncode == 1, said.stderr
    assert "X-1" in said.stdout.splitlines()[0]
    assert len(told["asked"]) > 50
    assert all(one["package"]["ecosystem"] == "PyPI" and one["version"] for one in told["asked"])
    told["answer"] = lambda asked: {"results": [{}] * len(asked)}
    said = ran("advisories.py", "--url", url)
    assert (said.returncode, said.stdout.startswith("0 of ")) == (0, True)


def test_no_answer_is_never_taken_for_no_weakness(database: tuple[str, dict[str, Any]]) -> None:
    url, told = database
    for answer in ({"results": []}, {}, [], {"results": None}):
        told["answer"] = lambda _, answer=answer: answer
        said = ran("advisories.py", "--url", url)
        assert (said.returncode, "were not asked" in said.stdout) == (3, True), answer
    said = ran("advisories.py", "--url", "http://127.0.0.1:9")
    assert (said.returncode, "were not asked" in said.stdout) == (3, True)
