"""`creditaudit explain`: why an account is flagged or cleared, in words or as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Literal

import typer

from creditaudit.cli_speech import BookOption, Tell


def explain(
    book: BookOption,
    account: Annotated[str, typer.Option(help="PROVIDER/ACCOUNT.")],
    night: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As known that night.")] = None,
    language: Annotated[Literal["en", "zh"], typer.Option(help="Language of the words.")] = "en",
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="Lines, or one JSON value.")] = "text",
) -> None:
    """Tell why an account is flagged or cleared, what decided its fault, and what would change that."""
    from creditaudit.explain import explain_account, spoken

    explanation = explain_account(book, account, night.date() if night else None)
    if form == "json":
        Tell.result(json.dumps(explanation.as_dict(), ensure_ascii=False, indent=2))
        return
    for line in spoken(explanation, language):
        Tell.result(line)
