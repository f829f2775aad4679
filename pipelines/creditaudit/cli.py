"""The command line: maps commands to rooms and outcomes to exit codes; nothing else."""

from __future__ import annotations

import os
import sys
import traceback
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from creditaudit import (
    __version__,
    cli_base,
    cli_book,
    cli_cases,
    cli_duties,
    cli_explain,
    cli_operate,
    cli_quarantine,
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
from creditaudit.runlog import RunLog, run_log_begun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from creditaudit.night_request import NightOutcome, NightRequest

app = typer.Typer(
    name="creditaudit",
    help="Flag credit accounts opened after the holder reported the resident ID card lost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
keys_app = typer.Typer(help="The key file that makes tokens and seals.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
app.add_typer(cli_book.app)
app.add_typer(cli_cases.app)
app.add_typer(cli_operate.app)
app.add_typer(cli_rules.app, name="rules")
app.add_typer(cli_duties.app, name="duties")
app.add_typer(cli_remedies.app, name="remedies")
app.add_typer(cli_quarantine.app, name="quarantine")
app.add_typer(cli_sources.app, name="source")
app.add_typer(cli_score.app, name="score")
app.command("explain")(cli_explain.explain)
app.command("accept-base")(cli_base.accept_base)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: creditaudit.toml beside the book).")
]


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


@keys_app.command("new")
def keys_new(file: Annotated[Path, typer.Argument(help="File to make; keep it outside the book.")]) -> None:
    """Make a key file that only its owner can read."""
    from creditaudit.book.keys import KEY_VARIABLE, new_key_file

    new_key_file(file)
    Tell.note(
        f"key written; set {KEY_VARIABLE}={file}. Without it, tokens of this book cannot be made again: back it up."
    )


@keys_app.command("demo")
def keys_demo(file: Annotated[Path, typer.Argument(help="File to make.")]) -> None:
    """Write the public demonstration key: for samples and tests, it protects nothing."""
    from creditaudit.book.keys import new_key_file

    new_key_file(file, demo=True)
    Tell.note("DEMONSTRATION KEY written: it is public and protects nothing. Never use it on real data.")


@app.command("night")
def night(
    book: BookOption,
    landing: Annotated[Path, typer.Option(help="Directory that holds one folder per night.")],
    night: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Business date to run.")] = None,
    *,
    catch_up: Annotated[bool, typer.Option("--catch-up", help="Run all pending nights, in order.")] = False,
    skip: Annotated[list[datetime] | None, typer.Option(formats=["%Y-%m-%d"], help="Do not read this night.")] = None,
    reason: Annotated[str, typer.Option(help="Why nights are skipped.")] = "",
    full: Annotated[
        bool, typer.Option("--full", help="Judge everyone, not only who is touched; changes no result.")
    ] = False,
    config: ConfigOption = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Worker threads; changes no result.")] = None,
    fail_on_findings: Annotated[bool, typer.Option("--fail-on-findings", help="Exit 1 on new findings.")] = False,
    run_log: Annotated[Path | None, typer.Option(help="Append stage timings to this file.")] = None,
    lineage: Annotated[Path | None, typer.Option(help="Append OpenLineage events to this file.")] = None,
    docs: Annotated[
        str, typer.Option(help="now: make the contract's pages after the seal; later: see `docs`.")
    ] = "later",
) -> int:
    """Run a night: receive, contract, judge, track, report, seal."""
    from creditaudit.intake.order import delivered_nights, settled_nights
    from creditaudit.night_request import NightRequest

    if docs not in {"now", "later"}:
        raise UsageError("--docs is not known", why=f"{docs!r} is neither now nor later", next_step="use one of them")
    skips = {d.date(): reason.strip() for d in skip or []}
    if skips and not all(skips.values()):
        raise UsageError("nights cannot be skipped", why="no reason is given", next_step="give --reason TEXT")
    if (night is None) == (not catch_up):
        raise UsageError(
            "no night to run" if night is None else "two ways of choosing nights",
            why="exactly one of --night and --catch-up is needed",
            next_step="give --night YYYY-MM-DD, or --catch-up",
        )
    if night is not None:
        nights = [night.date()]
    else:
        from creditaudit.book.layout import open_book

        settled = settled_nights(open_book(book))
        nights = [d for d in delivered_nights(landing) if d not in settled and d not in skips]
        if not nights:
            Tell.note("no night is pending; nothing was done")
    _check_skips(skips, nights)
    if run_log is not None:
        run_log_begun(run_log)
    codes = [ExitCode.SEALED]
    for day in nights:
        earlier = {d: r for d, r in skips.items() if d < day}
        skips = {d: r for d, r in skips.items() if d >= day}
        key_file = os.environ.get("CREDITAUDIT_KEY_FILE")
        request = NightRequest(book, landing, day, config, key_file, skips=earlier, threads=threads, everyone=full)
        outcome = _run_one(request, run_log, lineage)
        _tell_outcome(outcome)
        codes.append(outcome.exit_code(fail_on_findings=fail_on_findings))
    for day in nights if docs == "now" else []:  # after all seals: what renders them takes memory
        _tell_docs(book, day)
    return int(next(code for code in EXIT_CODE_ORDER if code in codes))


def _run_one(request: NightRequest, run_log: Path | None, lineage: Path | None) -> NightOutcome:
    """Run one night, with what is told of it beside the book: a bar at a terminal, stage times, lineage events."""
    from creditaudit.cli_progress import watching
    from creditaudit.night import run_night
    from creditaudit.open_lineage import LineageFile

    events = None if lineage is None else LineageFile(lineage, request.book, request.landing)
    run = events.begun(request.night) if events is not None else ""
    try:
        with watching(is_json=Tell.is_json) as watch:
            log = RunLog(watch=watch)
            outcome = run_night(request, log)
    except BaseException:
        if events is not None:
            events.failed(run, request.night)
        raise
    if events is not None:
        events.ended(run, request.night)
    if run_log is not None:
        log.write(run_log, request.night.isoformat())
    return outcome


def _check_skips(skips: Mapping[date, str], nights: Sequence[date]) -> None:
    """Refuse a night that nothing of this run comes after: it would be dropped without a word."""
    late = [day for day in skips if not nights or day >= nights[-1]]
    if late:
        raise UsageError(
            f"night {late[0]} cannot be skipped",
            why="no night that is run comes after it, and the seal of that night would name it",
            next_step="leave out this --skip, or give it with the night that comes after",
        )


def _tell_outcome(outcome: NightOutcome) -> None:
    summary = outcome.summary
    if outcome.is_demo:
        Tell.note("DEMONSTRATION KEY in use: tokens and seals protect nothing. Never use it on real data.")
    if outcome.was_sealed:
        Tell.note(f"night {outcome.night} was sealed before; nothing changed", night=outcome.night)
        return
    for feed, reasons in summary["stale"].items():
        for why in reasons:
            Tell.note(f"night {outcome.night} degraded: {feed}: {why}", feed=feed)
    for name in summary["unapproved_rules"]:
        rule_id = name.split("_")[0]
        Tell.note(f"shipped rule {name} is not in force: run `creditaudit rules approve {rule_id} --by NAME`")
    violations = sum(r["rows"] for r in summary["findings_by_rule"] if r["verdict"] == "violation")
    Tell.note(
        f"night {outcome.night} sealed: {summary['delivered']} rows delivered, {summary['quarantined']} quarantined;"
        f" {summary['new_cases']} new cases, {summary['changed_cases']} changed, {violations} violations standing."
        f" Page: {outcome.folder / 'night.html'}",
        night=outcome.night,
        new_cases=summary["new_cases"],
    )


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


def _tell_docs(book: Path, night: date) -> None:
    """Make the pages of a night that is sealed; what goes wrong changes nothing of the seal, nor the exit code."""
    from creditaudit.book.layout import open_book
    from creditaudit.contracts.docs import build_docs

    try:
        Tell.note(f"pages of the contract: {build_docs(open_book(book), night)}", night=night)
    except CreditAuditError as error:
        Tell.error(error)


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
