"""The README's commands, run as they stand there, from a copy of the repository in an empty environment."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    not os.environ.get("README_COMMANDS"), reason="they install everything anew: make test-readme"
)


def run(command: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one line by sh, in a copy, with nothing but a path, a home and where packages come from."""
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def test_the_first_command_and_a_night_of_ones_own(tmp_path: Path) -> None:
    copy, home = tmp_path / "copy", tmp_path / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(copy)], check=True, timeout=300)
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **pip}
    done = run("make run", copy, environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "待核查线索" in done.stdout
    text = (copy / "README.md").read_text(encoding="utf-8")
    [block] = [part for part in re.findall(r"(?:^    .*\n)+", text, re.MULTILINE) if "creditaudit keys new" in part]
    lines = [line.strip().split("  #")[0].strip() for line in block.splitlines()]
    script = "\n".join(["set -e", f"export PATH={copy}/.venv/bin:$PATH", *lines[:-1]])
    script = script.replace(
        "creditaudit init BOOK", "creditaudit init BOOK --mandate test --reference data/samples/reference"
    )
    script = script.replace("--night 2026-11-20", "--catch-up || [ $? -eq 5 ]")
    (copy / "LANDING").symlink_to(copy / "data" / "samples" / "landing")
    own = run(script, copy, environment)
    assert own.returncode == 0, own.stderr[-2000:]
    assert (copy / "BOOK" / "latest" / "night.html").is_file()
