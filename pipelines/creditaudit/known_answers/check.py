"""Ask the known-answer persons of a night: right, and what the night thereby proves, or wrong (SPEC 11)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from creditaudit.audit.rulebook import in_force
from creditaudit.engines import engine_aside
from creditaudit.errors import CreditAuditError, ExitCode, InternalError
from creditaudit.feeds import FEEDS
from creditaudit.intake.landing import ReportFile
from creditaudit.intake.profile import DEFAULT_PROFILE
from creditaudit.known_answers.declared import persons
from creditaudit.known_answers.reported import REPORT_PROFILE
from creditaudit.known_answers.world import deliver, judge_world, load_reference, profile_sets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import date
    from pathlib import Path

    from creditaudit.audit.rules_tonight import Rulebook
    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine
    from creditaudit.intake.landing import DeliveredFile
    from creditaudit.intake.profile import Profile
    from creditaudit.known_answers.declared import Person
    from creditaudit.known_answers.world import Said

# The world is small: a second thread would only wait for the first, which costs half as much again.
_MEMORY, _THREADS = "256MiB", 1
# How many wrong answers a message has room for; the page has all.
_TOLD = 3
_CHAINED, _CHAINED_FROM = "R109", frozenset({"R101", "R102", "R107"})
_CLEARED = "clear"
# SPEC 6.3: by how many accounts, groups and names the persons were made. Days and seconds are taken from the rule.
_COUNTED = {
    **{("R302", "least_names"): 2, ("R302", "least_groups"): 2},
    **{("R402", "least_accounts"): 3, ("R402", "least_groups"): 2},
}


@dataclass(frozen=True)
class WrongAnswer:
    """One known answer that was not given, or one that was given and is not known.

    Parameters
    ----------
    rule_id : str
        The rule; ``clear`` for a clearance, ``intake`` for a row that was not read as it was meant.
    person : str
        Name of the synthetic person.
    profiles : str
        Names of the profiles in whose words it was delivered.
    expected, found : str
        Empty: nothing.
    """

    rule_id: str
    person: str
    profiles: str
    expected: str
    found: str

    def __str__(self) -> str:
        return (
            f"{self.rule_id}, person {self.person}, profile {self.profiles}:"
            f" expected {self.expected or 'nothing'}, found {self.found or 'nothing'}"
        )


class KnownAnswerError(CreditAuditError):
    """A known-answer record was judged wrongly (exit 6): nothing may be sealed.

    Parameters
    ----------
    night : date
    wrong : sequence of WrongAnswer
        All of them.
    """

    exit_code = ExitCode.KNOWN_ANSWER

    def __init__(self, night: date, wrong: Sequence[WrongAnswer]) -> None:
        told = "; ".join(map(str, wrong[:_TOLD]))
        more = f"; and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        super().__init__(
            f"night {night} judges known answers wrongly, and nothing was sealed",
            why=f"{told}{more}",
            next_step="mend what changed last: the program, a rule's text, the profile or a reference table;"
            f" refused/{night}/night.html in the book has every wrong answer",
        )
        self.wrong = tuple(wrong)


@dataclass(frozen=True)
class Answered:
    """Known answers that were all given.

    Parameters
    ----------
    persons : int
        Persons asked, each once for every set of profiles that has words for them.
    answers : int
        Findings and clearances that had to be found, and were.
    profiles : tuple of str
        Names of the profiles in whose words they were asked.
    unproven : tuple of (str, str)
        What the night cannot prove by them: why (``rule_off``, ``counts_otherwise``, ``no_words``,
        ``no_answers``) and the rule.
    """

    persons: int
    answers: int
    profiles: tuple[str, ...]
    unproven: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as the summary has it."""
        return {
            "persons": self.persons,
            "answers": self.answers,
            "profiles": list(self.profiles),
            "unproven": [{"why": why, "rule": rule} for why, rule in self.unproven],
        }


def check_known_answers(
    files: Iterable[DeliveredFile],
    *,
    night: date,
    rules: Rulebook,
    reference: Path,
    keys: Keyring,
    aside: Callable[[], AbstractContextManager[Engine]] | None = None,
) -> Answered:
    """Deliver, judge and compare the known-answer persons of a night, apart from everything delivered.

    They are judged in an engine of their own by the night's own code, rule texts, profiles and reference tables:
    nothing of them can reach what the night publishes, counts or keeps, and they are judged every night, whoever is
    touched.

    Parameters
    ----------
    files : iterable of DeliveredFile
        Tonight's files, for the profiles in use; a feed without a file is asked in the words of SPEC 3.2.
    night : date
    rules : Rulebook
        Those of the night.
    reference : Path
        The night's copy of the reference tables.
    keys : Keyring
    aside : callable, optional
        Gives an engine of their own, of the kind that judges tonight; without it a small one of this machine.

    Raises
    ------
    KnownAnswerError
        One is judged wrongly.
    """
    sets = profile_sets(_in_use(files))
    with (aside or partial(engine_aside, _MEMORY, threads=_THREADS))() as engine:
        said = deliver(engine, sets, night, rules.in_force)
        load_reference(engine, len(sets), night, reference)
        try:
            found = judge_world(engine, rules.in_force, night, keys)
        except InternalError as error:  # nothing delivered is in that engine: the persons themselves were not judged
            lost = WrongAnswer("all", "all", "-", "an answer", f"{error.what}: {error.why}")
            raise KnownAnswerError(night, [lost]) from error
    judging = {rule.rule_id for rule in rules.in_force}
    otherwise = _otherwise(rules)
    asked = _asked(judging, otherwise)
    wrong = [*_silent(rules, night), *_wrong(said, found, asked)]
    if wrong:
        raise KnownAnswerError(night, wrong)
    answers = [line for person, _ in said.asked for line in person.finds if _rule(line) in asked]
    return Answered(
        len(said.asked),
        len(answers),
        tuple(sorted({name for names in said.profiles.values() for name in names.split(", ")})),
        tuple(_unproven({_rule(line) for line in answers}, judging, otherwise)),
    )


