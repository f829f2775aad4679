"""``creditaudit rules``: list, lint, test, approve."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from creditaudit.cli_speech import BookOption, Tell
from creditaudit.errors import ExitCode, UsageError

app = typer.Typer(help="The rules: list, lint, test, approve.", no_args_is_help=True)


@app.command("list")
def list_rules(
    *, markdown: Annotated[bool, typer.Option("--markdown", help="As the table of the README.")] = False
) -> None:
    """List the shipped rules."""
    from creditaudit.audit.rulebook import load_rules

    if markdown:
        Tell.result("| rule | says | 说明 | source |\n|---|---|---|---|")
    for rule in load_rules():
        name = f"{rule.rule_id} {rule.name}"
        Tell.result(
            f"| {name} | {rule.title_en} | {rule.title_zh} | {rule.clause} |"
            if markdown
            else f"{name:<38} {rule.title_zh}  {rule.title_en}  [{rule.clause}]"
        )


@app.command("lint")
def lint_texts(
    folder: Annotated[Path | None, typer.Option(help="Folder of rules (default: the shipped ones).")] = None,
) -> int:
    """Name everything that a rule's text may not say; exit 2 if there is anything."""
    from creditaudit.audit.rulebook import lint_rules

    found = lint_rules(folder)
    for finding in found:
        Tell.result(f"{finding.file}:{finding.line}: {finding.reason}")
    return int(ExitCode.USAGE if found else ExitCode.SEALED)


@app.command("test")
def run_cases(
    rule: Annotated[str | None, typer.Argument(help="Rule id, such as R101 (default: all).")] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder of rules (default: the shipped ones).")] = None,
) -> int:
    """Run the cases of a rule, and name required cases that are missing; exit 2 if one fails."""
    import tempfile

    from creditaudit.audit.case_runs import check_rules
    from creditaudit.audit.rulebook import load_rules
    from creditaudit.engines import open_engine

    chosen = [r for r in load_rules(folder) if rule is None or r.rule_id == rule]
    if not chosen:
        raise UsageError("the rule is not known", why=str(rule), next_step="see `creditaudit rules list`")
    with tempfile.TemporaryDirectory() as scratch:
        engine = open_engine(Path(scratch), threads=2, memory_limit="1GiB")
        reports = check_rules(chosen, engine)
        engine.close()
    for report in reports:
        passed = sum(outcome.passed for outcome in report.outcomes)
        Tell.result(f"{report.rule.rule_id}: {passed} of {len(report.outcomes)} cases as expected")
        for line in [*(o.explained() for o in report.outcomes if not o.passed), *report.unmet]:
            Tell.result(f"  {line}")
    return int(ExitCode.SEALED if all(r.passed for r in reports) else ExitCode.USAGE)


@app.command("approve")
def approve(
    rule: Annotated[str, typer.Argument(help="Rule id, such as R101.")],
    book: BookOption,
    by: Annotated[str, typer.Option(help="Who approves.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date of the decision.")] = None,
) -> None:
    """Put a rule's shipped text into the inbox; the next night takes it."""
    from creditaudit.audit.rulebook import load_rules
    from creditaudit.book.inbox import put
    from creditaudit.book.layout import open_book

    found = next((r for r in load_rules() if r.rule_id == rule), None)
    if found is None:
        raise UsageError("the rule is not known", why=rule, next_step="see `creditaudit rules list`")
    body = {"folder": f"{found.rule_id}_{found.name}", "text": found.text, "sha256": found.sha256}
    entry = put(
        open_book(book), "rule_approval", by=by, reason=reason, body=body, on=on.date() if on is not None else None
    )
    Tell.note(f"approval of {rule} recorded for {entry.decided_on}: {entry.file_name}")
