"""Data Docs of a sealed night: made by the library, whole without a network, without a word of a person's data."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from types import FunctionType
from typing import TYPE_CHECKING

import pytest
from browser import browser, opened
from contract_cases import said, suite_bytes
from kit import NIGHT

from creditaudit.book.layout import Book
from creditaudit.contracts.docs import build_docs
from creditaudit.contracts.offline import INERT, outside_addresses, require_offline, with_section
from creditaudit.errors import BookBrokenError, InternalError, UsageError
from place import Place

if TYPE_CHECKING:
    from pathlib import Path

# Reference tables that have a suite: asked in every night.
TABLES = ("institutions", "duties", "clocks", "recipients", "remedies")
NUMBER, NAME, PHONE = "110105194912310021", "欧阳种植", "13900001111"
TAG = "<img src=x onerror=alert(1)>"
NOTE = "see https://example.com/why <script>alert(2)</script> and //example.org/x"
# Shifted cells: a person's data where nobody looks for it.
ROWS = [
    {
        "provider_code": provider,
        "account_code": code,
        "report_date": "2026-11-19",
        "name": NAME,
        "id_type": "10",
        "id_number": NUMBER,
        "account_type": "D1",
        "opened_at": "2020-01-02",
        "region_code": PHONE,
        "currency": NAME,
        "amount": PHONE,
        "status": NUMBER,
        "business_code": NAME,
    }
    for provider in ("B19001000H0001", NUMBER, NAME, PHONE)
    for code in ("A1", NUMBER, PHONE, NAME)
]
OPENING = {"provider_code": "B19001000H0001", "account_code": NUMBER, "phone": PHONE + NUMBER, "operator_id": NAME}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A sealed night with planted data, a file named by a tag, and a suite of one's own that nothing meets."""
    made = Place(tmp_path_factory.mktemp("docs")).made()
    made.deliver(NIGHT, "accounts", ROWS, name=f"{TAG}.csv")
    made.deliver(NIGHT, "accounts", [{**ROWS[0], "account_code": "B7"}], name=f"{NAME}{NUMBER}.csv")
    made.deliver(NIGHT, "openings", [OPENING])
    columns = ("provider_code", "account_code", "name", "id_number", "region_code", "currency", "status")
    expectations = [said("column_values_to_be_null", column=c) for c in columns]
    expectations += [said("column_values_to_match_regex", column=c, regex="^(<b>never</b>)$") for c in columns]
    expectations += [said("column_values_to_be_unique", column=c) for c in columns]
    expectations += [said("column_values_to_be_between", column="amount", max_value=1)]
    expectations += [said("compound_columns_to_be_unique", column_list=["name", "status"])]
    expectations[0]["notes"] = NOTE
    path = made.book / "reference" / "contracts" / "accounts" / "v1.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(suite_bytes(*expectations))
    assert made.say(*made.asked("--night", NIGHT.isoformat(), "--docs", "now")).code == 5  # registries are missing
    return made


@pytest.fixture(scope="module")
def site(place: Place) -> Path:
    return place.book / "docs" / NIGHT.isoformat()


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, str]:
    return {p.relative_to(site).as_posix(): p.read_text(encoding="utf-8") for p in sorted(site.rglob("*.html"))}


def test_every_result_and_suite_has_a_page(pages: dict[str, str]) -> None:
    assert {"index.html", "expectations/accounts.html", "expectations/fraud_alerts.html"} <= set(pages)
    results = [name for name in pages if name.startswith("validations/")]
    tables = [f"{table}.html" for table in TABLES]
    assert sorted(name.rpartition("/")[2] for name in results) == sorted(["accounts.html", "openings.html", *tables])
    for name in results:
        assert f'href="{name}"' in pages["index.html"]


