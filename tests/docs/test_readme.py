"""The README says what the program does: its tables are those of the program, its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from creditaudit.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def said(*arguments: str) -> str:
    command = [sys.executable, "-m", "creditaudit.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def between(mark: str) -> str:
    found = re.search(rf"<!-- {mark}: [^>]*-->\n(.*?)<!-- /{mark} -->", README, re.DOTALL)
    assert found, f"the README has no section {mark}"
    return found[1]


@pytest.mark.parametrize(
    ("mark", "arguments"),
    [("rules", ("rules", "list", "--markdown")), ("exit-codes", ("exit-codes", "--markdown"))],
)
def test_generated_tables_are_those_of_the_program(mark: str, arguments: tuple[str, ...]) -> None:
    assert between(mark) == said(*arguments)


def test_every_command_of_the_documents_exists() -> None:
    texts = [README, *(p.read_text(encoding="utf-8") for p in sorted((ROOT / "docs").glob("*.md")))]
    named = {m for t in texts for m in re.findall(r"creditaudit ((?:keys|rules) [a-z]+|[a-z][a-z-]+)\b", t)}
    commands = set(re.findall(r"^│ ([a-z-]+)", said("--help"), re.MULTILINE))
    for group in ("keys", "rules"):
        commands |= {f"{group} {c}" for c in re.findall(r"^│ ([a-z-]+)", said(group, "--help"), re.MULTILINE)}
    assert {"night", "init", "explain"} <= commands
    assert named - commands == set()


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"make ([a-z-]+)", README))
    assert named
    assert named <= targets


def test_links_of_the_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_exit_code_says_what_to_do() -> None:
    """SPEC 2: each code once, in the order of the numbers."""
    section = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8").partition("| exit code | what to do |")[2]
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section.partition("\n\n")[0], re.MULTILINE)
    assert [int(code) for code, _ in rows] == sorted(ExitCode)
    assert "BOOK/refused/<night>/night.html" in dict(rows)[str(int(ExitCode.KNOWN_ANSWER))]
