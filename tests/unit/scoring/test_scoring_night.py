"""SPEC 7.4 over nights: a model is trained, taken, and orders the queue by what the book says alone."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from creditaudit.audit.rulebook import load_rules
from creditaudit.book.inbox import Entry, pending, put
from creditaudit.book.keys import load_keys
from creditaudit.book.layout import open_book
from creditaudit.book.seal import canonical
from creditaudit.engines import open_engine
from creditaudit.errors import BookBrokenError, UsageError
from creditaudit.reports.code_words import CODES
from creditaudit.scoring.drift import TRAIN_AGAIN, scoring_summary
from creditaudit.scoring.features import FEATURES, NAMES, Lookups
from creditaudit.scoring.fit import tail_model
from creditaudit.scoring.in_force import InForce, model_in_force, model_tonight
from creditaudit.scoring.model import model_flaw
from creditaudit.scoring.outcomes import Labels
from creditaudit.scoring.train import train, train_model
from place import Place, changed, tree_of
from unit.scoring.score_house import FIRST, PERSONS, account, loss, opening, sealed_house

if TYPE_CHECKING:
    from datetime import date

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return sealed_house(tmp_path_factory.mktemp("score"))


@pytest.fixture(scope="module")
def taken(sealed: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The same house a night later: it took a model, and a person's account has changed."""
    place = sealed.copied(tmp_path_factory.mktemp("taken") / "house")
    trained(place)
    more(place, FIRST + DAY, 3, overdue_amount="3000")
    place.deliver(FIRST + DAY, "loss_reports", [loss(900)])
    place.deliver(FIRST + DAY, "openings", [opening(900)])
    place.night(FIRST + DAY)
    return place


@pytest.fixture
def house(sealed: Place, tmp_path: Path) -> Place:
    return sealed.copied(tmp_path / "house")


def trained(place: Place) -> None:
    keys = load_keys(str(place.key), place.book)
    train(open_book(place.book), keys, first=FIRST, last=FIRST, by="Tester", on=None)


def body_of(place: Place, *, last: date = FIRST) -> dict[str, Any]:
    """Return what would be put into the inbox."""
    with tempfile.TemporaryDirectory() as scratch:
        engine = open_engine(Path(scratch), threads=1, memory_limit="1GiB", reads=place.book)
        keys = load_keys(str(place.key), place.book)
        made = train_model(engine, open_book(place.book), keys, FIRST, last)
        engine.close()
    return made.body


def more(place: Place, day: date, n: int = 1, **cells: str) -> None:
    place.deliver(day, "accounts", [account(n, report_date=str(day - DAY), **cells)])


def summary(place: Place, day: date) -> dict[str, object]:
    found: dict[str, object] = json.loads((place.folder(day) / "manifest.json").read_text())["summary"]["scoring"]
    return found


def priorities(place: Place, day: date) -> dict[str, float]:
    return {str(row["account_code"]): float(str(row["priority"])) for row in place.rows(day, "cases")}


def offered(place: Place, *bodies: dict[str, object], by: str = "Tester") -> list[Entry]:
    """Put models into the inbox, and return what the next night takes of it."""
    for nth, body in enumerate(bodies):
        put(open_book(place.book), "model", by=f"{by} {nth}", reason="", body=body, on=None)
    return pending(open_book(place.book), FIRST + DAY)


def test_without_a_model_the_formula_orders_the_queue(sealed: Place) -> None:
    rows = sealed.rows(FIRST, "cases")
    assert len(rows) == PERSONS
    assert all(0 <= row["priority"] <= 1 and round(row["priority"], 4) == row["priority"] for row in rows)
    # R101 violation 6,000 and 900; 10,000 yuan 600; fourteen days after the loss: 1,100. See scoring.md.
    found = next(row for row in rows if row["account_code"] == "A9")
    assert (found["tier"], found["verdict"], found["priority"]) == ("R101", "violation", 0.86)
    assert re.search(r"; 评分依据：[^;|]+ \| score: [^;|]+$", str(found["reasons"]))
    assert summary(sealed, FIRST)["kind"] == "formula"
    assert json.loads((sealed.folder(FIRST) / "manifest.json").read_text())["model"] is None


