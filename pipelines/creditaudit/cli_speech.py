"""How commands speak: words or JSON lines on stderr, results on stdout; and the options that many of them share."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from creditaudit.visible import visible

if TYPE_CHECKING:
    from typing import TextIO

    from creditaudit.errors import CreditAuditError

BookOption = Annotated[Path, typer.Option("--book", help="Directory of the book.")]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: creditaudit.toml beside the book).")
]


class Tell:
    """Speaks to a person on stderr, in words or as JSON lines; results go to stdout."""

    is_json = False

    @classmethod
    def note(cls, text: str, **facts: object) -> None:
        """Say one thing on stderr."""
        _complain(json.dumps({"note": text, **facts}, ensure_ascii=False, default=str) if cls.is_json else text)

    @classmethod
    def error(cls, error: CreditAuditError) -> None:
        """Say what went wrong, where, why, and the next step."""
        _complain(json.dumps(error.as_dict(), ensure_ascii=False) if cls.is_json else f"creditaudit: {error}")

    @staticmethod
    def result(text: str) -> None:
        """Print a result on stdout."""
        _write(sys.stdout, text)

    @staticmethod
    def finish() -> None:
        """Hand over what is still held back of the results."""
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            hang_up(sys.stdout)


def _complain(line: str) -> None:
    """Write one line on stderr, which logs keep: without numbers of persons, also those of the command's own words."""
    from creditaudit.masking import numbers_hidden

    line = numbers_hidden(line)
    _write(sys.stderr, line if Tell.is_json else visible(line, is_line=True))  # a log is read on terminals, too


def _write(stream: TextIO, line: str) -> None:
    """Write one line; whoever stopped listening (``| head``) changes neither what is done nor the exit code."""
    if stream.isatty():
        line = visible(line, is_line=True)
    try:
        stream.write(line + "\n")
    except BrokenPipeError:
        hang_up(stream)


def hang_up(stream: TextIO) -> None:
    """Let what is still said go nowhere, also what the interpreter writes out when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
