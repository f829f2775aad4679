"""The known-answer persons asked outside any night, with one thing broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from creditaudit.audit.rulebook import in_force, load_rules, parse_rule
from creditaudit.audit.rules_tonight import Rulebook
from creditaudit.book.keys import load_keys, new_key_file
from creditaudit.book.reference import snapshot_of
from creditaudit.intake.landing import REPORT_FEEDS, DeliveredFile, ReportFile
from creditaudit.intake.profile import Profile
from creditaudit.known_answers import Answered, check_known_answers
from creditaudit.source_settings import SourceSettings
from unit.kit import NIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from creditaudit.audit.rulebook import Rule
    from creditaudit.book.keys import Keyring


@cache
def shipped() -> tuple[Rule, ...]:
    """Return the shipped rules."""
    return load_rules()


def changed_rules(swaps: Mapping[str, Sequence[tuple[str, str]]]) -> tuple[Rule, ...]:
    """Return the shipped rules with some texts changed: every swap (rule id to old and new words) finds its words."""
    rules = []
    for rule in shipped():
        text = rule.text
        for old, new in swaps.get(rule.rule_id, ()):
            assert old in text, (rule.rule_id, old)
            text = text.replace(old, new)
        rules.append(parse_rule(text.encode(), rule.rule_id) if text != rule.text else rule)
    return tuple(rules)


def profile(feed: str, name: str = "bank", **source: Any) -> Profile:
    """Return a source profile of one feed."""
    return Profile(name, SourceSettings(feed=feed, files=f"{name}*", **source))


@dataclass
class Desk:
    """Where known answers are asked.

    Parameters
    ----------
    root : Path
        Folder of the test.
    """

    root: Path
    keys: Keyring = field(init=False)

    def __post_init__(self) -> None:
        """Make the key and the reference tables of the program."""
        new_key_file(self.root / "key.json", demo=True)
        self.keys = load_keys(str(self.root / "key.json"), self.root / "book")
        for table in ("institutions", "duties"):
            snapshot_of(None, table, self.root)

    def ask(
        self, *profiles: Profile, rules: Iterable[Rule] | None = None, night: date = NIGHT, reports: bool = False
    ) -> Answered:
        """Ask them as a night does whose files are read by these profiles; ``reports``: it has a credit report, too."""
        every = tuple(shipped() if rules is None else rules)
        files = [DeliveredFile(p.source.feed, f"{p.name}.csv", Path("none"), profile=p) for p in profiles]
        files += [ReportFile(feed, "reports/p.xml", Path("none")) for feed in REPORT_FEEDS if reports]
        judging = Rulebook(every, in_force(every, night), {}, (), ())
        return check_known_answers(files, night=night, rules=judging, reference=self.root, keys=self.keys)
