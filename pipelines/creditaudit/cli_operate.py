"""``creditaudit status``, ``ready`` and ``doctor``: for who runs the nights."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from creditaudit.cli_speech import BookOption, ConfigOption, Tell
from creditaudit.errors import ExitCode

app = typer.Typer()

Form = Annotated[Literal["text", "json"], typer.Option("--format", help="For people, or for programs.")]


@app.command("status")
def status(
    book: BookOption,
    landing: Annotated[Path | None, typer.Option(help="Where deliveries come: says which nights wait.")] = None,
    config: ConfigOption = None,
    form: Form = "text",
) -> None:
    """Say where the book stands: the last night, who holds it, what waits and what is late. Disturbs nobody."""
    from creditaudit.status import status_lines, status_of

    found = status_of(book, landing, config)
    for line in [json.dumps(found, ensure_ascii=False)] if form == "json" else status_lines(found):
        Tell.result(line)


@app.command("ready")
def ready(
    book: BookOption,
    landing: Annotated[Path, typer.Option(help="Directory that holds one folder per night.")],
    night: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Business date.")],
    config: ConfigOption = None,
) -> int:
    """Say what a night still waits for: expected feeds, and control files. Exit 5: something; a schedule asks again."""
    from creditaudit.status import awaited

    found = awaited(book, landing, night.date(), config)
    for line in found:
        Tell.result(f"night {night.date()} waits for {line}")
    return int(ExitCode.DEGRADED if found else ExitCode.SEALED)


@app.command("doctor")
def doctor(
    book: Annotated[Path | None, typer.Option("--book", help="Directory of the book.")] = None,
    landing: Annotated[Path | None, typer.Option(help="Directory that holds one folder per night.")] = None,
    config: ConfigOption = None,
    form: Form = "text",
) -> int:
    """Try what a night needs: Python, memory, disk, rights, key, clock, encodings. Exit 2: something is wrong."""
    from creditaudit.book.keys import KEY_VARIABLE
    from creditaudit.doctor import examine

    checks = examine(book, landing, config, os.environ.get(KEY_VARIABLE))
    if form == "json":
        Tell.result(json.dumps([asdict(check) for check in checks], ensure_ascii=False))
    else:
        for check in checks:
            step = f". Next step: {check.next_step}" if check.next_step else ""
            Tell.result(f"{check.verdict:<8} {check.name}: {check.found}{step}")
    return int(ExitCode.USAGE if any(check.verdict == "wrong" for check in checks) else ExitCode.SEALED)
