"""SPEC 7.4, issue 7: answers over several nights become labels, of what the desk saw before anybody had answered."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from creditaudit.book.keys import load_keys
from creditaudit.book.layout import open_book
from creditaudit.engines import engine_aside
from creditaudit.scoring import fit
from creditaudit.scoring.features import NAMES
from creditaudit.scoring.train import Trained, train, train_model
from place import Place
from unit.scoring.score_house import FIRST, account, loss, number, opening

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from pathlib import Path

N1, N2, N3, N4, N5 = (FIRST + timedelta(days=n) for n in range(5))
THIEVES, HOLDERS, LATER = range(12), range(12, 24), range(24, 30)
LOW = range(100, 112)  # a network check that did not match and 100 yuan: a priority of 0.19
REPLACED = 120  # the next card was collected before: R103, which nobody is sent
INSTITUTIONS = "provider_code,name,kind,region_code,parent_code,valid_from,valid_to\n" + "".join(
    f"B0{n},银行{n},bank,110000,,2000-01-01,\n" for n in range(3)
)
RECIPIENTS = (
    "recipient,kind,provider_code,region_prefix,id_mask,encoding,language,pseudonym_key_id\n"
    "all,pboc_liaison,,,3+4,utf-8-sig,zh,\n"
)


def _first_night(place: Place) -> None:
    cases = [*THIEVES, *HOLDERS, *LATER]
    owed = [account(n, overdue_amount=str(100 * (n + 1)) if n in THIEVES else "0") for n in cases]
    low = [account(n, amount="100", opened_at="2026-03-01 10:00:00") for n in LOW]
    place.deliver(N1, "accounts", [*owed, *low, account(REPLACED, amount="100", opened_at="2026-06-01 10:00:00")])
    place.deliver(N1, "openings", [opening(n) for n in cases])
    place.deliver(N1, "loss_reports", [loss(n) for n in (*cases, REPLACED)])
    collected = {"card_valid_from": "2026-02-25", "kind": "permanent", "collected_at": "2026-03-01"}
    place.deliver(N1, "issuances", [{"id_number": number(REPLACED), **collected}])
    check = {"check_kind": "network_check", "result": "number_unknown", "checked_at": "2026-03-01 09:00:00"}
    codes = [{"provider_code": f"B{n % 3:02d}", "account_code": f"A{n}"} for n in LOW]
    place.deliver(N1, "verifications", [{**c, "check_id": f"K{c['account_code']}", **check} for c in codes])
    place.night(N1)


def _answer(place: Place, day: date, outcomes: dict[str, str]) -> None:
    """Hand in what a liaison found, with the sheet's own tokens; the night of that day takes it."""
    content = (place.folder(N1) / "reports" / "all" / "exceptions.csv").read_text(encoding="utf-8-sig")
    sent = {row["账户标识"]: row for row in csv.DictReader(io.StringIO(content))}
    file = place.root / f"{day}.csv"
    lines = ["case_id,row_token,outcome,answered_on,answered_by,evidence_ref"]
    for code, outcome in outcomes.items():
        lines.append(f"{sent[code]['案件编号']},{sent[code]['行令牌']},{outcome},{day},all,函 7")
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    said = place.say("respond", "--book", str(place.book), str(file))
    assert f"{len(outcomes)} answers recorded" in said.err


