"""``creditaudit respond``, ``queue``, ``case``, ``trace``, ``drift``: the cases, for a reviewer at a terminal."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from creditaudit.cli_speech import BookOption, Tell
from creditaudit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from creditaudit.responses import Responded

app = typer.Typer()

Form = Literal["table", "json", "csv"]
Format = Annotated[Form, typer.Option("--format", help="For people, or for programs.")]


@app.command("respond")
def respond(
    book: BookOption,
    file: Annotated[Path, typer.Argument(help="The answers: the sheet that was sent, with the answer's columns.")],
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day for which they are handed in (default: the latest answered_on)."),
    ] = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="What became of each row, and why: table, json or csv, on stdout.")
    ] = None,
) -> int:
    """Put the answers of a liaison or an institution into the inbox; the next night takes them.

    Rows that do not hold go to FILE.refused.csv, with the reason; the others are taken. Exit 2: there was none to take.
    """
    from creditaudit.book.keys import KEY_VARIABLE, load_keys
    from creditaudit.book.layout import open_book
    from creditaudit.case_print import fate_lines
    from creditaudit.responses import respond as hand_in

    opened = open_book(book)
    keys = load_keys(os.environ.get(KEY_VARIABLE), book)
    done = hand_in(opened, file, keys, on=on.date() if on is not None else None)
    for line in fate_lines(done.rows, form) if form else ():
        Tell.result(line)
    _tell_responded(done)
    return int(ExitCode.SEALED if done.taken or done.known else ExitCode.USAGE)


def _tell_responded(done: Responded) -> None:
    if done.known is not None:
        Tell.note(f"this file was already taken: {done.known.file_name}; nothing changed", known=done.known.file_name)
        return
    if done.entry is not None:
        Tell.note(
            f"{done.taken} answers recorded for the first night from {done.entry.decided_on}: {done.entry.file_name}",
            taken=done.taken,
        )
    if done.hidden:
        Tell.note(
            f"in {done.hidden} of them a number or a name is hidden (***) in evidence_ref or comment: no book keeps it",
            hidden=done.hidden,
        )
    if done.repeated:
        Tell.note(f"{done.repeated} rows say what an earlier row says; taken once", repeated=done.repeated)
    if done.unanswered:
        Tell.note(f"{done.unanswered} rows are not answered yet; their cases wait", unanswered=done.unanswered)
    if done.refusals is not None:
        Tell.note(
            f"{done.refused} rows refused, each with its reason: {done.refusals} (as handed in, readable by you alone)."
            " Next step: correct that file and hand it in.",
            refused=done.refused,
        )
    elif done.entry is None:
        Tell.note("no row is answered; nothing was recorded. Next step: fill in outcome, answered_on and answered_by")


@app.command("queue")
def queue(
    book: BookOption,
    recipient: Annotated[str | None, typer.Option(help="Only what this recipient may answer.")] = None,
    state: Annotated[
        list[str] | None, typer.Option(help="Only this state; may be repeated (default: all open).")
    ] = None,
    form: Format = "table",
    *,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is late, the earliest due date first.")] = False,
) -> None:
    """List the cases that wait for somebody, the most urgent first."""
    from creditaudit.book.layout import open_book
    from creditaudit.case_print import queue_lines
    from creditaudit.case_view import queue as waiting

    opened = open_book(book)
    rows = waiting(opened, recipient=recipient, states=state or (), overdue=overdue)
    for line in queue_lines(rows, form):
        Tell.result(line)
    Tell.note(f"{len(rows)} cases as of night {opened.last} (待核查线索: leads to check)", rows=len(rows))


@app.command("case")
def case(
    case_id: Annotated[str, typer.Argument(help="The case.")],
    book: BookOption,
    form: Format = "table",
    *,
    html: Annotated[bool, typer.Option("--html", help="As the sheet that a reviewer signs: one A4 page.")] = False,
    out: Annotated[Path | None, typer.Option(help="With --html: write the sheet there, not to stdout.")] = None,
    language: Annotated[Literal["zh", "en"], typer.Option(help="With --html: the language of the sheet.")] = "zh",
) -> None:
    """Show one case whole: episodes, findings, elements, what to ask for and to do, every move with its proof."""
    from creditaudit.book.layout import open_book
    from creditaudit.case_print import case_lines
    from creditaudit.case_view import case_of

    if html:
        _sheet(book, case_id, language, out)
        return
    if out is not None:
        raise UsageError(
            "--out cannot be used", why="it is for --html alone", next_step="add --html, or leave out --out"
        )
    for line in case_lines(case_of(open_book(book), case_id), form):
        Tell.result(line)


@app.command("trace")
def trace(
    book: BookOption,
    case_id: Annotated[str | None, typer.Argument(help="The case; without it, name a file.")] = None,
    file: Annotated[
        str | None, typer.Option(help="A delivered file, as coverage calls it (FEED/NAME or NAME), or its SHA-256.")
    ] = None,
    line: Annotated[int | None, typer.Option(min=1, help="With --file: only this line.")] = None,
    form: Format = "table",
) -> None:
    """Name every delivered line and inbox entry that a case rests on, or every case that rests on a file or line."""
    from creditaudit.book.layout import open_book
    from creditaudit.case_print import trace_lines
    from creditaudit.intake.recalls import told
    from creditaudit.trace import Source
    from creditaudit.trace import trace as traced

    if line is not None and file is None:
        raise UsageError("--line has no meaning here", why="no file is named", next_step="give it with --file")
    opened = open_book(book)
    found = traced(opened, case_id=case_id, source=None if file is None else Source(file, line))
    for sentence in () if file is None else told(opened, file):
        Tell.note(sentence)
    for text in trace_lines(found, form):
        Tell.result(text)
    cases = len(set(found["case_id"].to_pylist()))
    files = len(set(zip(found["night"].to_pylist(), found["feed"].to_pylist(), found["file"].to_pylist(), strict=True)))
    Tell.note(
        f"{found.num_rows} lines and entries of {files} files, {cases} cases (待核查线索: leads to check)",
        rows=found.num_rows,
        cases=cases,
    )


@app.command("drift")
def drift(
    book: BookOption,
    earlier: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The earlier sealed night.")],
    later: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The later one.")],
    form: Format = "table",
) -> None:
    """Name every verdict, fault and state that changed between two nights, why, who had it, and who must be told."""
    from creditaudit.book.layout import open_book
    from creditaudit.case_print import drift_lines
    from creditaudit.drift import drift as compared

    found = compared(open_book(book), earlier.date(), later.date())
    for line in drift_lines(found, form):
        Tell.result(line)
    unnamed = len({r["change"] for r in found.causes.to_pylist() if r["cause"] == "unnamed"})
    untold = len({r["case_id"] for r in found.tell.to_pylist() if r["recipient"] and not r["told_on"]})
    Tell.note(
        f"{found.changes.num_rows} changes from {found.earlier} to {found.later}, {unnamed} of them without a cause"
        f" that could be named; of {untold} cases somebody is not told yet (待核查线索: leads to check)",
        changes=found.changes.num_rows,
        unnamed=unnamed,
        untold=untold,
    )


def _sheet(book: Path, case_id: str, language: str, out: Path | None) -> None:
    from creditaudit.book.files import write_bytes
    from creditaudit.book.layout import open_book
    from creditaudit.case_sheet import sheet_of

    content = sheet_of(open_book(book), case_id, language)
    if out is None:
        Tell.result(content.decode().rstrip("\n"))
        return
    write_bytes(out, content)
    Tell.note(f"sheet of {case_id} (待核查线索: a lead to check): {out}", file=str(out))
