"""What a recipient may see of an ID number (SPEC 10.2)."""

from __future__ import annotations

from itertools import product

import pyarrow as pa
import pytest

from creditaudit.errors import UsageError
from creditaudit.intake.identity import normalise_id
from creditaudit.masking import Mask, numbers_hidden, without_numbers
from creditaudit.reports.masks import guesses, left_to_guess, read_mask

NUMBER = "11010519491231002X"


def shown(mask: Mask, *numbers: str | None) -> list[str | None]:
    return mask.apply(pa.chunked_array([pa.array(numbers, pa.string())])).to_pylist()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (None, "110***********002X"),
        ("", "110***********002X"),
        ("3+4", "110***********002X"),
        ("1+1", "1****************X"),
        ("0+4", "**************002X"),
        ("3+0", "110***************"),
        ("0+0", "******************"),
        ("6+1", "110105***********X"),
    ],
)
def test_a_mask_shows_both_ends(text: str | None, masked: str) -> None:
    assert shown(read_mask(text, "r"), NUMBER) == [masked]


@pytest.mark.parametrize(
    "text", ["6+4", "4+4", "7+1", "18+0", "3", "3+", "+4", "3-4", " 3+4", "3+4 ", "３+4", "a+b", "100+1"]
)
def test_a_mask_that_shows_too_much_or_has_another_form_is_refused(text: str) -> None:
    """Never 6+4."""
    with pytest.raises(UsageError, match="id_mask") as refused:
        read_mask(text, "支行")
    assert "支行" in str(refused.value)


@pytest.mark.parametrize("number", ["", "1", "123", "1234567"])
def test_a_number_as_short_as_what_would_be_shown_is_hidden_whole(number: str) -> None:
    assert shown(Mask(3, 4), number) == ["*" * len(number)]


@pytest.mark.parametrize("mask", [Mask(3, 4), Mask(1, 1), Mask(3, 0), Mask(0, 4), Mask(0, 0)], ids=str)
def test_one_number_is_masked_as_many_are(mask: Mask) -> None:
    numbers = [NUMBER, "", "1", "1234567", "12345678", "110105491231002", "一二三四五六七八九"]
    assert [mask.of(number) for number in numbers] == shown(mask, *numbers)


def test_rows_are_masked_each_by_its_own_length() -> None:
    assert shown(Mask(3, 4), "12345678", None, "110105491231002", "一二三四五六七八九") == [
        "123*5678",
        None,
        "110********1002",
        "一二三**六七八九",
    ]


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("11010519491231002X", "***"),
        ("110105194912310021", "***"),
        ("110105491231002", "***"),
        ("13812345678", "***"),
        ("欧阳种植", "***"),
        ("x11010519491231002xy", "x***y"),
        ("B10211000H0001", "B10211000H0001"),
        ("102100099996", "102100099996"),
        ("1101051949123100210", "1101051949123100210"),
        ("110105194913310021", "110105194913310021"),
    ],
)
def test_what_reads_as_a_number_of_a_person_is_hidden_in_codes(code: str, shown: str) -> None:
    """SPEC 10.4: no raw ID number or phone on a page or in a manifest; codes of institutions stay."""
    assert without_numbers(code) == shown


@pytest.mark.parametrize(
    "spelled",
    [
        *("8613812345678", "+8613812345678", "008613812345678", "+86 138-1234-5678", "138 1234 5678"),
        *("１３８１２３４５６７８", "1381234５678", "138\u200b1234\u20605678", "138\u00ad12345678", "١٣٨١٢٣٤٥٦٧٨"),
        *(
            "１１０１０５１９４９１２３１００２Ｘ",
            "110105\u200b19491231002X",
            "110105 19491231 002X",
            "110105491231002",
        ),
    ],
)
def test_a_number_is_found_however_it_is_spelled(spelled: str) -> None:
    """SPEC 10.4. Nothing of it is left but the sign before a country's code."""
    for said in (numbers_hidden(f"挂失 A-{spelled}; x"), without_numbers(f"A-{spelled}; x")):
        assert said.endswith(("A-***; x", "A-+***; x"))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2024-01-16 – 2024-01-20",
            "440300-20261120-0001.csv",
            "6222021381234567890",
            "86138123456789",
            "银发〔2018〕60号",
        ),
        *("CA-a13812345678b11010519491231002"[:27], "visible 2024-01-10", "1102100099996"),
    ],
)
def test_what_is_no_number_of_a_person_is_left(text: str) -> None:
    """Days, names of files, card numbers, clauses, and our own case_ids."""
    assert numbers_hidden(text) == text


def test_what_a_mask_leaves_is_counted_number_by_number() -> None:
    """Against counting them all, for somebody whose area and birth date are known."""
    numbers = [f"11010519600101{''.join(rest)}" for rest in product("0123456789", repeat=3)]
    whole = [n[:17] + c for n in numbers for c in "0123456789X" if normalise_id(n[:17] + c)[1] == "ok"]
    assert len(whole) == left_to_guess(Mask(0, 0), knows_area=True, knows_birth=True) == 1_000
    shown = {n[17] for n in whole}
    fewest = min(sum(n[17] == check for n in whole) for check in shown)
    assert left_to_guess(Mask(1, 1), knows_area=True, knows_birth=True) == fewest == 90
    assert left_to_guess(Mask(3, 4), knows_area=True, knows_birth=True) == 1


@pytest.mark.parametrize(
    ("mask", "alone", "area"),
    [((3, 4), 3_320_446, 3_313), ((1, 1), 332_045_454_538, 3_320_446), ((6, 4), 3_313, 3_313), ((0, 7), 9_090_907, 7)],
)
def test_what_a_mask_leaves_to_guess(mask: tuple[int, int], alone: int, area: int) -> None:
    """As the guide has it; 6+4 is refused for its 3,313, and 0+7 for its 7 (GB 11643)."""
    assert (left_to_guess(Mask(*mask)), left_to_guess(Mask(*mask), knows_area=True)) == (alone, area)
    assert f"{alone:,}" in guesses(Mask(*mask))


@pytest.mark.parametrize("text", ["0+7", "2+5", "7+0", "6+4"])
def test_a_refusal_says_what_the_mask_would_leave(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be used") as refused:
        read_mask(text, "r")
    assert "numbers fit what is shown" in refused.value.why
