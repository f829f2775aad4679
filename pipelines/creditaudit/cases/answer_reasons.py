"""Why an answer is refused: codes for programs, words for who handed it in (SPEC 8.2)."""

from __future__ import annotations

# code: Chinese, English. No reason repeats a value: a cell may hold anything.
REASONS: dict[str, tuple[str, str]] = {
    "wrong_cell_count": ("单元格多于表头", "it has more cells than the header"),
    "bad_quotes": ("引号未闭合或位置不对", "a quote is not closed, or stands where none can"),
    "no_case_id": ("缺少案件编号", "case_id is missing"),
    "no_row_token": ("缺少行令牌", "row_token is missing"),
    "no_outcome": ("缺少核查结果", "outcome is missing"),
    "bad_outcome": ("核查结果不是 0 至 5", "outcome is none of 0 to 5"),
    "no_answered_on": ("缺少答复日期", "answered_on is missing"),
    "bad_date": ("答复日期不是日期", "answered_on is no date (YYYY-MM-DD)"),
    "unclear_date": ("答复日期年月日顺序不明", "the order of day, month and year in answered_on cannot be told"),
    "day_number": (
        "答复日期是表格软件的序列数",
        "answered_on is a spreadsheet's day number: format it as a date",
    ),
    "too_late": ("答复日期晚于可受理的日期", "answered_on lies further ahead than an answer can be dated"),
    "no_answered_by": ("缺少答复方", "answered_by is missing"),
    "incomplete": ("缺少必填内容", "a required cell is missing or no known one"),
    "unknown_case": ("本账簿没有该案件，或案件编号受损", "this book has no such case, or case_id is damaged"),
    "wrong_token": ("行令牌不属于该案件，或已受损", "row_token is not that of the case, or is damaged"),
    "token_of_another_case": ("行令牌属于另一案件", "row_token is that of another case"),
    "token_of_earlier_episode": ("行令牌属于该案件较早的一轮", "row_token is that of an earlier episode of the case"),
    "earlier_episode": ("该轮次已不是最近一轮", "it answers an episode that is not the case's last one"),
    "unknown_recipient": ("答复方不在接收方名单", "answered_by is no recipient"),
    "not_theirs": ("该案件不由该答复方答复", "answered_by does not answer this case"),
    "no_evidence": ("缺少证据编号", "evidence_ref is missing; outcomes 2, 4 and 5 need one"),
    "after_decision": ("答复日期晚于受理日期", "answered_on is later than the day for which it is handed in"),
    "contradicts_row": ("同一文件对该案件有不同结果", "the file gives the case different outcomes"),
    "answered_twice": (
        "同一文件对该案件的答复不一致",
        "the file answers the case more than once, with another date or evidence",
    ),
    "contradicts_answer": ("同日另有不同答复", "another answer of the same day contradicts it"),
    "not_sent": ("该案件尚未发送", "the case was not sent yet"),
    "closed": ("该案件已结案", "the case is closed"),
    "no_such_move": ("更正阶段不接受该结果", "a case that is being corrected takes no such outcome"),
}


def spoken(codes: str) -> str:
    """Return codes joined by ``;`` in English words."""
    return "; ".join(REASONS[code][1] for code in codes.split(";"))


def told(codes: str) -> str:
    """Return codes joined by ``;`` with their words in both languages, for the file of refusals."""
    return "; ".join(f"{code}: {' / '.join(REASONS[code])}" for code in codes.split(";"))