def test_no_outside_address_is_left_in_any_file(site: Path) -> None:
    left = set()
    for path in site.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            left |= set(re.findall(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\"'<>]+", text))
            left |= set(re.findall(r"(?:src|href|srcset|action|data|url)\s*[=(]\s*[\"']?//[^\s\"'<>]+", text))
            assert "s3." not in text
            assert "@import" not in text
    assert left <= set(INERT)


def test_no_page_has_a_script_or_loads_a_file(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        assert not re.search(r"<(?:script|link|img|iframe|object|embed|base|form)\b", text, re.IGNORECASE), name
        assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text, re.IGNORECASE), name
        assert text.count("Content-Security-Policy") == 1
        assert "default-src 'none'" in text


def test_no_value_of_a_person_is_in_a_page_or_a_result(place: Place, pages: dict[str, str]) -> None:
    results = [p.read_text(encoding="utf-8") for p in (place.folder(NIGHT) / "contracts").glob("*.json")]
    assert len(results) == 2 + len(TABLES)
    for text in (*pages.values(), *results, (place.folder(NIGHT) / "night.html").read_text(encoding="utf-8")):
        for planted in (NUMBER, NAME, PHONE, NUMBER[:14], PHONE[:9]):
            assert planted not in text
    accounts = next(text for name, text in pages.items() if name.endswith("/accounts.html") and "valid" in name)
    assert "17 unexpected values found" in accounts
    assert "(not shown)" in accounts


def test_the_profile_holds_no_value_of_a_person(place: Place) -> None:
    data = (place.folder(NIGHT) / "contracts" / "profile.parquet").read_bytes()
    assert [v for v in (NUMBER, NAME, PHONE) if v.encode() in data] == []


def test_names_and_notes_are_text_and_no_tags(pages: dict[str, str]) -> None:
    whole = "".join(pages.values())
    assert "&lt;img src=x onerror=alert(1)&gt;.csv" in whole
    assert TAG not in whole
    assert "&lt;script&gt;alert(2)" in whole
    assert "&lt;b&gt;never&lt;/b&gt;" in whole
    assert "example.com/why" in whole  # readable, and no address


def test_the_same_night_gives_the_same_pages(place: Place, site: Path) -> None:
    before = digests(site)
    assert build_docs(Book(place.book), None) == site / "index.html"
    assert digests(site) == before


def digests(folder: Path) -> dict[str, str]:
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def test_the_command_says_where_the_pages_are(place: Place, site: Path) -> None:
    spoken = place.say("docs", "--book", str(place.book), "--night", NIGHT.isoformat())
    assert (spoken.code, spoken.out.strip(), spoken.err) == (0, str(site / "index.html"), "")
    assert place.say("verify", "--book", str(place.book)).code == 0  # the pages lie outside the chain


