"""``creditaudit night``: one night, or all that are pending, and what is told of it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from creditaudit.cli_speech import BookOption, ConfigOption, Tell
from creditaudit.errors import EXIT_CODE_ORDER, CreditAuditError, ExitCode, UsageError
from creditaudit.runlog import Meter, RunLog, run_log_begun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from creditaudit.night_request import NightOutcome, NightRequest

app = typer.Typer()


@app.command("night")
def night(
    book: BookOption,
    landing: Annotated[Path, typer.Option(help="Directory that holds one folder per night.")],
    night: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Business date to run.")] = None,
    *,
    catch_up: Annotated[bool, typer.Option("--catch-up", help="Run all pending nights, in order.")] = False,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="With --catch-up: none after this one.")
    ] = None,
    skip: Annotated[list[datetime] | None, typer.Option(formats=["%Y-%m-%d"], help="Do not read this night.")] = None,
    reason: Annotated[str, typer.Option(help="Why nights are skipped.")] = "",
    full: Annotated[
        bool, typer.Option("--full", help="Judge everyone, not only who is touched; changes no result.")
    ] = False,
    config: ConfigOption = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Worker threads; changes no result.")] = None,
    engine: Annotated[
        Literal["duckdb", "spark"] | None,
        typer.Option(help="What judges: one machine, or Spark; changes no result."),
    ] = None,
    fail_on_findings: Annotated[bool, typer.Option("--fail-on-findings", help="Exit 1 on new findings.")] = False,
    run_log: Annotated[Path | None, typer.Option(help="Append stage timings to this file.")] = None,
    lineage: Annotated[Path | None, typer.Option(help="Append OpenLineage events to this file.")] = None,
    profile: Annotated[
        bool,
        typer.Option(
            "--profile",
            help="Tell where the time went: rows, bytes, seconds, memory, queries by stage, beside a bare scan.",
        ),
    ] = False,
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
    if until is not None and not catch_up:
        raise UsageError("--until has no meaning here", why="one night is named", next_step="give it with --catch-up")
    if night is not None:
        nights = [night.date()]
    else:
        from creditaudit.book.layout import open_book

        settled = settled_nights(open_book(book))
        last = until.date() if until is not None else date.max
        nights = [d for d in delivered_nights(landing) if d <= last and d not in settled and d not in skips]
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
        request = NightRequest(
            book, landing, day, config, key_file, skips=earlier, threads=threads, engine=engine, everyone=full
        )
        outcome = _run_one(request, run_log, lineage, is_profiled=profile)
        _tell_outcome(outcome)
        codes.append(outcome.exit_code(fail_on_findings=fail_on_findings))
    for day in nights if docs == "now" else []:  # after all seals: what renders them takes memory
        _tell_docs(book, day)
    return int(next(code for code in EXIT_CODE_ORDER if code in codes))


def _run_one(request: NightRequest, run_log: Path | None, lineage: Path | None, *, is_profiled: bool) -> NightOutcome:
    """Run one night, with what is told of it beside the book: a bar at a terminal, stage times, lineage events."""
    from creditaudit.cli_progress import watching
    from creditaudit.night import run_night
    from creditaudit.open_lineage import LineageFile

    events = None if lineage is None else LineageFile(lineage, request.book, request.landing)
    run = events.begun(request.night) if events is not None else ""
    log = RunLog(meter=Meter(is_whole=is_profiled))
    try:
        with watching(is_json=Tell.is_json) as log.watch:
            outcome = run_night(request, log)
    except BaseException:
        with suppress(CreditAuditError):  # why the night failed is what must be heard
            if run_log is not None:
                log.write(run_log, request.night.isoformat())
            if events is not None:
                events.failed(run, request.night)
        raise
    if run_log is not None:
        log.write(run_log, request.night.isoformat())
    if events is not None:
        events.ended(run, request.night)
    if log.spilled_bytes:
        mib = -(-log.spilled_bytes // (1 << 20))
        Tell.note(
            f"night {request.night} spilled: up to {mib:,} MiB lay in scratch at once, for they did not fit into"
            " [engine] memory_limit. The result is the same",
            night=request.night,
            spilled_bytes=log.spilled_bytes,
        )
    if is_profiled and not outcome.was_sealed:
        _tell_profile(request, log)
    return outcome


def _tell_profile(request: NightRequest, log: RunLog) -> None:
    """Print the stages of a sealed night as a table, or one JSON object a stage."""
    from creditaudit.book.layout import open_book
    from creditaudit.feeds import FEEDS
    from creditaudit.night_profile import floor, profile_lines
    from creditaudit.settings import load_settings

    threads = request.threads or load_settings(request.book, request.config, FEEDS).engine.threads
    least = floor(open_book(request.book), request.night, threads)
    if Tell.is_json:
        Tell.note("profile", night=request.night, stages=[asdict(s) for s in log.stages], floor=asdict(least))
    else:
        for line in profile_lines(log.stages, least):
            Tell.note(line)


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
    if summary["quiet"] is not None:
        Tell.note(f"night {outcome.night}: {summary['quiet']}", night=outcome.night)
    violations = sum(r["rows"] for r in summary["findings_by_rule"] if r["verdict"] == "violation")
    Tell.note(
        f"night {outcome.night} sealed: {summary['delivered']} rows delivered, {summary['quarantined']} quarantined;"
        f" {summary['new_cases']} new cases, {summary['changed_cases']} changed, {violations} violations standing."
        f" Page: {outcome.folder / 'night.html'}",
        night=outcome.night,
        new_cases=summary["new_cases"],
    )


def _tell_docs(book: Path, night: date) -> None:
    """Make the pages of a night that is sealed; what goes wrong changes nothing of the seal, nor the exit code."""
    from creditaudit.book.layout import open_book
    from creditaudit.contracts.docs import build_docs

    try:
        Tell.note(f"pages of the contract: {build_docs(open_book(book), night)}", night=night)
    except CreditAuditError as error:
        Tell.error(error)
