"""The pages in a real browser, without a window (SPEC 10.3). It skips where there is none: see README."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import pytest

from creditaudit.reports.page import write_page
from creditaudit.reports.sheet_page import Reader, render
from creditaudit.tables import PUBLISHED
from e2e.conftest import FIRST, THIRD
from full_sheet import full
from unit.kit import NIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from place import Place

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("BROWSER_REQUIRED"), reason="no Chromium here (README, Tests)"
)
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


class Tab:
    """One page, what it asked for and what it complained of."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: Path) -> Any:
        """Open a file; nothing of an earlier one is left."""
        self.asked.clear()
        self.complaints.clear()
        self.page.goto(path.as_uri())
        return self.page

    def lines(self, selector: str) -> list[str]:
        """Return the texts of what is seen."""
        return [one.inner_text().strip() for one in self.page.query_selector_all(selector) if one.is_visible()]


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """A browser that has never been used."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    assert CHROMIUM, "BROWSER_REQUIRED is set, and there is no Chromium: apt-get install chromium"
    with sync_playwright() as running:
        context = running.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("browser"), executable_path=CHROMIUM, args=list(ARGUMENTS), headless=True
        )
        yield Tab(context.new_page())
        context.close()


@pytest.fixture(scope="module")
def sheets(three_nights: Place) -> list[Path]:
    """Every sheet of the first night."""
    return sorted((three_nights.folder(FIRST) / "reports").glob("*/cases/*.html"))


def passes(page: Any) -> None:
    """Ask axe-core whether everyone can use the page."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415

    found = Axe().run(page).response
    told = [
        (v["id"], [n["target"] for n in v["nodes"]][:3], v["nodes"][0].get("failureSummary"))
        for v in found["violations"]
    ]
    assert told == []
    assert found["passes"]


@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark")])
def test_the_page_speaks_one_language_and_everyone_can_use_it(
    three_nights: Place, tab: Tab, language: str, theme: str
) -> None:
    page = tab.open(three_nights.folder(FIRST) / "night.html")
    page.select_option("#language", language)
    page.select_option("#theme", theme)
    other = "en" if language == "zh" else "zh"
    assert page.evaluate("document.documentElement.lang") == language
    assert tab.lines(f"[lang={other}]:not(html)") == []
    assert tab.lines("h1") == [{"zh": f"夜间核查报告 {FIRST}", "en": f"Night report {FIRST}"}[language]]
    assert tab.lines(".answer li")[0] == {"zh": "新线索 5 件", "en": "5 new leads"}[language]
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[theme]
    passes(page)
    assert (tab.complaints, len(tab.asked)) == ([], 1)


def test_the_institutions_are_filtered_and_sorted(three_nights: Place, tab: Tab) -> None:
    page = tab.open(three_nights.folder(FIRST) / "night.html")
    page.select_option("#language", "en")
    codes = "#institutions-table tbody td:first-child"
    assert sorted(tab.lines(codes)) == ["B01", "B02"]
    page.get_by_role("button", name="Institution", exact=True).click()
    assert tab.lines(codes) == ["B01", "B02"]
    page.get_by_role("button", name="Institution", exact=True).click()
    assert tab.lines(codes) == ["B02", "B01"]
    page.get_by_role("button", name="R103 alone (not sent)").click()  # a figure: the greatest first
    assert tab.lines(codes) == ["B01", "B02"]
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    page.get_by_label("Filter institutions").fill("b02")
    assert tab.lines(codes) == ["B02"]
    assert tab.lines("[role=status]") == ["1 of 2 shown"]
    page.get_by_label("Filter institutions").fill("")
    assert len(tab.lines(codes)) == 2
    assert tab.complaints == []


def test_what_the_page_says_is_what_is_published(three_nights: Place, tab: Tab) -> None:
    for night in (FIRST, THIRD):
        folder = three_nights.folder(night)
        page = tab.open(folder / "night.html")
        page.select_option("#language", "en")
        cases, findings = three_nights.rows(night, "cases"), three_nights.rows(night, "findings")
        told = [line.split("\t") for line in tab.lines("#institutions-table tbody tr")]
        whose = Counter(case["provider_code"] for case in cases)
        assert {row[0]: int(row[1]) for row in told} == whose
        new = sum(case["first_seen"] == night for case in cases)
        assert tab.lines(".answer li")[0] == f"{new} new lead{'' if new == 1 else 's'}"
        counted = Counter((f["rule_id"], f["verdict"]) for f in findings)
        rules = [line.split("\t") for line in tab.lines("h2#rules ~ div[aria-label*=rule] tbody tr")]
        assert {(rule, verdict): int(n) for rule, verdict, n in rules} == counted
        covered = three_nights.rows(night, "coverage")
        files = [line.split("\t") for line in tab.lines("h2#deliveries ~ div[aria-label*=files] tbody tr")]
        assert sorted((f[0], f[1], f[-3], f[-2], f[-1]) for f in files) == sorted(
            (c["feed"], c["file"], *(str(c[n]) for n in ("delivered", "accepted", "quarantined"))) for c in covered
        )
        sent = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["summary"]["sent"]
        assert {r.split("\t")[0]: int(r.split("\t")[1]) for r in tab.lines("div[aria-label*=Sent] tbody tr")} == sent


