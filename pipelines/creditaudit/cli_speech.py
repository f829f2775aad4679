"""How commands speak: words or JSON lines on stderr, results on stdout; and the options that many of them share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from creditaudit.errors import CreditAuditError

BookOption = Annotated[Path, typer.Option("--book", help="Directory of the book.")]


class Tell:
    """Speaks to a person on stderr, in words or as JSON lines; results go to stdout."""

    is_json = False

    @classmethod
    def note(cls, text: str, **facts: object) -> None:
        """Say one thing on stderr."""
        line = json.dumps({"note": text, **facts}, ensure_ascii=False, default=str) if cls.is_json else text
        sys.stderr.write(line + "\n")

    @classmethod
    def error(cls, error: CreditAuditError) -> None:
        """Say what went wrong, where, why, and the next step."""
        if cls.is_json:
            sys.stderr.write(json.dumps(error.as_dict(), ensure_ascii=False) + "\n")
        else:
            sys.stderr.write(f"creditaudit: {error}\n")

    @staticmethod
    def result(text: str) -> None:
        """Print a result on stdout."""
        sys.stdout.write(text + "\n")
