"""The command line: maps commands to rooms and outcomes to exit codes; nothing else."""

from __future__ import annotations

import os
import resource
import sys
import traceback
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from creditaudit import (
    __version__,
    cli_base,
    cli_book,
    cli_cases,
    cli_duties,
    cli_explain,
    cli_keys,
    cli_night,
    cli_operate,
    cli_persons,
    cli_quarantine,
    cli_recall,
    cli_remedies,
    cli_rules,
    cli_score,
    cli_sources,
)
from creditaudit.cli_speech import BookOption, Tell, hang_up
from creditaudit.errors import (
    EXIT_CODE_MEANINGS,
    EXIT_CODE_ORDER,
    CreditAuditError,
    ExitCode,
    StorageError,
    UsageError,
    place_of,
)

app = typer.Typer(
    name="creditaudit",
    help="Flag credit accounts opened after the holder reported the resident ID card lost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.add_typer(cli_keys.app, name="keys")
app.add_typer(cli_book.app)
app.add_typer(cli_night.app)
app.add_typer(cli_cases.app)
app.add_typer(cli_operate.app)
app.add_typer(cli_persons.app)
app.add_typer(cli_rules.app, name="rules")
app.add_typer(cli_duties.app, name="duties")
app.add_typer(cli_remedies.app, name="remedies")
app.add_typer(cli_quarantine.app, name="quarantine")
app.add_typer(cli_sources.app, name="source")
app.add_typer(cli_score.app, name="score")
app.command("explain")(cli_explain.explain)
app.command("recall")(cli_recall.recall)
app.command("accept-base")(cli_base.accept_base)


@app.callback()
def options(
    log_format: Annotated[str, typer.Option("--log-format", help="text, or json: one object a line.")] = "text",
) -> None:
    """Flag credit accounts opened after the holder reported the resident ID card lost."""
    if log_format not in {"text", "json"}:
        raise UsageError(
            "the log format is not known", why=f"{log_format!r} is neither text nor json", next_step="use one of them"
        )
    Tell.is_json = log_format == "json"


@app.command("version")
def version() -> None:
    """Print the version."""
    Tell.result(__version__)


@app.command("exit-codes")
def exit_codes(
    *, markdown: Annotated[bool, typer.Option("--markdown", help="As the table of the README.")] = False
) -> None:
    """List the exit codes; if several apply, the first in this order is returned."""
    if markdown:
        Tell.result("| exit code | meaning |\n|---|---|")
    for code in EXIT_CODE_ORDER:
        meaning = EXIT_CODE_MEANINGS[code]
        Tell.result(f"| {int(code)} | {meaning} |" if markdown else f"{int(code):>3}  {meaning}")


@app.command("reference")
def reference() -> None:
    """Print the reference page: every command, exit code, rule, delivered and published column, as Markdown."""
    from creditaudit.cli_reference import print_reference

    print_reference(app)


@app.command("init")
def init(
    book: Annotated[Path, typer.Argument(help="Directory of the new book.")],
    mandate: Annotated[str | None, typer.Option(help="Who asked for this audit, on what basis.")] = None,
    reference: Annotated[Path | None, typer.Option(help="Folder with reference tables to take.")] = None,
) -> None:
    """Make a book with its reference tables, and a configuration beside it."""
    from creditaudit.book.init import init_book

    written, config, is_new = init_book(book, mandate=mandate, reference=reference)
    Tell.note(f"book {book}: reference tables written: {', '.join(written) or 'none, all were there'}")
    Tell.note(f"configuration {config}: {'written; put your mandate into it' if is_new else 'was there, not changed'}")


@app.command("docs")
def docs(
    book: BookOption,
    night: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A sealed night (default: the last).")
    ] = None,
) -> None:
    """Make the pages of a night's contract (Great Expectations Data Docs, offline) in BOOK/docs."""
    from creditaudit.book.layout import open_book
    from creditaudit.contracts.docs import build_docs

    Tell.result(str(build_docs(open_book(book), night.date() if night else None)))


@app.command("show")
def show(book: BookOption) -> None:
    """Print what the last sealed night found, by rule and by institution, and where the reports lie."""
    from creditaudit.book.layout import open_book
    from creditaudit.reports.terminal import night_tables

    for line in night_tables(open_book(book)):
        Tell.result(line)


