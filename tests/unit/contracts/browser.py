"""A real browser without a network: what a page asks for, and what it complains of."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# What the browser asks for by itself, whatever page is open.
OWN_HOSTS = ("clients2.google.com", "update.googleapis.com", "accounts.google.com")


def browser() -> str | None:
    """Return a browser's program, if there is one."""
    return next((found for found in map(shutil.which, BROWSERS) if found), None)


@dataclass(frozen=True)
class Opened:
    """What opening a page did.

    Parameters
    ----------
    dom : str
        The page as the browser has it.
    requests : tuple of str
        Addresses asked for that are no files.
    console : tuple of str
        Lines that pages wrote to the console, errors among them.
    """

    dom: str
    requests: tuple[str, ...]
    console: tuple[str, ...]


def opened(program: str, page: Path, scratch: Path) -> Opened:
    """Open a page with no network at hand."""
    log = scratch / "net.json"
    done = subprocess.run(
        [
            program,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-domain-reliability",
            "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
            "--no-first-run",
            "--no-default-browser-check",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={scratch / 'profile'}",
            f"--log-net-log={log}",
            "--enable-logging=stderr",
            "--virtual-time-budget=3000",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        check=True,
        timeout=120,
    )
    asked = {url for url in _urls(log) if urlsplit(url).hostname not in {None, *OWN_HOSTS}}
    said = done.stderr.decode("utf-8", "replace").splitlines()
    return Opened(
        done.stdout.decode("utf-8", "replace"),
        tuple(sorted(asked)),
        tuple(line for line in said if "CONSOLE" in line),
    )


def _urls(log: Path) -> set[str]:
    """Every address in the browser's own record of its network."""
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    return {url for e in events if isinstance(url := (e.get("params") or {}).get("url"), str)}