def cells(tab: Tab, selector: str) -> list[list[str]]:
    return [line.split("\t") for line in tab.lines(f"{selector} tbody tr")]


def test_every_figure_of_a_table_is_that_of_a_published_one(three_nights: Place, tab: Tab) -> None:
    """Institutions in all their columns, quarters, clearances, quarantined rows, and the answer."""
    for night in (FIRST, THIRD):
        rows = {name: three_nights.rows(night, name) for name in PUBLISHED}
        page = tab.open(three_nights.folder(night) / "night.html")
        page.select_option("#language", "en")
        assert cells(tab, "#institutions-table") == sorted(
            ([code, *map(str, counts_of(code, rows, night))] for code in {c["provider_code"] for c in rows["cases"]}),
            key=lambda row: (-int(row[2]), -int(row[3]), -int(row[1]), row[0]),
        )
        told = cells(tab, "div[aria-label*=quarter]")
        figures = {(q, p, *one.rsplit(" ", 1)) for q, p, text in told for one in text.split("; ")}
        assert figures == {
            (r["quarter"] or "", r["provider_code"], r["measure"], "<5" if r["value"] < 5 else str(r["value"]))
            for r in rows["institutions"]
        }
        cleared = {row[0].split()[0]: int(row[1]) for row in cells(tab, "div[aria-label*=Cleared]")}
        assert cleared == Counter(row["reason"] for row in rows["clearances"])
        rejected = Counter(
            (r["feed"], r["reasons"]) for r in rows["quarantine"] if r["disposition"] == "row_quarantined"
        )
        assert {(f, w): int(n) for f, w, n in cells(tab, "div[aria-label*=Quarantined]")} == rejected
        events = Counter(e["event"] for e in rows["case_events"])
        answer = tab.lines(".answer li")
        assert answer[2] == f"{events['withdrawn']} withdrawn"
        assert answer[-1] == f"{len({c['case_id'] for c in rows['cases']})} cases in all"


def counts_of(code: str, rows: dict[str, list[Any]], night: Any) -> list[int]:
    """Count one institution's cases as the columns of the page say it, from the published tables alone."""
    own = [case for case in rows["cases"] if case["provider_code"] == code]
    open_ = [c for c in own if c["state"] in {"lead", "sent", "undetermined", "correction_due", "correction_overdue"}]
    found = {
        case["case_id"]: {f["rule_id"] for f in rows["findings"] if f["subject"] == case["subject"]} for case in open_
    }
    return [
        len(own),
        sum(case["first_seen"] == night for case in own),
        sum(case["verdict"] == "violation" for case in open_),
        sum(case["duty"] == "unknown" for case in open_),
        sum(rules == {"R103"} for rules in found.values()),
        sum(bool(rules) and rules <= {"R301", "R302"} for rules in found.values()),
        0,  # a liaison of the whole country has them all
    ]


def written(place: Place, path: Path, **changes: Any) -> Path:
    """Write the page of the third night anew, with another summary."""
    manifest = json.loads((place.folder(THIRD) / "manifest.json").read_text(encoding="utf-8"))
    write_page(
        path,
        night=THIRD,
        mandate=manifest["mandate"],
        summary={**manifest["summary"], **changes},
        coverage=place.published(THIRD, "coverage"),
        inputs=manifest["inputs"],
        is_demo=False,
    )
    return path


LONG = "x" * 300
STATES: dict[str, dict[str, Any]] = {
    "degraded": {"stale": {"accounts": ["incomplete: B01: 3 rows"], "openings": ["no file"]}, "unjudged": 3},
    "empty": {name: [] for name in ("findings_by_rule", "clearances_by_reason", "institutions", "quarters")}
    | {"cases": 0, "new_cases": 0, "changed_cases": 0, "changes": [], "quarantined_by_reason": [], "quarantined": 0},
    "overdue": {"overdue": [{"provider_code": "B01", "legal": 1, "house": 2, "earliest_due_on": "2026-11-01"}]},
    "shadow": {
        "shadow": [
            {"rule_id": "R101", "difference": difference, "rows": 2}
            for difference in ("new", "gone", "other_verdict", "other_evidence")
        ]
    },
    "scoring": {"scoring": {"model": "a" * 64, "is_drifting": True, "refused": ["x"], "cases": {"lead": 3}}},
    "long": {"unapproved_rules": [LONG], "warnings": [LONG], "late_files": [LONG]}
    | {"quarantined_by_reason": [{"feed": "accounts", "reasons": ";".join(["bad_type:opened_at"] * 20), "rows": 1}]},
}


