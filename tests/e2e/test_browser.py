"""The pages in a real browser, without a window (SPEC 10.3). It skips where there is none: see README."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import pytest

from creditaudit.reports.sheet_page import Reader, render
from e2e.conftest import FIRST, THIRD
from full_sheet import full
from unit.kit import NIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from place import Place

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
    assert page.locator("svg.time rect.span").count() > 0


def test_without_a_script_the_page_says_all_in_both_languages(three_nights: Place, tab: Tab) -> None:
    """A reader that runs no script sees no dead button."""
    text = (three_nights.folder(FIRST) / "night.html").read_text(encoding="utf-8")
    page = tab.page
    page.set_content(re.sub(r"<script>.*?</script>|<meta http-equiv[^>]*>", "", text, flags=re.DOTALL))
    assert "新线索 5 件 · 5 new leads" in page.inner_text(".answer")
    assert not page.locator("#language").is_visible()
    assert not page.locator("#filter").is_visible()


def is_one_page(page: Any) -> None:
    """Print it: one A4 page."""
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    [box] = set(re.findall(rb"/MediaBox\s*\[0 0 ([0-9.]+ [0-9.]+)\]", printed))
    assert [round(float(side)) for side in box.split()] == [595, 842]  # A4, in points


def test_a_sheet_is_one_page_that_everyone_can_read(sheets: list[Path], tab: Tab) -> None:
    assert sheets
    shapes = {path.parent.parent.name: path for path in sheets if path.parent.parent.name in {"all", "b01"}}
    for path in shapes.values():  # one in each language
        page = tab.open(path)
        passes(page)
        assert (tab.complaints, len(tab.asked)) == ([], 1)
        is_one_page(page)
        assert "待核查线索" in page.inner_text("main")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_fullest_sheet_is_one_page_too(tmp_path: Path, tab: Tab, language: str) -> None:
    facts, names = full(language)
    path = tmp_path / "sheet.html"
    path.write_bytes(render(facts, NIGHT, Reader(language), names))
    page = tab.open(path)
    is_one_page(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert tab.complaints == []