def _in_use(files: Iterable[DeliveredFile]) -> dict[str, list[Profile]]:
    found: dict[str, dict[str, Profile]] = {feed: {} for feed in FEEDS}
    for file in files:
        profile = REPORT_PROFILE if isinstance(file, ReportFile) else file.profile
        found[file.feed][profile.name] = profile
    return {
        feed: [profiles[name] for name in sorted(profiles)] or [DEFAULT_PROFILE] for feed, profiles in found.items()
    }


def _rule(line: str) -> str:
    """Return the rule of a declared line."""
    return line.split(" ")[1]


def _asked(judging: set[str], otherwise: set[str]) -> set[str]:
    """Return the rules whose answers are asked for: those in force that count as SPEC 6.3 does.

    Chains need all that they lead to.
    """
    known = {_rule(line) for person in persons() for line in person.finds}
    asked = known & (judging | {_CLEARED}) - otherwise
    return asked if judging >= _CHAINED_FROM else asked - {_CHAINED}


def _silent(rules: Rulebook, night: date) -> Iterator[WrongAnswer]:
    """Yield the rules that do not judge tonight though nobody switched them off, by dates or by approving none yet."""
    judging = {rule.rule_id for rule in rules.in_force}
    off = {rule.rule_id for rule in rules.every if rule not in in_force((rule,), night)}
    waiting = {name.split("_", 1)[0] for name in rules.unapproved} - {rule.rule_id for rule in rules.every}
    known = {_rule(line) for person in persons() for line in person.finds} - {_CLEARED}
    for rule_id in sorted(known - judging - off - waiting):
        yield WrongAnswer(rule_id, "all", "-", "the rule judges tonight", "")


def _wrong(said: Said, found: Mapping[tuple[int, int], list[str]], asked: set[str]) -> Iterator[WrongAnswer]:
    """Yield whatever differs, person by person, in the order of the sets."""
    for person, number, why in said.lost:
        yield WrongAnswer("intake", person.name, said.profiles[number], "a row that is read as it was meant", why)
    known = {(person.number, number) for person, number in said.asked}
    for person, number in said.asked:
        expected = {line for line in person.finds if _rule(line) in asked}
        given = found.get((person.number, number), [])
        yield from _compared(person, said.profiles[number], expected, [g for g in given if _rule(g) in asked])
    for owner in sorted(set(found) - known):
        for line in sorted(found[owner]):
            yield WrongAnswer(_rule(line), "nobody", said.profiles.get(owner[1], "-"), "", line)


def _compared(person: Person, profiles: str, expected: set[str], given: Sequence[str]) -> Iterator[WrongAnswer]:
    for line in sorted(expected - set(given)):
        # What was found of the same account by the same rule, if anything: the verdict or the fault is another one.
        other = [g for g in given if g.split(" ")[:2] == line.split(" ")[:2] and g not in expected]
        yield WrongAnswer(_rule(line), person.name, profiles, line, "; ".join(sorted(other)))
    told = {tuple(line.split(" ")[:2]) for line in expected - set(given)}
    for line in sorted(set(given) - expected):
        if tuple(line.split(" ")[:2]) not in told:
            yield WrongAnswer(_rule(line), person.name, profiles, "", line)
    twice = sorted({line for line in given if given.count(line) > 1})
    for line in twice:
        yield WrongAnswer(_rule(line), person.name, profiles, f"{line} once", "it twice")


def _otherwise(rules: Rulebook) -> set[str]:
    """Return the rules that count otherwise than SPEC 6.3: of those the persons' answers are not known."""
    return {
        rule.rule_id
        for rule in rules.in_force
        for param in rule.params
        if _COUNTED.get((rule.rule_id, param.name), param.value) != param.value
    }


def _unproven(answered: set[str], judging: set[str], otherwise: set[str]) -> Iterator[tuple[str, str]]:
    """Say what all those right answers do not prove."""
    known = {_rule(line) for person in persons() for line in person.finds} - {_CLEARED}
    for rule in sorted(known | judging):
        if rule not in known:
            yield "no_answers", rule
        elif rule not in judging:
            yield "rule_off", rule
        elif rule in otherwise:
            yield "counts_otherwise", rule
        elif rule not in answered:
            yield "no_words", rule
