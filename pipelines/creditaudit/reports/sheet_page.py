"""One case sheet as a page: what is shown of a case, in the words and behind the mask of its reader (SPEC 7.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final
from unicodedata import east_asian_width

from creditaudit.masking import USUAL, Mask, numbers_hidden, without_numbers
from creditaudit.reports.drawing import day, when
from creditaudit.reports.dress import part, plain, policy, template
from creditaudit.reports.pictures import SheetFacts, draw, notice_called
from creditaudit.reports.words import LANGUAGES, code_words, say

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from markupsafe import Markup

Row = dict[str, Any]

# What one page holds of each part.
_FINDINGS, _FLIPS, _STEPS, _CLAUSES, _DOCUMENTS = 3, 4, 6, 8, 4
# In half-width letters: a Chinese one has the room of two. A line holds about 120 of them, half a line about 56.
_LONG, _LONGER, _LINE, _HALF = 80, 216, 116, 54
# Lines beyond which a sheet is set in smaller letters: one page holds whatever a case has.
_DENSE: Final = 42
_DAY: Final = 86_400


# The terms of the score, which stand in both languages at the end of the published reasons.
_TERMS: Final = {"zh": re.compile(r"评分依据：(.*?)(?: \| score: |$)"), "en": re.compile(r"score: ([^|]*)$")}


@dataclass(frozen=True)
class Names:
    """What documents and rules are called: id to (Chinese, English)."""

    documents: Mapping[str, tuple[str, str]]
    rules: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Reader:
    """Who reads a sheet.

    Parameters
    ----------
    language : str
        ``zh`` or ``en``.
    mask : Mask
        For the ID number.
    hidden : mapping
        Texts of evidence as this reader may read them; others stay.
    """

    language: str
    mask: Mask = USUAL
    hidden: Mapping[str, str] = field(default_factory=dict)

    def says(self, key: str, **values: object) -> str:
        """Return a text in the reader's language."""
        return say(self.language, key, **values)

    def calls(self, code: str | None) -> str:
        """Return what a code is called."""
        return code_words(self.language, code)

    def value(self, element: str, value: str) -> str:
        """Return what a value of an element is called."""
        own = f"{element}_{value}"
        told = self.calls(own)
        return self.calls(value) if told == own else told

    def evidence(self, text: str) -> str:
        """Return evidence as the reader may read it."""
        return numbers_hidden(self.hidden.get(text, text))

    def codes(self, text: str) -> str:
        """Return evidence that is codes alone, ours and delivered ones, as the reader may read it."""
        return without_numbers(self.hidden.get(text, text))


def render(facts: SheetFacts, night: date, reader: Reader, names: Names, picture: Markup | None = None) -> bytes:
    """Return one sheet: the same facts, night, reader and names give the same bytes.

    ``picture`` is what :func:`creditaudit.reports.pictures.draw` draws in the reader's language, where somebody has it.
    """
    case, style = facts.case, part("sheet.css")
    found = [_finding(row, reader, names) for row in facts.findings]
    if not found:
        found = [reader.says("objection_only" if case["tier"] == "objection" else "fallen")]
        if case["rule_id"] is not None:  # the finding that decided the case when it last stood
            kept = {"verdict": case["judged_verdict"], "relation": None, "reported_from": None, "reported_to": None}
            found.append(_finding({**case, **kept}, reader, names))
    spoken = LANGUAGES.index(reader.language)
    asked = [names.documents[one][spoken] for one in (case["ask_for"] or "").split(";") if one in names.documents]
    parts: dict[str, Any] = {
        "more_marks": len(facts.marks) - len(facts.shown),
        "findings": found[:_FINDINGS],
        "more_findings": max(0, len(found) - _FINDINGS),
        "elements": [_element(row, reader) for row in facts.elements],
        "flips": [_flip(row, reader) for row in facts.flips[:_FLIPS]],
        "more_flips": max(0, len(facts.flips) - _FLIPS),
        "ask_for": [_cut(one, _LONG) for one in asked[:_DOCUMENTS]],
        "more_documents": max(0, len(asked) - _DOCUMENTS),
        "blind_spots": _cut(reader.codes(case["blind_spots"] or ""), 2 * _LONG),
        "steps": [_step(row, reader) for row in facts.steps[:_STEPS]],
        "more_steps": max(0, len(facts.steps) - _STEPS),
        "clauses": _clauses(facts, reader),
        "terms": _cut(numbers_hidden(_terms(case["reasons"] or "", reader.language)), _LONGER),
    }
    text = template("sheet.html.j2").render(
        t=reader.says,
        c=reader.calls,
        policy=policy(style),
        style=style,
        language=reader.language,
        night=night.isoformat(),
        case=case,
        account=facts.account,
        person=reader.mask.of(case["id_norm"]) if case["id_norm"] else "",
        due=_due(case, reader),
        shown=_shown_card(case, reader),
        picture=picture if picture is not None else draw(facts, reader.language),
        is_dense=_lines(parts) + len(facts.shown) > _DENSE,
        **parts,
    )
    return text.encode()


def _terms(reasons: str, language: str) -> str:
    found = _TERMS[language].search(reasons)
    return found[1] if found else ""