def test_the_next_night_takes_a_model_and_scores_every_open_case(taken: Place) -> None:
    manifest = json.loads((taken.folder(FIRST + DAY) / "manifest.json").read_text())
    digest = manifest["model"]
    assert any(digest in (taken.book / "inbox" / name).read_text() for name in manifest["inbox"])
    before, after = priorities(taken, FIRST), priorities(taken, FIRST + DAY)
    assert before.keys() == after.keys()
    assert sum(before[code] != after[code] for code in before) > PERSONS // 2
    # Drift is told against the training; one account more or less has not moved anything.
    said = summary(taken, FIRST + DAY)
    assert (said["model"], said["is_new"], said["kind"]) == (digest, True, "tail")
    assert said["moved"] == []
    assert float(str(said["score_stability"])) < TRAIN_AGAIN


def test_a_night_that_judges_few_scores_like_everyone_in_two_threads(taken: Place, tmp_path: Path) -> None:
    few, whole = taken.copied(tmp_path / "few"), taken.copied(tmp_path / "whole")
    day = FIRST + 2 * DAY
    for place in (few, whole):
        more(place, day, 2, overdue_amount="900")
        place.deliver(day, "accounts", [account(5, account_code="N1", report_date=str(day))], name="g.csv")
        place.night(day, everyone=place is whole, threads=2 if place is whole else 1)
    assert changed(tree_of(few.book / "nights"), tree_of(whole.book / "nights")) == []
    assert summary(few, day)["model"] == summary(taken, FIRST + DAY)["model"]
    assert summary(few, day)["is_new"] is False


def test_nothing_after_the_cut_reaches_a_model(sealed: Place, taken: Place) -> None:
    first = body_of(sealed)
    assert first == body_of(taken)
    assert first != body_of(taken, last=FIRST + DAY)


