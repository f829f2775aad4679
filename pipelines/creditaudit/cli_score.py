"""``creditaudit score``: train the order of the queue, and tell what it is worth."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from creditaudit.cli_speech import BookOption, Tell

app = typer.Typer(help="The order of the queue: train it, and what it is worth.", no_args_is_help=True)

FormatOption = Annotated[Literal["text", "json"], typer.Option("--format", help="Lines, or one JSON value.")]


@app.callback()
def score() -> None:
    """Train the order of the queue, or judge it."""


@app.command("evaluate")
def evaluate(
    book: BookOption,
    truth: Annotated[Path, typer.Option(help="Folder with thefts.csv: provider_code and account_code.")],
    night: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A sealed night (default: the last).")
    ] = None,
    budget: Annotated[int, typer.Option(help="Leads that the desk looks at in a day.")] = 200,
    form: FormatOption = "text",
    *,
    every: Annotated[bool, typer.Option("--all", help="All open cases, not only leads of the weak rules.")] = False,
) -> None:
    """Judge the order of a night's leads by the truth, beside the orders that a desk would use today."""
    from creditaudit.scoring.evaluate import evaluate as judge
    from creditaudit.scoring.evaluate import evaluation_lines

    told = judge(book, truth, night.date() if night else None, budget, all_cases=every)
    for line in [json.dumps(told, ensure_ascii=False)] if form == "json" else evaluation_lines(told):
        Tell.result(line)


@app.command("benchmark")
def benchmark(
    folder: Annotated[Path, typer.Argument(help="Folder of .npz files with arrays X and y (0 or 1).")],
    form: FormatOption = "text",
) -> None:
    """Score labelled sets without their labels, and print AUROC and average precision beside an isolation forest's."""
    from creditaudit.scoring.benchmark import as_json, as_lines, run_benchmark

    judged = run_benchmark(folder)
    for line in [json.dumps(as_json(judged), ensure_ascii=False)] if form == "json" else as_lines(judged):
        Tell.result(line)


@app.command("train")
def train(
    book: BookOption,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First sealed night.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last sealed night: the cut.")],
    by: Annotated[str, typer.Option(help="Who answers for it.")],
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date of the decision.")] = None,
) -> None:
    """Train a model on sealed nights and put it with its card into the inbox; the next night takes it."""
    import os

    from creditaudit.book.keys import KEY_VARIABLE, load_keys
    from creditaudit.book.layout import open_book
    from creditaudit.scoring.train import train as train_on

    opened = open_book(book)
    keys = load_keys(os.environ.get(KEY_VARIABLE), opened.root)
    day = on.date() if on is not None else None
    trained, entry = train_on(opened, keys, first=first.date(), last=last.date(), by=by, on=day)
    Tell.result(json.dumps(trained.card, ensure_ascii=False, indent=1, sort_keys=True))
    tokens = trained.card["tokens"]
    if tokens["cases_unknown"]:
        Tell.note(
            f"warning: in {tokens['cases_unknown']} of {trained.card['cases']} cases operator, phone and handler are"
            f" unknown: key {', '.join(tokens['keys_gone'])} of their tokens is retired or not in the key file"
        )
    Tell.note(
        f"model {trained.model.digest[:16]} ({trained.model.kind}) recorded for {entry.decided_on}: {entry.file_name};"
        " the next night takes it and scores all open cases"
    )