def _lines(parts: Row) -> int:
    """Return about how many lines the parts of a sheet take."""
    left = [*parts["flips"]]
    right = [*parts["ask_for"], parts["blind_spots"], "-", "-"]
    whole = [*parts["findings"], *(one["text"] for one in parts["steps"]), parts["clauses"], parts["terms"]]
    beside = max(sum(-(-_room(text) // _HALF) for text in side) for side in (left, right))
    return len(parts["elements"]) + beside + sum(-(-_room(text) // _LINE) for text in whole)


def _finding(row: Row, reader: Reader, names: Names) -> str:
    title = names.rules.get(row["rule_id"], ("", ""))[LANGUAGES.index(reader.language)]
    parts = [f"{row['rule_id']} {title} — {reader.calls(row['verdict'])}"]
    notice = notice_called(row)
    if notice is not None:
        named = reader.says("notice", which=notice)
        told = "" if row["reported_from"] is None else f" ({when(row['reported_from'], row['reported_to'])})"
        parts.append(f"{named}{told}")
    if row["relation"] is not None:
        parts.append(reader.says("relation", which=reader.calls(row["relation"])))
    return _cut("; ".join(parts), _LONGER)


def _flip(row: Row, reader: Reader) -> str:
    told = [f"{reader.calls(one['name'])}: {reader.value(one['name'], one['value'])}" for one in row["changes"]]
    between = reader.says("and")
    note = reader.says("flip_open" if row["is_open"] else "flip_against")
    return f"{between.join(told)} → {reader.calls(row['fault'])} ({note})"


def _element(row: Row, reader: Reader) -> Row:
    source = _cut(reader.evidence(source_of(row)), _LONG)
    return {**row, "said": reader.value(row["name"], row["value"]), "source": source}


def _step(row: Row, reader: Reader) -> Row:
    text = row["next_step"] if reader.language == "zh" else row["next_step_en"] or row["next_step"]
    return {"who": reader.calls(row["who"]), "text": _cut(text, _LONGER)}


def source_of(element: Row) -> str:
    """Return the row that an element rests on: its key, and what of it; empty: there is none."""
    told = {pair["name"]: pair["value"] for pair in element["source"] or ()}
    parts = []
    if "notice_id" in told:
        parts.append(f"{told.pop('notice_source')} {without_numbers(told.pop('notice_id'))}")
    seen = [told.pop(name, None) for name in ("visible_from", "visible_to")]
    if seen[0] is not None:
        parts.append(f"visible {when(int(seen[0]), None if seen[1] is None else int(seen[1]))}")
    followed = told.pop("exception_followed_up_on", None)
    if followed is not None:
        parts.append(f"exception_followed_up_on {day(int(followed) * _DAY)}")
    parts += [f"{name} {without_numbers(value) if name.endswith('_id') else value}" for name, value in told.items()]
    return ", ".join(parts)


def _due(case: Row, reader: Reader) -> str:
    if case["due_on"] is None:
        return reader.says("due_none")
    left = case["days_left"]
    told = reader.says("days_left" if left >= 0 else "days_late", n=abs(left))
    kinds = [reader.calls(f"due_{case['due_kind']}") if case["due_kind"] else "", told]
    if case["due_provisional"]:
        kinds.append(reader.says("provisional"))
    return f"{case['due_on']} ({', '.join(kind for kind in kinds if kind)})"


def _shown_card(case: Row, reader: Reader) -> str:
    told = [reader.calls(case["document_kind"])]
    if case["shown_on"] is not None:
        told.append(reader.says("card_from", day=day(case["shown_on"] * _DAY)))
    if case["shown_to"] is not None:
        told.append(reader.says("card_to", day=day(case["shown_to"] * _DAY)))
    return " ".join(one for one in told if one)


def _clauses(facts: SheetFacts, reader: Reader) -> str:
    """Return the clauses that duty and next steps rest on, each once, with the days on which they began and ended."""
    told = (
        [f"{reader.says('duty_source')}: {_cut(facts.case['duty_source'], _LONG)}"] if facts.case["duty_source"] else []
    )
    for row in facts.steps:
        if not row["basis"]:
            continue
        days = [
            reader.says(key, day=row[column].isoformat())
            for key, column in (("since", "in_force_from"), ("until", "in_force_to"))
            if row[column] is not None
        ]
        told.append(_cut(row["basis"], _LONG) + (f" ({', '.join(days)})" if days else ""))
    once = list(dict.fromkeys(told))
    more = f" (+{len(once) - _CLAUSES})" if len(once) > _CLAUSES else ""
    return "； ".join(once[:_CLAUSES]) + more


def _room(text: str) -> int:
    """Return the room that a text takes, in half-width letters."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _cut(text: str, most: int) -> str:
    """Return a text that takes no more room than ``most`` half-width letters; one that is cut ends with ``…``."""
    text = plain(" ".join(text.split()))
    if 2 * len(text) <= most or _room(text) <= most:
        return text
    room = accumulate(_room(letter) for letter in text)
    return f"{text[: sum(1 for taken in room if taken < most) - 1]}…"
