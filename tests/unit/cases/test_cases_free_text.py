"""What people write freely, as a book may keep it (SPEC 10.4)."""

from __future__ import annotations

import pyarrow as pa
import pytest

from creditaudit.cases.free_text import hide_names, hide_numbers


def hidden(text: str | None) -> str | None:
    [shown] = hide_numbers(pa.chunked_array([[text]], pa.string())).to_pylist()
    return shown  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "written",
    [
        *("11010519491231002X", "11010519491231002x", "110105194912310021", "110105491231002", "999999999999999999"),
        *(
            "110105 19491231 002X",
            "110105-1949-12-31-0021",
            "１１０１０５１９４９１２３１００２Ｘ",
            "SFZ11010519491231002X",
        ),
        *("13912345678", "139-1234-5678", "139 1234 5678", "+8613912345678", "86 139 1234 5678", "010-12345678"),
        *("0755-1234567", "１３９１２３４５６７８"),
    ],
)
def test_numbers_of_persons_are_hidden_wherever_they_stand(written: str) -> None:
    shown = hidden(f"，见{written}，完")
    assert shown is not None
    assert "***" in shown
    assert sum(letter.isdigit() for letter in shown) <= 2  # at most a country's code is left
    assert (shown[:2], shown[-2:]) == ("，见", "，完")


@pytest.mark.parametrize(
    "written",
    [
        *("函〔2026〕7号", "2026-11-20", "2026-11-20-0012", "6222021234567890123", "12345678901234567890", "A-1.5", ""),
        *("110105 99999999 002X", "１２３，ok", "ticket 4711/0815"),
    ],
)
def test_what_is_no_number_of_a_person_stays_as_it_was_written(written: str) -> None:
    assert hidden(written) == written


def test_control_characters_and_line_ends_become_blanks() -> None:
    assert hidden("a\x1b[2J\r\nb\u202ec\u200bd\t") == "a [2J b c d"
    assert hidden(None) is None
    assert hide_numbers(pa.chunked_array([], pa.string())).to_pylist() == []


def test_each_text_of_a_column_in_its_place() -> None:
    column = pa.chunked_array([["x", None], ["tel 13912345678", "y"]], pa.string())
    assert hide_numbers(column).to_pylist() == ["x", None, "tel ***", "y"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        *(("阿依古丽•买买提来函", "***来函"), ("见阿依 古丽･买买提。", "见***。"), ("张 三 到场", "*** 到场")),
        *(
            ("张\u200b三、张　三", "***、***"),
            ("张三丰与张三", "***与***"),
            ("ＬＩ Ming 来", "*** 来"),
            ("李\u0301", "***"),
        ),
    ],
)
def test_names_are_hidden_however_they_are_written(written: str, shown: str) -> None:
    """SPEC 4, 10.4: a name is compared without blanks, with one middle dot; so it is looked for."""
    assert hide_names(written, ["张三", "阿依古丽·买买提", "张三丰", "LIMing"]) == shown
