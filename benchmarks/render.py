"""Write the tables of ``docs/performance.md``: ``python benchmarks/render.py results.json [more.json …]``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from measuring.tables import Results, as_markdown, chart, ratios_table, runs_table, size, sorted_by_size, stages_table
from measuring.targets import targets_table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
PROVISIONAL = (
    "**Provisional**: small runs on a machine busy with other work. They show the form of the tables, nothing else."
)


def sections(many: list[Results], *, is_provisional: bool) -> dict[str, str]:
    """Return the text of each marked part of the page."""
    first = [PROVISIONAL] if is_provisional else []
    return {
        "targets": "\n\n".join([*first, as_markdown(targets_table(many))]),
        "ratios": "\n\n".join([*first, as_markdown(ratios_table(many))]),
        "chart": "\n\n".join([*first, *(f"{size(r)}, CPU time:\n\n```text\n{chart(r)}\n```" for r in many)]),
        "runs": "\n\n".join([*first, *(_run(results) for results in many)]),
        "stages": "\n\n".join(
            [*first, *(f"### {size(r)}\n\n{as_markdown(stages_table(r))}" for r in many)],
        ),
    }


def _run(results: Results) -> str:
    told, answer, delivery = results["machine"], results["answer"], results["delivery"]
    versions = ", ".join(f"{name} {number}" for name, number in told["versions"].items())
    full, ordinary = delivery["rows"].values()
    sizes = list(delivery["bytes"].values())
    rounds = len(results["runs"]["full"]["wall"])
    verdicts = ", ".join(f"{rows} {name}" for name, rows in answer["by_verdict"].items())
    changed = "" if told["is_clean"] else ", with changes that are not committed"
    return f"""### {size(results)}

    {results["command"]}

{told["cpu"]}, {told["cores"]} cores, {told["memory_gib"]} GiB, {told["system"]}, Python {told["python"]}, {versions}; \
commit {told["commit"]}{changed}; load before the run {told["load_before"]}; {results["threads"]} threads for every \
program, median of {rounds} round{"s" if rounds > 1 else ""}.

Full night: {sum(full.values()):,} rows, {full["accounts"]:,} of them accounts, {sizes[0] / 1e6:,.1f} MB. \
Ordinary night: {sum(ordinary.values()):,} rows, {ordinary["accounts"]:,} accounts, {sizes[1] / 1e6:,.1f} MB. \
The full night's folder has {results["night_bytes"]["full"] / 1e6:,.1f} MB.

{as_markdown(runs_table(results))}

Same answer, asserted in every round: {answer["rows"]:,} findings ({verdicts}). Compared: {answer["subset"]}; \
{answer["left_out"]} left out."""


def rendered(page: str, parts: dict[str, str]) -> str:
    """Return the page with the text between ``<!-- bench-NAME: … -->`` and ``<!-- /bench-NAME -->`` replaced."""
    for name, text in parts.items():
        begin, end = page.index(f"<!-- bench-{name}:"), page.index(f"<!-- /bench-{name} -->")
        head = page.index("-->", begin) + len("-->")
        page = f"{page[:head]}\n{text}\n{page[end:]}"
    return page


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="+", help="files that night_bench.py wrote")
    parser.add_argument("--page", type=Path, default=PAGE, help="page with the markers")
    parser.add_argument("--provisional", action="store_true", help="say that the figures are not the final ones")
    given = parser.parse_args()
    many = sorted_by_size(json.loads(file.read_text(encoding="utf-8")) for file in given.results)
    page = given.page.read_text(encoding="utf-8")
    given.page.write_text(
        rendered(page, sections(many, is_provisional=given.provisional)), encoding="utf-8", newline="\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
