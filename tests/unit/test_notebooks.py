"""The notebooks run on a book, show no raw value, define nothing, and are kept without outputs."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nbclient import NotebookClient

from creditaudit.masking import HIDDEN
from creditaudit.tables import PUBLISHED
from place import Place
from reference.small import ACCOUNT, NEXT, NIGHT, OPENING, REPORT
from unit.responding import SECRETS

if TYPE_CHECKING:
    from unit.responding import Answered

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = ["01_tonight", "02_one_case", "03_institutions", "04_change_a_rule"]


def code_of(path: Path) -> list[str]:
    return [c["source"] for c in nbformat.read(path, as_version=4)["cells"] if c["cell_type"] == "code"]


def outputs_of(path: Path, book: Path, folder: Path, more: str = "") -> list[dict[str, Any]]:
    """Run a notebook on a book, and one more cell; what the cells showed, of all in order."""
    notebook = nbformat.read(path, as_version=4)
    if more:
        notebook["cells"].append(nbformat.v4.new_code_cell(more))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDITAUDIT_BOOK", str(book))
        patch.setenv("IPYTHONDIR", str(folder))
        patch.setenv("PYTHONPATH", str(ROOT / "pipelines"))
        ran = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return [output for cell in ran["cells"] for output in cell.get("outputs", [])]


# A last cell: every data frame that a cell ended with.
FRAMES = "import json; print(json.dumps([json.loads(o.to_json()) for o in Out.values() if hasattr(o, 'to_json')]))"


def frames_of(path: Path, book: Path, folder: Path) -> list[dict[str, dict[str, Any]]]:
    """Run a notebook; its data frames in order, each column by the index."""
    frames: list[dict[str, dict[str, Any]]] = json.loads(outputs_of(path, book, folder, FRAMES)[-1]["text"])
    return frames


def test_these_are_the_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == NAMES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_shows_no_raw_value(path: Path, answered_cases: Answered, tmp_path: Path) -> None:
    before = answered_cases.place.tree()
    outputs = outputs_of(path, answered_cases.place.book, tmp_path)
    assert outputs
    shown = json.dumps(outputs, ensure_ascii=False)
    assert not [secret for secret in SECRETS if secret in shown]
    assert answered_cases.place.tree() == before


# Codes and keys of slipped rows that were accepted: they stand in the published tables as they were delivered.
CODE, NOTICE, CHECK, NAME = "110101199003072316", "13800138000", "8613900139000", "司马测试"


@pytest.fixture(scope="module")
def slipped_codes(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A house whose account, notice, check and person of another case have numbers and names for codes."""
    place = Place(tmp_path_factory.mktemp("slipped")).made()
    place.deliver(NIGHT, "accounts", [{**ACCOUNT, "account_code": CODE}, {**ACCOUNT, "account_code": NAME}])
    place.deliver(NIGHT, "openings", [{**OPENING, "account_code": CODE}])
    place.deliver(NIGHT, "loss_reports", [{**REPORT, "report_no": NOTICE}])
    check = {"check_id": CHECK, "provider_code": "B01", "account_code": CODE, "check_kind": "invalid_card_check"}
    check |= {"checked_at": "2024-01-10 09:00:00", "result": "valid"}
    place.deliver(NIGHT, "verifications", [check])
    place.night(NIGHT)
    return place


