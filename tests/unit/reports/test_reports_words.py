"""Words of the pages: in one place, in both languages, each used (SPEC 10.3)."""

from __future__ import annotations

import re
from importlib import resources
from string import Formatter

import pytest

from creditaudit.reports.code_words import CODES
from creditaudit.reports.words import LANGUAGES, WORDS, code_words, say

ROOM = resources.files("creditaudit.reports")
SOURCES = [*ROOM.iterdir(), *(ROOM / "pages").iterdir()]
TEXTS = {p.name: p.read_text(encoding="utf-8") for p in SOURCES if p.is_file() and p.name != "words.py"}
HAN = re.compile("[\u4e00-\u9fff]")


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(WORDS))
def test_both_languages_say_the_same_things(key: str) -> None:
    """What one fills in the other fills in: no language says more."""
    chinese, english = WORDS[key]
    assert HAN.search(chinese)
    assert english.strip()
    one, parts, more = english.partition("|")
    assert names(chinese) == names(one)
    assert not parts or (names(one) == names(more) and "n" in names(one))


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_a_word_in_both(code: str) -> None:
    assert HAN.search(CODES[code][0])
    assert CODES[code][1].strip()
    assert not HAN.search(CODES[code][1])


def test_every_word_is_used_and_every_use_has_a_word() -> None:
    use = re.compile(r"\b(?:w|t|both|says|heard)\(\s*\"(\w+)\"\s*[,)]")
    asked = {key for text in TEXTS.values() for key in use.findall(text)}
    assert asked <= set(WORDS)
    mentioned = {key for text in TEXTS.values() for key in re.findall(r"\"(\w+)\"", text)}
    built = {key for key in WORDS if key.startswith(("event_", "shadow_", "because_"))}  # by kind
    unused = set(WORDS) - mentioned - built
    assert unused == set()


def test_no_word_stands_in_a_template() -> None:
    """Only the languages are called by their own names."""
    for name in ("night.html.j2", "sheet.html.j2", "page.js"):
        assert not HAN.search(TEXTS[name].replace(">中文<", "")), name


def test_one_and_many_and_codes_without_a_word() -> None:
    assert [say("en", "new_leads", n=n) for n in (0, 1, 2)] == ["0 new leads", "1 new lead", "2 new leads"]
    assert say("zh", "new_leads", n=1) == "新线索 1 件"
    assert [code_words(language, "rule_x") for language in LANGUAGES] == ["rule_x", "rule_x"]
    assert code_words("zh", None) == ""
    with pytest.raises(KeyError):
        say("en", "no such text")