@pytest.mark.parametrize("way", ["later", "now"])
def test_a_book_may_be_named_from_where_one_stands(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    other = place.copied(tmp_path / "other")
    shutil.rmtree(other.book / "docs")
    monkeypatch.chdir(other.root)
    night = ("night", "--landing", "landing", "--docs", "now") if way == "now" else ("docs",)
    spoken = place.say(*night, "--book", "desk/book", "--night", NIGHT.isoformat())
    page = f"desk/book/docs/{NIGHT}/index.html"
    assert page in spoken.out + spoken.err, spoken.err
    assert (other.root / page).is_file()


def test_a_night_that_is_not_sealed_has_no_pages(place: Place) -> None:
    with pytest.raises(UsageError, match="night 2026-11-21 is not sealed"):
        build_docs(Book(place.book), NIGHT.replace(day=21))


def test_an_empty_book_has_no_pages(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no sealed night"):
        build_docs(Book(Place(tmp_path).made().book), None)


def test_a_changed_result_gives_no_pages(place: Place, tmp_path: Path) -> None:
    other = place.copied(tmp_path / "other")
    path = other.folder(NIGHT) / "contracts" / "accounts.json"
    path.write_bytes(path.read_bytes().replace(b'"success": false', b'"success": true', 1))
    with pytest.raises(BookBrokenError, match=r"contracts/accounts\.json"):
        build_docs(Book(other.book), None)


def test_without_the_library_the_next_step_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "great_expectations", None)
    with pytest.raises(UsageError, match=r"creditaudit\[docs\]"):
        build_docs(Book(place.book), None)


def test_an_error_of_the_library_leaves_the_old_pages(
    place: Place, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError(NUMBER)

    # As if it were the library's own: where it broke is said, and nothing of the error's text.
    within = {**globals(), "__name__": "great_expectations.within"}
    monkeypatch.setattr("great_expectations.get_context", FunctionType(broken.__code__, within))
    before = digests(site.parent)
    with pytest.raises(InternalError, match="RuntimeError") as failed:
        build_docs(Book(place.book), None)
    assert NUMBER not in str(failed.value)
    assert f"RuntimeError at great_expectations.within:{broken.__code__.co_firstlineno + 1}" in failed.value.why
    assert digests(site.parent) == before
    spoken = place.say(*place.asked("--night", NIGHT.isoformat(), "--docs", "now"))
    assert spoken.code == 5  # the night is sealed, whatever becomes of its pages


def test_docs_is_now_or_later(place: Place) -> None:
    assert place.say(*place.asked("--night", NIGHT.isoformat(), "--docs", "soon")).code == 2


@pytest.mark.parametrize(
    "text",
    [
        '<img src="https://example.com/a.png">',
        '<script src="//example.com/a.js"></script>',
        "<style>a{background:url(//example.com/a.png)}</style>",
        "<style>@import 'HTTP://example.com/a.css'</style>",
        "<script>new WebSocket('wss://example.com')</script>",
        "https:\\\\example.com",
    ],
)
def test_an_outside_address_is_found_in_every_form(text: str, tmp_path: Path) -> None:
    assert outside_addresses(text)
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    with pytest.raises(InternalError, match=r"page\.html"):
        require_offline(tmp_path)


def test_names_of_vocabularies_are_no_addresses() -> None:
    assert outside_addresses('<svg xmlns="http://www.w3.org/2000/svg"> // a comment, 1//2') == []


def test_what_is_far_from_the_last_nights_stands_first() -> None:
    page = with_section('<p></p><div id="section-1">', "far", ["B1: 3 < 5 rows"])
    assert page.index("B1: 3 &lt; 5 rows") < page.index("section-1")
    assert with_section('<div id="section-1">', "far", []) == '<div id="section-1">'


PROGRAM = browser()
needs_browser = pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine")


@needs_browser
def test_a_browser_without_network_shows_every_page_in_peace(site: Path, tmp_path: Path) -> None:
    assert PROGRAM is not None
    frames = "".join(f'<iframe src="{page.as_uri()}"></iframe>' for page in sorted(site.rglob("*.html")))
    (tmp_path / "all.html").write_text(frames, encoding="utf-8")
    found = opened(PROGRAM, tmp_path / "all.html", tmp_path)
    assert (found.requests, found.console) == ((), ())


@needs_browser
def test_a_browser_shows_what_the_index_lists(site: Path, tmp_path: Path) -> None:
    assert PROGRAM is not None
    found = opened(PROGRAM, site / "index.html", tmp_path)
    assert (found.requests, found.console) == ((), ())
    assert found.dom.count(">open</a>") == (2 + len(TABLES)) + (11 + len(TABLES))  # results, and suites


@needs_browser
def test_a_browser_would_have_told(tmp_path: Path) -> None:
    """The same check on a page that does ask, and does complain."""
    assert PROGRAM is not None
    page = tmp_path / "bad.html"
    page.write_text('<img src="https://example.com/x.png"><script>$("x")</script>', encoding="utf-8")
    found = opened(PROGRAM, page, tmp_path)
    assert found.requests == ("https://example.com/x.png",)
    assert any("$ is not defined" in line for line in found.console)
