"""What our pages are made with: templates that escape, words in two languages, a policy that lets nothing in."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from creditaudit.reports.words import LANGUAGES, code_words, say

if TYPE_CHECKING:
    from jinja2 import Template

# Marks that turn the direction of text around, and control characters: nothing that is delivered needs them to be read.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(value: Any) -> Any:
    """Return a text as a page may show it: marks that no reader sees, and that change what is read, are ``�``."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _CONTROLS.sub("�", value)
    return value


@cache
def template(name: str) -> Template:
    """Return a template of ours; whatever is put into it is escaped."""
    environment = Environment(
        loader=PackageLoader("creditaudit.reports", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


@cache
def part(name: str) -> Markup:
    """Return a style or a script of ours, as it goes into a page."""
    return Markup((resources.files("creditaudit.reports") / "pages" / name).read_text(encoding="utf-8"))  # noqa: S704


def policy(style: str, script: str | None = None) -> str:
    """Return the Content-Security-Policy of a page with this style and this script, and nothing else."""
    scripts = f"; script-src '{_digest(script)}'" if script is not None else ""
    return f"default-src 'none'; style-src '{_digest(style)}'{scripts}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def both(key: str, *, tag: str = "span", **values: Any) -> Markup:
    """Return a text in both languages; the page shows the chosen one, and both where no script runs."""
    told = {name: plain(value) for name, value in values.items()}
    return _tagged(tag, tuple(_filled(language, key, told) for language in LANGUAGES))


def _filled(language: str, key: str, values: dict[str, Any]) -> Markup:
    return Markup(say(language, key, **{n: v if isinstance(v, int) else escape(v) for n, v in values.items()}))  # noqa: S704


def heard(key: str) -> str:
    """Return a text in both languages for whoever hears a page: a label that no choice of language can change."""
    return " · ".join(say(language, key) for language in LANGUAGES)


def both_codes(code: str | None, *, tag: str = "span") -> Markup:
    """Return what a code is called in both languages; one that has no word is shown as it is."""
    words = tuple(code_words(language, code) for language in LANGUAGES)
    if words[0] == words[1]:
        return escape(plain(words[0]))
    return _tagged(tag, tuple(escape(word) for word in words))


def _tagged(tag: str, words: tuple[Markup, ...]) -> Markup:
    parts = [
        Markup('<{0} lang="{1}">{2}</{0}>').format(Markup(tag), language, word)  # noqa: S704 - a constant of ours
        for language, word in zip(LANGUAGES, words, strict=True)
    ]
    return Markup('<{0} class="sep"> · </{0}>').format(Markup(tag)).join(parts)  # noqa: S704