@pytest.mark.parametrize("state", STATES)
def test_every_kind_of_page_is_for_everyone_on_screen_and_on_paper(
    three_nights: Place, tab: Tab, tmp_path: Path, state: str
) -> None:
    """On paper nothing is cut, nothing asks to be pressed, and no dark ground eats the ink."""
    page = tab.open(written(three_nights, tmp_path / "night.html", **STATES[state]))
    page.select_option("#language", "en")
    passes(page)
    assert (tab.complaints, len(tab.asked)) == ([], 1)
    page.select_option("#theme", "dark")
    page.set_viewport_size({"width": 703, "height": 1000})  # A4 without its margins
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(CUT) == []
    assert not page.locator("#language").is_visible()
    assert not page.locator("#filter").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = page.pdf(prefer_css_page_size=True)
    assert [round(float(side)) for side in boxes(printed).split()] == [595, 842]  # A4, in points
    page.emulate_media(media="null", color_scheme="null")
    page.set_viewport_size({"width": 1280, "height": 720})


# What stands beyond the right edge of the paper, or is clipped in a box of its own.
CUT = """[...document.querySelectorAll('main *, header *')]
    .filter(e => !e.closest('svg') && e.getClientRects().length)
    .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
        || (getComputedStyle(e).overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1))
    .map(e => e.tagName + ' ' + e.textContent.slice(0, 40))"""


def test_every_new_case_has_its_picture_and_a_link_to_its_sheet(three_nights: Place, tab: Tab) -> None:
    folder = three_nights.folder(FIRST)
    page = tab.open(folder / "night.html")
    new = {case["case_id"] for case in three_nights.rows(FIRST, "cases")}
    drawn = {text for figure in tab.lines("#timelines ~ figure b") for text in [figure]}
    assert new <= drawn
    links = [a.get_attribute("href") for a in page.query_selector_all("figure a")]
    assert links
    for link in links:
        assert (folder / unquote(urlparse(link).path)).is_file()
    [contract] = [a.get_attribute("href") for a in page.query_selector_all("#deliveries ~ p a")]
    assert (folder / contract).resolve() == (three_nights.book / "docs" / str(FIRST) / "index.html").resolve()
    assert page.locator("svg.time rect.span").count() > 0


def test_without_a_script_the_page_says_all_in_both_languages(three_nights: Place, tab: Tab) -> None:
    """A reader that runs no script sees no dead button."""
    text = (three_nights.folder(FIRST) / "night.html").read_text(encoding="utf-8")
    page = tab.page
    page.set_content(re.sub(r"<script>.*?</script>|<meta http-equiv[^>]*>", "", text, flags=re.DOTALL))
    assert "新线索 5 件 · 5 new leads" in page.inner_text(".answer")
    assert not page.locator("#language").is_visible()
    assert not page.locator("#filter").is_visible()


def boxes(printed: bytes) -> bytes:
    """Return the one size of all pages of a PDF."""
    [box] = set(re.findall(rb"/MediaBox\s*\[0 0 ([0-9.]+ [0-9.]+)\]", printed))
    return bytes(box)


def is_one_page(page: Any) -> None:
    """Print it: one A4 page."""
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    assert [round(float(side)) for side in boxes(printed).split()] == [595, 842]  # A4, in points


def test_a_sheet_is_one_page_that_everyone_can_read(sheets: list[Path], tab: Tab) -> None:
    assert sheets
    shapes = {path.parent.parent.name: path for path in sheets if path.parent.parent.name in {"all", "b01"}}
    for path in shapes.values():  # one in each language
        page = tab.open(path)
        passes(page)
        assert (tab.complaints, len(tab.asked)) == ([], 1)
        is_one_page(page)
        assert "待核查线索" in page.inner_text("main")


def test_the_longest_sheet_of_the_sample_nights_is_one_page(tab: Tab) -> None:
    """One that a night really wrote."""
    real = sorted((ROOT / "tests" / "golden" / "expected").glob("*/reports/*/cases/*.html"))
    is_one_page(tab.open(max(real, key=lambda path: path.stat().st_size)))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_fullest_sheet_is_one_page_too(tmp_path: Path, tab: Tab, language: str) -> None:
    facts, names = full(language)
    path = tmp_path / "sheet.html"
    path.write_bytes(render(facts, NIGHT, Reader(language), names))
    page = tab.open(path)
    is_one_page(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert tab.complaints == []
