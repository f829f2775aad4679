"""ID numbers and names against plain Python and against another library."""

from __future__ import annotations

import random
import re
import unicodedata
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import ric

from creditaudit.intake.cells import cells_of
from creditaudit.intake.folding import INVISIBLE, WHITE_SPACE
from creditaudit.intake.identity import identify, normalise_id, normalise_ids, numbers_in
from creditaudit.intake.names import normalise_names

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
REMOVED = dict.fromkeys([*WHITE_SPACE, *INVISIBLE])


def check(first_17: str) -> str:
    return "10X98765432"[sum(int(d) * w for d, w in zip(first_17, WEIGHTS, strict=True)) % 11]


def real(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def plain_status(text: str) -> tuple[str, str, date | None]:
    """SPEC 4, sentence by sentence, for one number; and the birth date of SPEC 12."""
    norm = unicodedata.normalize("NFKC", text).translate(REMOVED).upper()
    if re.fullmatch("[0-9]{17}[0-9X]", norm):
        born = real(norm[6:10], norm[10:12], norm[12:14]) if norm[6:8] in {"18", "19", "20"} else None
        right = check(norm[:17]) == norm[17]
        if born and right:
            abroad = norm[0] == "9" or norm[:6] in {"810000", "820000", "830000"}
            return norm, "not_resident" if abroad else "ok", born
        return norm, "bad_date" if right else "bad_check", born
    if re.fullmatch("[0-9]{15}", norm):
        born = real("19" + norm[6:8], norm[8:10], norm[10:12])
        if born is None:
            return norm, "bad_date", None
        if norm[12:] in {"996", "997", "998", "999"}:
            return norm, "legacy15_centenarian", None
        longer = norm[:6] + "19" + norm[6:]
        return longer + check(longer), "legacy15", born
    return norm, "bad_form", None


@st.composite
def numbers(draw):
    area = draw(st.sampled_from(["110105", "999999", "810000", "820000", "830000", "840000", "900001", "440305"]))
    day = draw(
        st.sampled_from(
            ["19491231", "20000229", "19000229", "18000101", "17991231", "20991231", "21000101", "19991301"]
        )
    )
    serial = draw(st.sampled_from(["001", "995", "996", "999"]))
    if draw(st.booleans()):
        text = area + day[2:] + serial
    else:
        text = area + day + serial
        text += check(text) if draw(st.booleans()) else draw(st.sampled_from("0123456789Xx"))
    letters = list(text)
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(letters) - 1))
        what = draw(st.sampled_from(["change", "insert", "drop"]))
        letter = draw(st.sampled_from("0９X x\u200b\u3000\u00adß中Ⅹ٣"))
        if what == "change":
            letters[place] = letter
        elif what == "insert":
            letters.insert(place, letter)
        elif len(letters) > 1:
            del letters[place]
    return "".join(letters)


@given(st.lists(st.one_of(numbers(), st.text(max_size=20)), max_size=30))
@settings(max_examples=120, deadline=None)
def test_columns_are_read_as_plain_python_reads_one(texts):
    found = identify(cells_of(pa.array(texts, pa.string())))
    norms, statuses = normalise_ids(pa.array(texts, pa.string()))
    for place, text in enumerate(texts):
        cell = text.strip(" \t\u00a0\u3000")
        if not cell:
            assert norms[place].as_py() is None
            assert statuses[place].as_py() is None
            continue
        norm, status, born = plain_status(cell)
        assert (norms[place].as_py(), statuses[place].as_py()) == (norm, status)
        assert bool(found.born[place]) == (born is not None)
        if born is not None:
            assert date(1970, 1, 1) + timedelta(int(found.birth[place])) == born
        assert found.reserved[place] == bool(re.fullmatch("999999([0-9]{9}|[0-9]{11}[0-9X])", norm))
        assert found.readable()[place] == (status != "bad_form")


def test_against_stdnum():
    rng = random.Random(5)  # noqa: S311 - a test's data
    texts = []
    for _ in range(3000):
        area, year = rng.choice([110105, 310104, 440305, 513021]), rng.randint(1900, 2030)
        body = f"{area}{year}{rng.randint(0, 13):02}{rng.randint(0, 32):02}{rng.randint(0, 999):03}"
        texts.append(body + (check(body) if rng.random() < 0.8 else rng.choice("0123456789X")))
    _, statuses = normalise_ids(pa.array(texts))
    for text, status in zip(texts, statuses.to_pylist(), strict=True):
        try:
            ric.get_birth_date(text)
            dated = True
        except Exception:
            dated = False
        right = ric.calc_check_digit(text) == text[-1]
        assert status == ("bad_check" if not right else "ok" if dated else "bad_date")


def test_many_cells_of_mixed_length():
    texts = (["11010519491231002X", "", "110105491231002", "x", "11010519491231002x"] * 7000)[:-1]
    norms, statuses = normalise_ids(pa.chunked_array([texts[:5], texts[5:]]))
    once = [plain_status(text)[:2] if text else (None, None) for text in texts[:5]]
    assert list(zip(norms.to_pylist(), statuses.to_pylist(), strict=True)) == (once * 7000)[:-1]