def _codes(people: Iterable[int], outcome: str) -> dict[str, str]:
    return {f"A{n}": outcome for n in people}


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Four nights: cases are sent, answered, and the wrong records corrected; one low case in two is sampled."""
    root = tmp_path_factory.mktemp("answers")
    (root / "reference").mkdir()
    (root / "reference" / "institutions.csv").write_text(INSTITUTIONS, encoding="utf-8")
    (root / "reference" / "recipients.csv").write_text(RECIPIENTS, encoding="utf-8")
    place = Place(root).made(root / "reference")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("creditaudit.cases.sampling.ONE_IN", 2)
        patch.setattr("creditaudit.scoring.outcomes.LEAST_LABELS", 10)
        _first_night(place)
        for name, words in (("queue.json", ["--format", "json"]), ("queue.txt", [])):
            said = place.say("queue", "--book", str(place.book), *words)
            (root / name).write_text(said.out, encoding="utf-8")
        _answer(place, N2, {**_codes(THIEVES, "1"), **_codes(HOLDERS, "2"), **_codes(LOW, "2")})
        # With its answer the institution takes back what is overdue: whoever learnt from that would learn the answer.
        place.deliver(N2, "accounts", [account(n, report_date=str(N1), overdue_amount="0") for n in THIEVES])
        place.night(N2)
        for day in (N3, N4):
            right = [account(n, report_date=str(day - timedelta(days=1)), id_number=number(500 + n)) for n in THIEVES]
            place.deliver(day, "accounts", right)
            place.night(day)
        yield place


def trained(place: Place, last: date) -> Trained:
    with engine_aside(reads=place.book) as engine:
        return train_model(engine, open_book(place.book), load_keys(str(place.key), place.book), N1, last)


def of(place: Place, day: date) -> dict[str, dict[str, Any]]:
    return {str(row["account_code"]): row for row in place.rows(day, "cases")}


Learnt = tuple[Trained, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def learnt(answered: Place) -> Iterator[Learnt]:
    """The model of the four nights, and what it was given to learn from."""
    seen: dict[str, np.ndarray] = {}
    learn_from = fit.labelled_model

    def watched(matrix: np.ndarray, learn: np.ndarray, *rest: Any) -> Any:
        seen.update(matrix=matrix, learn=learn)
        return learn_from(matrix, learn, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "labelled_model", watched)
        yield trained(answered, N4), seen


def test_confirmed_outcomes_are_the_labels_and_the_card_says_which(answered: Place, learnt: Learnt) -> None:
    rows, card = of(answered, N4), learnt[0].card
    assert {rows[f"A{n}"]["state"] for n in THIEVES} == {"correction_verified"}
    assert {rows[f"A{n}"]["state"] for n in HOLDERS} == {"holder_confirmed"}
    drawn = sum(bool(rows[f"A{n}"]["sampled"]) for n in LOW)
    assert 0 < drawn < len(LOW)
    labels = card["labels"]
    assert (card["kind"], card["labels_were_used"]) == ("labelled", True)
    assert (labels["corrections_verified"], labels["holders_confirmed"]) == (12, 12 + drawn)
    assert (labels["known_first"], labels["known_last"]) == (str(N2), str(N4))
    # Below 0.2 only what was drawn by chance counts, and stands for all that lie there.
    assert labels["selection"]["from_0_2"] == {"cases": 30, "labels_used": 24, "weight": 1.25}
    assert labels["selection"]["below_0_2"] == {
        "cases": len(LOW),
        "labels_used": drawn,
        "weight": round(len(LOW) / drawn, 4),
    }
    assert labels["left_out"]["below_0_2_and_not_sampled"] == len(LOW) - drawn
    assert labels["cases_no_label_speaks_for"] == {"never_sent": 1}
    assert rows[f"A{REPLACED}"]["tier"] == "R103"
    assert card["metrics"]["resamples"] > 0


def test_a_label_is_learnt_from_what_the_case_was_before_its_answer(learnt: Learnt) -> None:
    overdue, seen = NAMES.index("overdue"), learnt[1]
    # Each thief owed a tenth when his case was queued, and nothing any more at the cut.
    assert np.isclose(seen["learn"][:, overdue], 0.1).sum() == len(THIEVES)
    assert not np.nan_to_num(seen["matrix"][:, overdue]).any()


def test_what_is_known_after_the_cut_changes_no_byte_of_a_model(
    answered: Place, learnt: Learnt, tmp_path: Path
) -> None:
    place = answered.copied(tmp_path / "house")
    _answer(place, N5, _codes(LATER, "2"))
    keys = load_keys(str(place.key), place.book)
    before, _ = train(open_book(place.book), keys, first=N1, last=N4, by="Tester", on=None)
    place.deliver(N5, "accounts", [account(200, report_date=str(N4))])
    place.night(N5)
    assert trained(place, N4).body == before.body == learnt[0].body
    after = trained(place, N5)
    assert after.card["labels"]["holders_confirmed"] == before.card["labels"]["holders_confirmed"] + len(LATER)
    assert after.model.digest != before.model.digest
    # The night of the answers took the model, and said by what it ordered the queue.
    said = json.loads((place.folder(N5) / "manifest.json").read_text())["summary"]["scoring"]
    assert (said["model"], said["kind"], said["is_new"]) == (before.model.digest, "labelled", True)
    assert before.model.digest in (place.folder(N5) / "night.html").read_text(encoding="utf-8")


def test_the_sample_waits_in_the_queue_and_is_marked(answered: Place) -> None:
    rows = {str(row["account_code"]): row for row in answered.rows(N1, "cases")}
    drawn = {code for code, row in rows.items() if row["sampled"]}
    assert drawn
    assert all(rows[code]["priority"] < 0.2 for code in drawn)
    waiting = json.loads((answered.root / "queue.json").read_text(encoding="utf-8"))
    assert {row["account_code"] for row in waiting if row["sampled"]} == drawn
    assert (answered.root / "queue.txt").read_text(encoding="utf-8").count("(sampled)") == len(drawn)
    # Once drawn, a case stays drawn, whatever becomes of it.
    assert {code for code, row in of(answered, N4).items() if row["sampled"]} == drawn
