"""SQL, formulas, HTML, paths and letters that act, in every text cell of every feed: text, from end to end."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from e2e.telltale import NAMES_OF_THINGS, ROWS
from place import Place, tree_of
from reference.columns import FEEDS
from reference.small import ACCOUNT, NIGHT, OPENING

if TYPE_CHECKING:
    from pathlib import Path

PAYLOADS = (
    "'; DROP TABLE findings; --",
    "') UNION ALL SELECT * FROM read_text('/etc/passwd') --",
    "$$; COPY (SELECT 1) TO '/tmp/creditaudit-was-here' --",
    "\"; ATTACH '/tmp/x.db'; --",
    "%s%n{0}{{7*7}}{% raw %}${x}",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    '+HYPERLINK("http://x.example","x")',
    "-2+3",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script></style><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "<!--<b>-->&lt;&#x3c;script>",
    "../../../etc/passwd",
    "..\\..\\x\x01",
    "nul\x00inside",
    "\x1b[2J\x1b]0;x\x07",
    "\u202egnp.exe\u2066x\u2069",
    "e\u0301\u200d\u2028\u2029",
    "\ufffe\U0010ffff",
    "NULL",
    "a" * 3000,
)
# What only pages of our own have; everything else in them is text.
TAGS_WITH_HARM = {"img", "iframe", "object", "embed", "form", "input", "base", "link"}


class _Page(HTMLParser):
    """Collects what a browser would run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts = 0
        self.harm: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        names = {name for name, _ in attrs}
        addresses = [value or "" for name, value in attrs if name in {"href", "src", "xlink:href"}]
        if tag in TAGS_WITH_HARM - {"input", "link"} or any(name.startswith("on") for name in names):
            self.harm.append(tag)
        self.harm += [a for a in addresses if a.strip().lower().startswith(("javascript:", "http:", "data:text"))]


def _scripts(path: Path) -> int:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    assert page.harm == [], path.name
    return page.scripts


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, dict[str, str]]:
    """A night in which every text says something harmful, and what lay around the book before it."""
    place = Place(tmp_path_factory.mktemp("payloads")).made()
    keys = {"accounts": "account_code", "openings": "account_code", "verifications": "check_id"}
    keys |= {"invalid_cards": "event_id", "loss_reports": "report_no", "impostors": "person_ref"}
    keys |= {"inquiries": "inquiry_id", "objections": "objection_no", "fraud_alerts": "alert_id"}
    keys |= {"account_renames": "old_account_code"}
    for feed, sound in ROWS.items():
        rows = [sound] if feed != "account_renames" else []
        free = [c.name for c in FEEDS[feed] if c.kind == "text" and c.name not in NAMES_OF_THINGS | {"id_number"}]
        for number, payload in enumerate(PAYLOADS):
            row = {**sound, **dict.fromkeys(free, payload)}
            if feed in keys:
                row[keys[feed]] = payload
            if feed in {"verifications", "objections"}:
                row["account_code"] = payload
            if feed == "account_renames":
                row |= {"old_account_code": f"old {number}", "new_account_code": payload, "new_provider_code": payload}
            if feed in {"accounts", "openings"}:
                row["region_code"] = payload
            rows.append(row)
        place.deliver(NIGHT, feed, rows)
    place.deliver(NIGHT, "accounts", [{**ACCOUNT, "account_code": "NAMED"}], name="'; DROP TABLE x; --<b>\x1b[2J.csv")
    place.drop(NIGHT, "openings", b"x", name="=1+1\n2026 sealed.txt")
    assert OPENING
    around = {path: digest for path, digest in tree_of(place.root).items() if not path.startswith("desk/book")}
    said = place.say(*place.asked("--night", NIGHT.isoformat()))
    assert said.code in {0, 5}, said.err
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", said.err)
    assert not [line for line in said.err.splitlines() if line.startswith("2026 sealed")]
    return place, around


def test_every_payload_is_the_text_that_it_was(struck: tuple[Place, dict[str, str]]) -> None:
    place, _ = struck
    codes = {str(row["account_code"]) for row in place.rows(NIGHT, "findings") if row["rule_id"] == "R101"}
    assert codes >= set(PAYLOADS), set(PAYLOADS) - codes
    notices = {str(row["notice_id"]) for row in place.rows(NIGHT, "findings")}
    assert notices >= {PAYLOADS[0], PAYLOADS[9]}
    assert place.say("verify", "--book", str(place.book)).code == 0


def test_nothing_outside_the_book_changed_and_no_name_in_it_was_chosen_outside(
    struck: tuple[Place, dict[str, str]],
) -> None:
    place, around = struck
    now = {path: digest for path, digest in tree_of(place.root).items() if not path.startswith("desk/book")}
    assert now == around
    assert all(re.fullmatch(r"[A-Za-z0-9._/-]+", name) for name in place.tree())


def test_no_cell_runs_in_a_spreadsheet(struck: tuple[Place, dict[str, str]]) -> None:
    place, _ = struck
    seen = 0
    for path in sorted(place.folder(NIGHT).glob("reports/*/*.csv")):
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")):
            seen += len(row)
            assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))], path.name
    assert seen > len(PAYLOADS)


def test_no_page_runs_or_loads_what_was_delivered(struck: tuple[Place, dict[str, str]]) -> None:
    place, _ = struck
    assert _scripts(place.folder(NIGHT) / "night.html") == 1
    sheets = sorted(place.folder(NIGHT).glob("reports/*/cases/*.html"))
    assert sheets
    assert {_scripts(sheet) for sheet in sheets} == {0}


def test_no_answer_of_a_command_acts_on_a_terminal(
    struck: tuple[Place, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is printed for a person has no letter that moves a cursor or turns the writing."""
    place, _ = struck
    monkeypatch.setattr(io, "StringIO", _Terminal)
    book = ["--book", str(place.book)]
    [case, *_] = place.rows(NIGHT, "cases")
    for words in (
        ["queue", *book],
        ["show", *book],
        ["case", str(case["case_id"]), *book, "--html"],
        ["status", *book],
    ):
        said = place.say(*words)
        assert said.code == 0, said.err
        acting = re.findall("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u2028\u2029]", said.out + said.err)
        assert acting == [], words