def test_a_model_that_learnt_from_outcomes_checks_out(sealed: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Labels(np.arange(PERSONS), (np.arange(PERSONS) < PERSONS // 2).astype(float), np.ones(PERSONS), {"n": 1})
    monkeypatch.setattr("creditaudit.scoring.outcomes.LEAST_LABELS", 10)
    monkeypatch.setattr("creditaudit.scoring.train.labels_of", lambda _: known)
    body = body_of(sealed)
    card = body["card"]
    assert (card["kind"], card["labels_were_used"], card["labels"]) == ("labelled", True, {"n": 1})
    assert card["metrics"]["interval_95"][0] <= card["metrics"]["auroc"]
    assert model_flaw(body) is None


def test_a_model_that_does_not_check_out_is_refused_and_named(house: Place, tmp_path: Path) -> None:
    body = json.loads(json.dumps(body_of(house)))
    body["model"]["features"][0] = "sex"
    body["sha256"] = hashlib.sha256(canonical(body["model"])).hexdigest()
    entries = offered(house, body)
    in_force, refused = model_tonight(open_book(house.book), entries, tmp_path / "model")
    assert (in_force.digest, refused) == (None, [f"inbox entry {entries[0].file_name}: unknown feature sex"])
    assert not (tmp_path / "model").exists()


def test_two_models_of_one_day_are_both_refused(house: Place, tmp_path: Path) -> None:
    body = body_of(house)
    other = changed_body(body, base=1.0)
    in_force, refused = model_tonight(open_book(house.book), offered(house, body, other), tmp_path / "model")
    assert in_force.digest is None
    assert [why.split(": ")[1] for why in refused] == ["another model of the same day contradicts it"] * 2


def test_a_flawed_model_or_the_same_once_more_contradicts_nothing(house: Place, tmp_path: Path) -> None:
    body = body_of(house)
    flawed = changed_body(body, features=["sex"])
    in_force, refused = model_tonight(open_book(house.book), offered(house, body, body, flawed), tmp_path / "model")
    assert in_force.digest == body["sha256"]
    assert [why.split(": ")[1] for why in refused] == ["unknown feature sex"]


def changed_body(body: dict[str, Any], **parts: object) -> dict[str, Any]:
    """Return a model's body with other parts, and the digest that fits them."""
    content = {**body["model"], **parts}
    return {**body, "model": content, "sha256": hashlib.sha256(canonical(content)).hexdigest()}


@pytest.mark.parametrize(
    "harm",
    [
        {"card": {"x": float("nan")}},
        {"card": {"x": "\ud800"}},
        {"card": {"first": "11010519491231002X"}},
        {"model": {"base": 10**400}},
        {"model": {"lookups": {"phone_people": {"\ud800": 2}}}},
        {"model": []},
    ],
)
def test_whatever_an_entry_holds_it_is_refused_and_stops_no_night(house: Place, harm: dict[str, Any]) -> None:
    body = body_of(house)
    if isinstance(harm.get("model"), dict):
        content = {**body["model"], **harm["model"]}
        with contextlib.suppress(UnicodeEncodeError):
            body = {**body, "sha256": hashlib.sha256(canonical(content)).hexdigest()}
        body = {**body, "model": content}
    else:
        body = {**body, **harm}
    assert model_flaw(body) is not None


def test_a_model_that_is_gone_or_another_one_stops_the_night(taken: Place, tmp_path: Path) -> None:
    place = taken.copied(tmp_path / "house")
    path = place.folder(FIRST + DAY) / "model" / "model.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    path.write_bytes(canonical(changed_body(whole, base=1.0)))
    with pytest.raises(BookBrokenError, match="another model"):
        model_in_force(open_book(place.book))
    path.unlink()
    with pytest.raises(BookBrokenError, match="gone"):
        model_in_force(open_book(place.book))


def test_a_changed_model_file_stops_whoever_reads_it(taken: Place, tmp_path: Path) -> None:
    place = taken.copied(tmp_path / "house")
    path = place.folder(FIRST + DAY) / "model" / "model.json"
    text = path.read_text()
    path.write_text(text.replace('"base":0.0', '"base":1.0', 1))
    assert path.read_text() != text
    with pytest.raises(UsageError, match="its sha256 is not that of its model"):
        model_in_force(open_book(place.book))


def approve(place: Place, folder: str, text: str) -> None:
    put(open_book(place.book), "rule_approval", by="Tester", reason="", body={"folder": folder, "text": text}, on=None)


def test_a_refused_model_and_rules_of_the_house_through_a_night(house: Place) -> None:
    """The night is sealed, says which model it did not take, and names cases by the weakest strength of a verdict."""
    [entry] = offered(house, changed_body(body_of(house), features=["sex"]))
    [text] = [rule.text for rule in load_rules() if rule.rule_id == "R301"]
    for rule, kind, verdict in (("R901", "securities", "violation"), ("R902", "wealth", "lead")):
        own = text.replace("id: R301", f"id: {rule}").replace("name: malformed_id_number", f"name: of_{kind}")
        own = own.replace("'lead' AS verdict", f"'{verdict}' AS verdict")
        own = own.replace("a.id_status IN ('bad_check', 'bad_date', 'bad_form')", f"a.account_type = '{kind}'")
        approve(house, f"{rule}_of_{kind}", own)
    approve(house, "R903_broken", "SELEC broken")
    kinds = [account(n, account_type=kind, report_date=str(FIRST)) for n, kind in ((9, "securities"), (8, "wealth"))]
    bad = account(50, id_number="110105198001010000", account_type="securities", report_date=str(FIRST))
    found = account(51, id_number="110105198001010000", account_type="wealth", report_date=str(FIRST))
    house.deliver(FIRST + DAY, "accounts", [*kinds, bad, found])
    house.night(FIRST + DAY)

    said = json.loads((house.folder(FIRST + DAY) / "manifest.json").read_text())
    why = f"inbox entry {entry.file_name}: unknown feature sex"
    assert said["model"] is None
    broken, *others = said["summary"]["refused_decisions"]
    assert "its text is no rule" in broken
    assert others == [why]
    assert why in (house.folder(FIRST + DAY) / "night.html").read_text(encoding="utf-8")
    cases = {str(row["account_code"]): row for row in house.rows(FIRST + DAY, "cases")}
    strongest = {code: (cases[code]["tier"], cases[code]["verdict"]) for code in ("A9", "A8", "A50", "A51")}
    assert strongest == {
        "A9": ("R101", "violation"),
        "A8": ("R102", "undecidable"),
        "A50": ("R901", "violation"),  # before its R301 lead
        "A51": ("R301", "lead"),  # before its R902 lead
    }
    assert "R902 lead" in str(cases["A51"]["reasons"])
    # A violation, the weakest of all: 6,000 and 0; 51,000 yuan: 900. No loss, so no days.
    assert cases["A50"]["priority"] == 0.69


def rotated(place: Place, state: str) -> None:
    """Let a new key be the active one; what becomes of the old one is said."""
    content = json.loads(place.key.read_text())
    content["keys"][0]["state"] = state
    content["keys"].insert(0, {"key_id": "NEW", "state": "active", "secret": "5a" * 32})
    place.key.write_text(json.dumps(content))


@pytest.mark.parametrize(("state", "unknown"), [("superseded", 0), ("retired", PERSONS)])
def test_training_after_a_rotation_says_whom_it_cannot_recognise(house: Place, state: str, unknown: int) -> None:
    rotated(house, state)
    words = ("score", "train", "--book", str(house.book), "--from", str(FIRST), "--to", str(FIRST), "--by", "Tester")
    said = house.say(*words)
    card = json.loads(said.out)
    gone = ["DEMO"] if unknown else []
    assert card["tokens"] == {"key_id": "NEW", "keys_gone": gone, "cases_unknown": unknown, "labels_unknown": 0}
    assert (f"in {unknown} of {PERSONS} cases operator, phone and handler are unknown" in said.err) is bool(unknown)
    known = {feature["name"]: feature["known_share"] for feature in card["features"]}
    assert (known["phone_people"] > 0) is (state == "superseded")


def test_a_night_under_another_key_than_its_model_says_so(taken: Place, tmp_path: Path) -> None:
    assert summary(taken, FIRST + DAY)["key_changed"] is False
    place, day = taken.copied(tmp_path / "house"), FIRST + 2 * DAY
    rotated(place, "superseded")
    more(place, day, 2)
    place.night(day)
    said = summary(place, day)
    assert said["key_changed"] is True
    assert "phone_people" in str(said["moved"])
    page = (place.folder(day) / "night.html").read_text(encoding="utf-8")
    names = ("key_changed", "score_stability", "moved", "trained last")
    for words in (*(CODES[name][1] for name in names), "phone_people", str(said["model"])):
        assert words in page


def test_what_has_moved_since_the_training_is_named() -> None:
    matrix = np.full((200, len(FEATURES)), 1.0)
    places = [NAMES.index(name) for name in ("days_from_loss", "channel")]
    matrix[:, places] = np.arange(200)[:, np.newaxis] % 40
    model = tail_model(matrix, Lookups())
    card = {"first": "2026-11-01", "last": "2026-11-01", "cases": 200}
    now = matrix.copy()
    now[:, places[0]] += 30
    said, same = (
        scoring_summary(
            InForce(model, card, model.digest, is_new=False), pa.table(dict(zip(NAMES, rows.T, strict=True))), "K1"
        )
        for rows in (now, matrix)
    )
    assert said["moved"] == ["days_from_loss"]
    assert said["features"][0]["name"] == "days_from_loss"
    assert said["features"][0]["stability"] > TRAIN_AGAIN > same["features"][0]["stability"] == 0
    assert same["moved"] == []
    assert (said["cases"], said["trained"]["last"], said["key_changed"]) == (200, "2026-11-01", None)


def test_the_command_trains_and_prints_the_card(house: Place) -> None:
    said = house.say(
        *("score", "train", "--book", str(house.book), "--from", str(FIRST), "--to", str(FIRST), "--by", "Tester")
    )
    assert said.code == 0, said.err
    card = json.loads(said.out)
    assert (card["kind"], card["cases"], card["nights"]) == ("tail", PERSONS, 1)
    assert card["labels"]["corrections_verified"] == 0
    assert card["labels_were_used"] is False
    assert card["metrics"] is None
    assert {"name", "sign", "reason", "unknown_when", "known_share"} <= set(card["features"][0])
    assert len(card["limits"]) > 3
    assert "next night takes it" in said.err
    assert not re.search(r"\b1380000\d{4}\b|19800101", said.out + said.err)
    missing = house.say(
        *("score", "train", "--book", str(house.book), "--from", "2026-10-01", "--to", str(FIRST), "--by", "Tester")
    )
    assert missing.code == 2
    assert "2026-10-01 is no sealed night" in missing.err