@app.command("synth")
def synth(
    out: Annotated[Path, typer.Option(help="Directory to write.")],
    accounts: Annotated[int, typer.Option(min=1, help="Accounts of the first night.")],
    nights: Annotated[int, typer.Option(min=1, help="Nights to deliver.")],
    seed: Annotated[int, typer.Option(help="Seed: the same arguments give the same bytes.")],
    first_night: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Date of the first.")] = datetime(
        2026, 11, 15
    ),
    *,
    preset: Annotated[
        str | None, typer.Option(help="A world of many leads instead, to judge the order of the queue by.")
    ] = None,
) -> None:
    """Write synthetic deliveries for all feeds, with the truth beside them."""
    from creditaudit.synth import generate, generate_desk

    write = (
        partial(generate, processes=os.cpu_count() or 1) if preset is None else partial(generate_desk, preset=preset)
    )
    try:
        summary = write(out, accounts=accounts, nights=nights, seed=seed, first_night=first_night.date())
    except (ValueError, FileExistsError) as error:
        raise UsageError(
            "no delivery was written", why=str(error), next_step="name an empty folder, and numbers in range"
        ) from error
    Tell.result(f"{out}: {summary}")


def main() -> None:
    """Run the command line and exit with the code of SPEC 2."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what a crash would leave on the disk has rows in it
    code = _run()
    Tell.finish()
    sys.exit(code)


# What typer makes of Ctrl-C, without a word; it is none of SPEC 2's exit codes.
_INTERRUPTED = 130


def _run() -> int:
    # Asked before the words are parsed, so that what is wrong with them is said in the format that they ask for.
    words = sys.argv[1:]
    Tell.is_json = "--log-format=json" in words or ("--log-format", "json") in pairwise(words)
    try:
        code = app(standalone_mode=False)
    except CreditAuditError as error:
        Tell.error(error)
        return int(error.exit_code)
    except TyperException as error:
        _tell_usage(error)
        return int(ExitCode.USAGE)
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except SystemExit as ended:
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
        code = _ended_by_pipe(ended.__context__)
    except OSError as error:
        code = _tell_storage(error)
    except Exception as error:  # the last line of defence: a traceback's text may hold values
        Tell.note(
            f"creditaudit: internal error: {type(error).__name__} at {place_of(error)}; a night is sealed as a"
            " whole or not at all. Next step: run the same command again; report this line (it holds no values).",
            exit_code=int(ExitCode.INTERNAL),
        )
        return int(ExitCode.INTERNAL)
    if code == _INTERRUPTED:
        Tell.note("interrupted; a night is sealed as a whole or not at all. Next step: run the same command again")
        return int(ExitCode.INTERNAL)
    return code if isinstance(code, int) else 0


def _ended_by_pipe(error: BrokenPipeError) -> int:
    """Say what a broken pipe means, of which typer makes an exit with 1: SPEC 2 has another meaning for it.

    What commands say never comes here (:class:`Tell`): it is a help page, or a pipe that the program itself made.
    """
    modules = {str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)}
    if any(name == __name__ or name.startswith("creditaudit.") for name in modules):
        return _tell_storage(error)
    hang_up(sys.stdout)
    return int(ExitCode.SEALED)


def _tell_storage(error: OSError) -> int:
    # Its own text may hold a path, and a delivered file's name may hold a value.
    Tell.error(
        StorageError(
            "a file could not be read or written",
            why=f"{os.strerror(error.errno) if error.errno else type(error).__name__} at {place_of(error)}",
            next_step="check free space, permissions and health of the file system, then run the command again",
        )
    )
    return int(ExitCode.INTERNAL)


def _tell_usage(error: TyperException) -> None:
    """Say what is wrong with the command's words."""
    said = error.format_message()
    if not said:  # the help was printed instead
        return
    hint = "Next step: see `creditaudit --help`, or the command's own --help."
    Tell.note(f"creditaudit: {said} {hint}", exit_code=int(ExitCode.USAGE))


if __name__ == "__main__":
    main()