def test_single_values():
    assert normalise_id(" 11010519491231002x") == ("11010519491231002X", "ok")
    assert normalise_id("110105491231002") == ("11010519491231002X", "legacy15")
    assert normalise_id("\u200b") == ("", "bad_form")


@given(
    st.lists(
        st.one_of(
            st.text(max_size=8),
            st.text(st.sampled_from("张三A·•‧・･\u200b \u3000ｱé\ue000\U000f0000\ufb01"), max_size=6),
        )
    )
)
@settings(max_examples=80, deadline=None)
def test_names_are_read_as_plain_python_reads_one(texts):
    norms, known = normalise_names(pa.array(texts, pa.string()))
    for text, norm, is_known in zip(texts, norms.to_pylist(), known.to_pylist(), strict=True):
        plain = unicodedata.normalize("NFKC", text.strip(" \t\u00a0\u3000")).translate(REMOVED)
        plain = re.sub("[\u00b7\u2022\u2027\u30fb\uff65]", "\u00b7", plain)
        assert norm == (plain or None)
        assert is_known == (plain != "" and not any(unicodedata.category(letter) == "Co" for letter in plain))


def test_no_calm_letter_is_changed_by_folding():
    # The fast path keeps texts of these letters as they are.
    calm = "".join(map(chr, [*range(0x21, 0x7F), *range(0x4000, 0xA000)]))
    assert unicodedata.normalize("NFKC", calm).translate(REMOVED) == calm


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a,11010519491231002X,b", ["11010519491231002X"]),
        ("张三11010519491231002x李四", ["11010519491231002X"]),
        ("１１０１０５１９４９１２３１００２Ｘ", ["11010519491231002X"]),
        ("1101051949\u200b1231002X", ["11010519491231002X"]),
        ("110105491231002;110105194912310029", ["11010519491231002X", "110105194912310029"]),
        ("110105194902310029", ["110105194902310029"]),
        # SPEC 3.4: a letter beside the number does not hide it.
        ("x11010519491231002X", ["11010519491231002X"]),
        ("SFZ11010519491231002x", ["11010519491231002X"]),
        ("SFZ110105194912310029SFZ", ["110105194912310029"]),
        ("ID110105491231002", ["11010519491231002X"]),
        ("11010519491231002Xa", ["11010519491231002X"]),
        ("11010519491231002XX", ["11010519491231002X"]),
        ("X110105194912310029X", ["110105194912310029"]),
        ("110105491231002X", ["11010519491231002X"]),
        # The X ends the number: what comes behind it lengthens no run of digits.
        ("11010519491231002X20210301", ["11010519491231002X"]),
        ("11010519491231002X110105194912310029", ["11010519491231002X", "110105194912310029"]),
        # A longer run of digits is no number, whatever stands beside it.
        ("1101051949123100211", []),
        ("SFZ1101051949123100211", []),
        ("2211010519491231002X", []),
        ("1101054912310021", []),
        ("SFZ1101051949123100", []),
        ("1101051949 1231002X", []),
        ("11010519491231X029", []),
        ("11010549123100X", []),
        ("", []),
        (None, []),
    ],
)
def test_numbers_in_raw_text(text, numbers):
    found = numbers_in(pa.chunked_array([pa.array([text, "110105491231002", text], pa.string())]))
    assert found.schema.names == ["index", "id_norm"]
    assert found.to_pylist() == [
        *({"index": 0, "id_norm": number} for number in numbers),
        {"index": 1, "id_norm": "11010519491231002X"},
        *({"index": 2, "id_norm": number} for number in numbers),
    ]


@given(st.lists(st.text(st.sampled_from("1１Xxa,中 \u200b"), min_size=0, max_size=60), max_size=4))
@settings(max_examples=80, deadline=None)
def test_numbers_in_raw_text_against_a_regular_expression(texts):
    found = numbers_in(pa.array(texts, pa.string())).to_pylist()
    expected = []
    for place, text in enumerate(texts):
        folded = unicodedata.normalize("NFKC", text).translate(dict.fromkeys(INVISIBLE)).upper()
        matches = re.findall("(?<![0-9])([0-9]{17}X|(?:[0-9]{18}|[0-9]{15})(?![0-9]))", folded)
        expected.extend({"index": place, "id_norm": plain_status(match)[0]} for match in matches)
    assert found == expected


def test_a_number_ends_with_its_text():
    # The X or digit that begins the next text is not the number's.
    found = numbers_in(pa.array(["11010519491231002", "X", "110105491231002", "1"], pa.string())).to_pylist()
    assert found == [{"index": 2, "id_norm": "11010519491231002X"}]


def test_no_text_holds_no_number():
    assert numbers_in(pa.array([], pa.string())).num_rows == 0
