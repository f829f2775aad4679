"""``creditaudit score``: what the order of the queue is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from creditaudit.cli_speech import Tell
from creditaudit.errors import UsageError

app = typer.Typer(help="The order of the queue: what it is worth.", no_args_is_help=True)

FormatOption = Annotated[str, typer.Option("--format", help="text, or json: one object.")]


@app.callback()
def score() -> None:
    """Judge the order of the queue."""


def _check_format(name: str) -> None:
    if name not in {"text", "json"}:
        raise UsageError(
            "the format is not known", why=f"{name!r} is neither text nor json", next_step="use one of them"
        )


@app.command("benchmark")
def benchmark(
    folder: Annotated[Path, typer.Argument(help="Folder of .npz files with arrays X and y (0 or 1).")],
    output: FormatOption = "text",
) -> None:
    """Score labelled sets without their labels, and print AUROC and average precision beside an isolation forest's."""
    from creditaudit.scoring.benchmark import as_json, as_lines, run_benchmark

    _check_format(output)
    judged = run_benchmark(folder)
    for line in [json.dumps(as_json(judged), ensure_ascii=False)] if output == "json" else as_lines(judged):
        Tell.result(line)