@pytest.mark.parametrize("path", NOTEBOOKS[:2], ids=lambda path: path.stem)
def test_a_number_that_stands_as_a_code_or_key_is_hidden(path: Path, slipped_codes: Place, tmp_path: Path) -> None:
    """SPEC 10.4: notebook output shows no raw ID number, name or phone."""
    assert CODE in slipped_codes.published(NIGHT, "cases")["account_code"].to_pylist()
    shown = json.dumps(outputs_of(path, slipped_codes.book, tmp_path), ensure_ascii=False)
    assert "B01" in shown
    assert HIDDEN in shown
    assert not [secret for secret in (CODE, NOTICE, CHECK, NAME) if secret in shown]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_bare_and_uses_the_public_surface(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    for source in code_of(path):
        tree = ast.parse(source)
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
        imported = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert not [module for module in imported if module and module.startswith("creditaudit")]
        named = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        assert not [name for name in named if name.startswith("creditaudit.")]
        assert not [
            n.attr
            for n in ast.walk(tree)
            if isinstance(n, ast.Attribute) and n.attr.startswith("_") and n.attr != "__file__"
        ]


def test_cases_are_counted_and_chosen_by_their_last_episode_if_it_is_open(
    answered_cases: Answered, tmp_path: Path
) -> None:
    """What is closed, or was before it came back, is neither in the queue nor in what is told of it."""
    place = answered_cases.place.copied(tmp_path / "house")
    row = {"night": NEXT, "provider_code": "B01", "person_token": "t", "tier": "R101", "verdict": "violation"}
    row |= {"fault": "fault_indicated", "blind_spots": "no_issuances", "episode": 1}
    episodes = [
        {"case_id": "CA-1", "account_code": "A1", "state": "correction_verified", "priority": 0.9},
        {"case_id": "CA-2", "account_code": "A2", "state": "sent", "priority": 0.8},
        {"case_id": "CA-2", "account_code": "A2", "state": "withdrawn", "episode": 2},
        {"case_id": "CA-3", "account_code": "A4", "state": "reappeared", "priority": 0.7},
        {"case_id": "CA-3", "account_code": "A4", "state": "sent", "episode": 2, "priority": 0.1},
    ]
    rows = [{**row, "subject": f"account:{e['account_code']}", **e} for e in episodes]
    table = pa.Table.from_pylist(rows, schema=PUBLISHED["cases"])
    pq.write_table(table, place.folder(NEXT) / "published" / "cases.parquet")
    queue, tiers, _, unseen, _ = frames_of(NOTEBOOKS[0], place.book, tmp_path)
    assert queue["case_id"] == {"0": "CA-3"}
    assert (tiers["cases"], tiers["fault_indicated"]) == ({"0": 1}, {"0": 1})
    assert (unseen["blind_spot"], unseen["cases"]) == ({"0": "no_issuances"}, {"0": 1})
    chosen, *_ = frames_of(NOTEBOOKS[1], place.book, tmp_path)
    assert (chosen["case_id"], chosen["account_code"]) == ({"0": "CA-3"}, {"0": "A4"})


def test_a_hidden_figure_is_not_told_by_another_table(answered_cases: Answered, tmp_path: Path) -> None:
    """SPEC 8.5: of 12 cases of which 10 need evidence 2 are left, which the table above hides."""
    place = answered_cases.place.copied(tmp_path / "house")
    faults = {
        "B01": {"fault:needs_evidence": 10, "fault:fault_indicated": 2},
        "B02": {"fault:needs_evidence": 10, "fault:fault_indicated": 5},
        "B03": {"fault:needs_evidence": 10},  # two more cases than the figures above: again a small one apart
    }
    figures = [
        {"night": NEXT, "provider_code": code, "measure": measure, "quarter": "2026Q1", "value": value}
        for code, told in faults.items()
        for measure, value in {"accounts_judged": 100, **told}.items()
    ]
    numbers = {"B01": 12, "B02": 15, "B03": 12}
    row = {"night": NEXT, "person_token": "t", "tier": "R101", "verdict": "violation", "state": "sent", "episode": 1}
    cases = [
        {**row, "provider_code": code, "case_id": f"CA-{code}-{n}", "subject": f"account:{n}", "duty": "in_force"}
        for code, number in numbers.items()
        for n in range(number)
    ]
    for name, rows in (("institutions", figures), ("cases", cases)):
        table = pa.Table.from_pylist(rows, schema=PUBLISHED[name])
        pq.write_table(table, place.folder(NEXT) / "published" / f"{name}.parquet")
    shown, _, among = frames_of(NOTEBOOKS[2], place.book, tmp_path)
    assert shown["fault:fault_indicated"] == {"B01": "hidden", "B02": 5, "B03": 0}
    assert (among["provider_code"], among["cases"]) == ({"0": "B02"}, {"0": 15})


# Figures by institution and quarter, and the measures of which a total may be shown.
QUARTERS = {
    ("B01", "accounts_judged"): {"2026Q1": 20},
    ("B01", "fault:fault_indicated"): {"2026Q1": 17},  # three are left
    ("B02", "accounts_judged"): {"2026Q1": 28, "2026Q2": 2},  # the page shows 28, and a total would tell the 2
    ("B02", "fault:fault_indicated"): {"2026Q1": 9},
    ("B03", "accounts_judged"): {"2026Q1": 60, "2026Q2": 40},
    ("B03", "fault:fault_indicated"): {"2026Q1": 40},
    ("B03", "findings:R101"): {"2026Q1": 4},
    ("B04", "accounts_judged"): {"2026Q1": 3},
    ("B04", "fault:fault_indicated"): {"2026Q1": 3},
    ("B05", "reappeared"): {"2026Q1": 6},
}
TOTALS = {("B01", "accounts_judged"), ("B02", "fault:fault_indicated"), ("B03", "accounts_judged")}
TOTALS |= {("B03", "fault:fault_indicated"), ("B05", "reappeared")}


def test_small_figures_are_hidden_from_subtraction_too(answered_cases: Answered, tmp_path: Path) -> None:
    """SPEC 8.5: neither what is left of the judged accounts nor the quarters of the page tell a figure under 5."""
    place = answered_cases.place.copied(tmp_path / "house")
    rows = [
        {"night": NEXT, "provider_code": provider, "measure": measure, "quarter": quarter, "value": value}
        for (provider, measure), quarters in QUARTERS.items()
        for quarter, value in quarters.items()
    ]
    schema = PUBLISHED["institutions"]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), place.folder(NEXT) / "published" / "institutions.parquet")
    figures, shares, _ = frames_of(NOTEBOOKS[2], place.book, tmp_path)
    shown = {(p, m): v for m, column in figures.items() for p, v in column.items() if v not in (0, "hidden")}
    assert shown == {key: sum(QUARTERS[key].values()) for key in TOTALS}
    rows_of_shares = {code: shares["fault_indicated"][place] for place, code in shares["provider_code"].items()}
    assert rows_of_shares == {"B01": None, "B02": None, "B03": 40, "B04": None}
    assert [share for share in shares["share"].values() if share is not None] == [0.4]
