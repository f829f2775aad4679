"""The order of a night: receive, contract, judge, score, track, report, seal (SPEC 2). Read it: that is the program."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from creditaudit.audit.absent import leave_out, release
from creditaudit.audit.everyone import Judging, why_everyone
from creditaudit.audit.findings import clearance_rows, finding_rows
from creditaudit.audit.judgment import Judgment, judge_night, put_away
from creditaudit.audit.notices import tell_notices
from creditaudit.audit.rulebook import rule_titles
from creditaudit.audit.rules_tonight import rules_tonight
from creditaudit.audit.scope import widen
from creditaudit.audit.shadow import counted, run_in_shadow
from creditaudit.audit.suggestions import suggest
from creditaudit.audit.tally import count_judged
from creditaudit.audit.touched import open_changes
from creditaudit.book.addressed import name_regions
from creditaudit.book.case_state import (
    CASE_FACTS,
    CASE_LIFE,
    CASE_MEMORY,
    CASE_OBJECTIONS,
    CASE_QUEUE,
    CASE_SUBJECTS,
    LATE_ANSWERS,
    SENT_CASES,
)
from creditaudit.book.complete import is_complete_due
from creditaudit.book.files import listed, write_parquet
from creditaudit.book.inbox import decisions
from creditaudit.book.keys import load_keys
from creditaudit.book.layout import Book, commit, open_book
from creditaudit.book.reference import read, snapshot
from creditaudit.book.rights import open_reports
from creditaudit.book.rules_in_force import copy_rules
from creditaudit.book.seal import write_manifest
from creditaudit.book.sheet_state import SHEET_FACTS
from creditaudit.book.state import open_state, open_states, write_changes
from creditaudit.book.tombstones import finish
from creditaudit.book.writer import writing
from creditaudit.cases.answers import take_answers
from creditaudit.cases.clocks import read_clocks
from creditaudit.cases.events import event_rows
from creditaudit.cases.institutions import count_institutions, late_answers
from creditaudit.cases.joined import answer_joined
from creditaudit.cases.known import open_previous
from creditaudit.cases.prove import prove
from creditaudit.cases.strength import strengths
from creditaudit.cases.track import (
    case_memory,
    case_rows,
    lives_changed,
    objections_changed,
    recall_cases,
    subjects_changed,
    track,
)
from creditaudit.contracts.contract import Contract, hold, kinds_of, open_contract
from creditaudit.errors import UsageError
from creditaudit.fault.decide import decide
from creditaudit.fault.sheet_facts import sheet_facts_changed, tell_elements
from creditaudit.feeds import FEEDS
from creditaudit.intake.account_files import quarantined_accounts
from creditaudit.intake.admit import Admitted, admit, quarantine
from creditaudit.intake.coverage import coverage, covered, inputs
from creditaudit.intake.doubts import doubts
from creditaudit.intake.kept_tables import kept_tables
from creditaudit.intake.labels import Labels
from creditaudit.intake.order import Delivery, check_order, gather
from creditaudit.intake.outcome import Assessment, assess
from creditaudit.intake.profile import profiles_of
from creditaudit.intake.receive import FileReport, receive
from creditaudit.intake.unchanged import check_unchanged
from creditaudit.intake.volume import delta_rows, shrunken
from creditaudit.known_answers import KnownAnswerError, check_known_answers
from creditaudit.night_engine import SPARK, Judges, judges, named_engine
from creditaudit.night_request import NightOutcome, NightRequest
from creditaudit.night_run import SCRATCH, Run, workshop
from creditaudit.reports.case_sheets import CaseSheets, choose
from creditaudit.reports.changes import count_other_ids, tell_changes
from creditaudit.reports.folders import ReportContext, write_reports
from creditaudit.reports.listed import build_listed, sent_changed
from creditaudit.reports.page import write_page
from creditaudit.reports.quiet import quiet
from creditaudit.reports.recipients import Recipient, read_recipients, without_key
from creditaudit.reports.refused_page import write_refused_page
from creditaudit.reports.side_sheets import build_side_rows
from creditaudit.reports.summary import summarise
from creditaudit.scoring.drift import scoring_summary
from creditaudit.scoring.facts import facts_changed, gather_facts, queued_tonight
from creditaudit.scoring.in_force import model_tonight
from creditaudit.scoring.score import score_cases
from creditaudit.settings import load_settings
from creditaudit.tables import PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.intake.readmission import Readmissions
    from creditaudit.runlog import RunLog, Stage

__all__ = ["NightOutcome", "NightRequest", "run_night"]


def run_night(request: NightRequest, log: RunLog) -> NightOutcome:
    """Run one night: everything becomes visible at once, or nothing does.

    Parameters
    ----------
    request : NightRequest
    log : RunLog
        Receives the stages with their times; never read.

    Raises
    ------
    CreditAuditError
        With the exit code of SPEC 2; the book is as it was before.
    """
    settings = load_settings(request.book, request.config, FEEDS)
    if not settings.mandate.text.strip():
        raise UsageError(
            "the night is refused",
            why="the configuration has no [mandate] text: who asked for this audit, on what basis",
            next_step="write it into the configuration (`creditaudit init BOOK` makes one)",
        )
    opened = open_book(request.book)
    keys = load_keys(request.key_file, request.book)
    outcome = partial(NightOutcome, request.night, opened.folder(request.night), is_demo=keys.is_demo)
    with writing(opened) as book:
        if request.night in book.sealed:
            return outcome(was_sealed=True, summary=book.manifests[request.night]["summary"])
        labels, profiles = Labels(keys), profiles_of(settings.sources)
        skipped = check_order(book, request.landing, request.night, request.skips, labels, profiles=profiles)
        delivery = gather(book, request.landing, request.night, labels, profiles=profiles)
        threads, judge = request.threads or settings.engine.threads, named_engine(request.engine, settings)
        is_complete = is_complete_due(book, request.night)
        with workshop(book, request.night, settings, threads, log.meter) as (folder, engine):
            everyone = request.everyone or judge == SPARK
            run = Run(request.night, book, keys, settings, engine, folder, log, threads, is_complete, everyone, judge)
            try:
                summary = _work(run, delivery)
            except KnownAnswerError as error:
                page = book.root / "refused" / request.night.isoformat() / "night.html"
                write_refused_page(page, night=request.night, wrong=[asdict(answer) for answer in error.wrong])
                raise
            engine.close()
            shutil.rmtree(folder / SCRATCH)
            with log.stage("seal"):
                write_manifest(folder, run.manifest(skipped, summary), keys)
                open_reports(book.root, folder, is_wanted=settings.reports.are_for_a_group)
                commit(book, request.night)
                copy_rules(book, request.night)
            if run.removals:
                finish(Book(book.root))
    return outcome(was_sealed=False, summary=summary)


def _work(run: Run, delivery: Delivery) -> dict[str, Any]:
    """Do steps 1 to 6 of SPEC 2; returns the summary."""
    recipients, contract = _prepare(run)
    run.inbox = decisions(run.book, run.night)
    run.erase()
    corrected = run.readmit(run.take_back())
    with run.log.stage("receive") as stage:
        reports = receive(
            corrected.among(delivery.files),
            night=run.night,
            scratch=run.folder / SCRATCH,
            workers=run.threads,
            max_quarantine_share=run.settings.contract.max_quarantine_share,
            watch=run.log.watch,
        )
        reports = run.recalls.refuse(reports)
        stage.rows = sum(r.delivered or 0 for r in reports)
    with run.log.stage("contract"):
        deltas = delta_rows(reports, run.night)
        run.tonight["delta_rows"] = write_changes(run.folder, "delta_rows", deltas)
        assessment = assess(reports, run.settings, shrunken(run.book, reports, deltas, run.settings, run.night))
        assessment.demand(run.night)
    with run.log.stage("keys"):
        admitted = _admit(run, reports, corrected)
        run.inputs = inputs(reports, admitted, run.night)
    with run.log.stage("expectations"):
        kinds = kinds_of((r.file.feed, r.file.name, r.control.kind) for r in reports if r.refused is None)
        run.doubts = hold(run.engine, contract, run.book, run.folder, kinds)
    with judges(run) as judging:
        with run.log.stage("known answers") as stage:
            run.rules = rules_tonight(run.book, run.inbox.sound, run.night, run.folder / "rules")
            run.inbox.refused.extend(run.rules.refused)
            tabled = run.folder / "reference"
            answered = check_known_answers(
                delivery.files, night=run.night, rules=run.rules, reference=tabled, keys=run.keys, aside=judging.aside
            )
            stage.rows = answered.persons
        with run.log.stage("judge") as stage:
            judgment = _judge(run, stage, judging)
    with run.log.stage("score") as stage:
        stage.rows, scoring = _score(run)
    with run.log.stage("track"):
        _track(run, assessment, judgment)
        unburied = run.bury()
    with run.log.stage("report"):
        if not judgment.is_counted:
            count_judged(run.engine, "absent_codes")  # over the whole book
        tables = {
            "quarantine": quarantine(admitted),
            "coverage": coverage(reports, admitted, run.night),
            "institutions": count_institutions(run.engine, run.night),
        }
        published = _publish(run, tables)
        summary = summarise(
            run.engine,
            tables,
            stale=assessment.stale,
            ignored=judgment.ignored,
            contradicted=judgment.contradicted,
            corrected=(corrected.links.num_rows, (*run.inbox.refused, *corrected.refused, *unburied)),
        )
        run.engine.drop("clearances", "every_case")
        summary |= {"scoring": scoring, "known_answers": answered.as_dict(), "recalled": [*run.recalls.told]}
        _report(run, delivery, reports, recipients, summary=summary, published=published, covering=tables["coverage"])
    check_unchanged(reports)
    if run.is_complete and run.book.last is not None:
        with run.log.stage("complete states"):  # last of all: nothing in force can be read after it
            run.write_complete()
    return summary


def _prepare(run: Run) -> tuple[tuple[Recipient, ...], Contract]:
    """Copy reference tables and suites into the night and read them: a bad one stops it before the work, not after."""
    snapshot(run.book, run.folder / "reference")
    for table in ("institutions", "recipients", "duties", "clocks", "remedies"):
        run.engine.load(table, read(run.folder / "reference", table))
    read_clocks(read(run.folder / "reference", "clocks"))
    name_regions(run.engine, run.night)
    recipients = read_recipients(read(run.folder / "reference", "recipients"))
    without_key(recipients, run.keys)
    return recipients, open_contract(run.engine, run.book, run.night, run.folder)


def _admit(run: Run, every: Sequence[FileReport], corrected: Readmissions) -> list[Admitted]:
    """Resolve keys feed by feed, write intake, state and quarantine, and name the rows in force."""
    reports = [r for r in every if r.refused is None]
    admitted = [
        admit(
            run.engine,
            run.book,
            feed,
            reports=[r for r in reports if r.file.feed == feed],
            folder=run.folder,
            night=run.night,
        )
        for feed in FEEDS
    ]
    run.quarantined = cache(partial(quarantined_accounts, admitted, reports))
    open_state(run.engine, run.book, "absent_accounts", "standing_absent_accounts")
    made = {
        **kept_tables(run.engine, admitted, every, run.folder, run.night),
        "readmitted_rows": corrected.links,
        "absent_accounts": release(run.engine, run.night, run.quarantined),
    }
    run.tonight |= {
        **{a.feed: a.state for a in admitted},
        "opening_changes": listed(run.folder / "state" / "opening_changes"),
        **{name: write_changes(run.folder, name, rows) for name, rows in made.items()},
    }
    open_states(run.engine, run.book, run.tonight)
    return admitted


def _judge(run: Run, stage: Stage, judging: Judges) -> Judgment:
    """Judge who is touched tonight, or everyone where that is asked for or cannot be told apart (SPEC 2)."""
    kinds = [entry.kind for entry in run.inbox.sound]
    tonight = Judging(run.night, run.judged_by(), run.rules.every, run.folder / "reference", kinds, run.rules.shadow)
    why = f"asked for ({run.judge})" if run.everyone else why_everyone(run.book, tonight)
    leave_out(run.engine, run.book, run.night)
    changes = None if why else open_changes(run.engine, run.book, run.night, run.tonight, run.rules.in_force)
    ranks = strengths(rule.rule_id for rule in run.rules.in_force)
    with judging.over_all() as engine:
        judgment = judge_night(engine, run.rules.in_force, run.night, run.keys, changes)
        if run.rules.shadow:
            run.shadow = counted(run_in_shadow(engine, run.rules.shadow, run.rules.in_force))
        decide(engine, run.night, ranks)
    gather_facts(run.engine, run.keys, ranks)
    widen(run.engine)
    stage.rows = judgment.findings
    looked = f"{judgment.accounts} accounts"
    stage.note = f"everyone: {why or 'many are touched'}" if judgment.accounts is None else looked
    return judgment


def _score(run: Run) -> tuple[int, dict[str, Any]]:
    """Order the queue by the model in force, else by the formula; returns the subjects scored, and the summary."""
    run.remember({CASE_FACTS.name: facts_changed(run.engine, run.night)})
    in_force, refused = model_tonight(run.book, run.inbox.sound, run.folder / "model")
    run.inbox.refused.extend(refused)
    run.model, features = in_force.digest, score_cases(run.engine, in_force.model)
    return features.num_rows, scoring_summary(in_force, features, run.keys.active.key_id)


def _track(run: Run, assessment: Assessment, judgment: Judgment) -> None:
    """Open and change cases; keep what they must remember."""
    open_previous(run.engine, run.book)
    run.inbox.refused.extend(take_answers(run.engine, run.inbox.sound, run.night, run.keys))
    may_rest = judgment.accounts is not None and run.has_last_model() and not assessment.stale
    recall_cases(run.engine, run.book, run.night, may_rest=may_rest)
    answer_joined(run.engine)
    run.remember(prove(run.engine, run.book, run.night, entries=run.inbox.sound, quarantined=run.quarantined))
    track(run.engine, run.night, run.keys, stale_feeds=sorted(assessment.stale), tonight=run.tonight)
    kept = (
        (CASE_MEMORY, case_memory),
        (CASE_SUBJECTS, subjects_changed),
        (CASE_LIFE, lives_changed),
        (CASE_QUEUE, queued_tonight),
        (CASE_OBJECTIONS, objections_changed),
        (LATE_ANSWERS, late_answers),
        (SHEET_FACTS, sheet_facts_changed),
    )
    for table, changed in kept:  # one by one: a night that judges everyone has millions of rows of each
        run.remember({table.name: changed(run.engine, run.night)})
    put_away(run.engine)


def _publish(run: Run, tables: Mapping[str, pa.Table]) -> dict[str, Path]:
    """Write the tables that are published; the long ones go from the engine to the file, nowhere held whole."""
    every: dict[str, Iterable[pa.RecordBatch | pa.Table]] = {
        **{name: [table] for name, table in tables.items()},
        "findings": finding_rows(run.engine),
        "clearances": clearance_rows(run.engine, run.night),
        "cases": case_rows(run.engine),
        "case_events": event_rows(run.engine, run.night),
    }
    paths = {name: run.folder / "published" / f"{name}.parquet" for name in every}
    for name, rows in every.items():
        write_parquet(paths[name], PUBLISHED[name], rows)
    return paths


def _report(
    run: Run,
    delivery: Delivery,
    reports: Sequence[FileReport],
    recipients: tuple[Recipient, ...],
    *,
    summary: dict[str, Any],
    published: dict[str, Path],
    covering: pa.Table,
) -> None:
    """Write the files of every recipient and the page of the night."""
    last = run.book.last
    seal = run.book.manifests[last]["seal"] if last else None
    context = ReportContext(run.night, run.settings.mandate.text, seal, published, covered(reports))
    summary["numbers_without_suggestions"] = suggest(run.engine)
    summary |= build_side_rows(run.engine, lambda n: run.folder if n == run.night else run.book.folder(n))
    build_listed(run.engine)
    sheets = _case_sheets(run)
    written = write_reports(run.engine, recipients, run.folder / "reports", context, run.keys, case_sheets=sheets)
    summary |= {"sent": written.sent, "retracted": written.retracted, "disputed_characters": written.disputed}
    summary |= {"case_sheets": sheets.written, "other_id_types": count_other_ids(run.engine, run.night)}
    summary |= tell_changes(run.engine, run.night)
    run.remember({SENT_CASES.name: sent_changed(run.engine, run.night)})
    told = [
        *without_key(recipients, run.keys),
        *doubts(run.engine, run.book, run.folder, reports, run.night),
        *run.doubts,
        *map(str, run.removals),
    ]
    summary |= {"late_files": list(delivery.late), "warnings": [*delivery.warnings, *told]}
    summary["unapproved_rules"] = list(run.rules.unapproved)
    summary["quiet"] = quiet(summary)
    write_page(
        run.folder / "night.html",
        night=run.night,
        mandate=run.settings.mandate.text,
        summary={**summary, "shadow": run.shadow},  # of the page alone (SPEC 9)
        coverage=covering,
        inputs=run.inputs,
        is_demo=run.keys.is_demo,
        pictures=sheets.pictures(),
    )


def _case_sheets(run: Run) -> CaseSheets:
    """Gather what the sheets of tonight's cases show, and the pictures of the page."""
    choose(run.engine, run.night)
    tell_elements(run.engine)
    tell_notices(run.engine)
    run.engine.load("rule_titles", rule_titles(run.rules.every))
    return CaseSheets(run.engine, run.night)
