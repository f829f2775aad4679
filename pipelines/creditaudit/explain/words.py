"""The words of an explanation, in English and Chinese: one table, so that neither language says more than the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

LANGUAGES = ("en", "zh")

# key → (English, Chinese); braces are filled from the explanation.
TEXTS: dict[str, tuple[str, str]] = {
    "head": ("Account {account} as known on night {night}", "账户 {account}，截至 {night} 批次所知"),
    "lead": (
        "This is a lead to check (待核查线索); it does not say that anyone is at fault.",
        "本结果为待核查线索，不认定任何机构或个人有过错。",
    ),
    "absent": (
        "Its absence was proven on night {proven_on} (case {case_id}): it is judged no more until it is delivered"
        " again. What follows is how its last row would be judged.",
        "该账户于 {proven_on} 批次被证实不再报送（案件 {case_id}）：再次报送前不再判断；以下按其最后一行数据判断。",
    ),
    "recalled": (
        "Recalled on night {night} by {by}, decided on {decided_on} ({reason}): {file} of night {read_on}, SHA-256"
        " {sha256}, {lines}",
        "{night} 批次撤回（{by} 于 {decided_on} 决定，理由：{reason}）：{read_on} 批次的 {file}，"
        "SHA-256 {sha256}，{lines}",
    ),
    "recalled_lines": ("line {lines}", "第 {lines} 行"),
    "recalled_absence": ("by what it does not hold", "依据其中未载的内容"),
    "recalled_gone": ("believed with it, and no more: {findings}", "此前据此认定、现已撤销：{findings}"),
    "recalled_came": ("found without it: {findings}", "撤回后的发现：{findings}"),
    "recalled_same": ("its findings are the same without it", "撤回后发现不变"),
    "recalled_case": ("case {case_id}: {was} -> {now}", "案件 {case_id}：{was} -> {now}"),
    "recalled_no_case": ("none", "无"),
    "lineage": ("Lineage: {codes}", "账户标识沿革：{codes}"),
    "judged_by": (
        "Judged by the row reported on {report_date}, accepted on night {night} from {source}",
        "依据报告日 {report_date} 的记录判断，该记录于 {night} 批次接收，出处 {source}",
    ),
    "person": (
        "Person {masked}, id_status {id_status}, id_type {id_type}",
        "证件号 {masked}，id_status {id_status}，id_type {id_type}",
    ),
    "account_type": ("Account type {account_type}", "账户类型 {account_type}"),
    "other_id": (
        "Not judged by notices: id_type {id_type} is not the citizen number, and not matched by number.",
        "不按证件通知判断：id_type {id_type} 不是公民身份号码，不按号码匹配。",
    ),
    "bad_form": (
        "Not judged by notices: a number of status bad_form is never matched.",
        "不按证件通知判断：状态为 bad_form 的号码从不匹配。",
    ),
    "nothing_to_judge": (
        "The person has no notice in either registry: there is nothing to judge.",
        "此人在两个登记库中均无通知：无可判断。",
    ),
    "no_moment": ("Moment: none ({why})", "核验身份时点：无（{why}）"),
    "moment": ("Moment of the identity check: {when}", "核验身份时点：{when}"),
    "shown": (
        "Card shown at the opening: {card} (document_kind {kind})",
        "开户时出示的证件：{card}（document_kind {kind}）",
    ),
    "card_from": ("valid from {day}", "有效期自 {day}"),
    "card_from_to": ("valid from {day} to {until}", "有效期 {day} 至 {until}"),
    "card_none": ("none known", "未知"),
    "card_none_to": ("none known to {until}", "起始未知，有效期至 {until}"),
    "not_given": ("not given", "未提供"),
    "no_notice": ("The person has no notice in either registry.", "此人在两个登记库中均无通知。"),
    "notice": ("Notice {notice}: {kind}, {card}", "通知 {notice}：{kind}，{card}"),
    "no_card_named": ("no card named", "未指明证件"),
    "reported": ("reported {when}", "挂失（生效） {when}"),
    "lost": ("lost {when}", "丢失 {when}"),
    "withdrawn": ("withdrawn {when}", "撤销 {when}"),
    "collected": ("collected {when}", "领取新证 {when}"),
    "visible": ("visible to institutions {when}", "机构可见 {when}"),
    "unread_withdrawal": ("a withdrawal was delivered that cannot be read", "报送了一项无法读取的撤销"),
    "after": ("after: {after}, since {why}", "是否在挂失之后：{after}，因为{why}"),
    "after_yes": (
        "the moment begins {moment_from}, later than the end of reported, {reported_to}",
        "核验时点始于 {moment_from}，晚于挂失时点之末 {reported_to}",
    ),
    "after_no": (
        "the moment ends {moment_to}, earlier than the beginning of reported, {reported_from}",
        "核验时点止于 {moment_to}，早于挂失时点之始 {reported_from}",
    ),
    "after_maybe": (
        "[{moment_from}, {moment_to}] and [{reported_from}, {reported_to}] overlap",
        "[{moment_from}, {moment_to}] 与 [{reported_from}, {reported_to}] 重叠",
    ),
    "standing": ("standing at the moment: {standing}{why}", "当时是否仍有效：{standing}{why}"),
    "standing_none": (", no effective withdrawal", "，无有效撤销"),
    "standing_unread": (", a withdrawal cannot be read", "，有一项撤销无法读取"),
    "standing_against": (
        ", withdrawn {withdrawn} against moment {moment}",
        "，撤销 {withdrawn}，核验时点 {moment}",
    ),
    "relation": ("card relation: {relation}, {words}", "证件关系：{relation}，{words}"),
    "relation_same": ("the card shown is the card of the notice", "出示的证件即通知所指证件"),
    "relation_presumed_same": (
        "the notice names no card, and the card shown was in the holder's hands before: presumed the same",
        "通知未指明证件，出示的证件此前已在持有人手中：推定为同一证件",
    ),
    "relation_newer": ("the card shown is newer than the card of the notice", "出示的证件晚于通知所指证件"),
    "relation_older": ("the card shown is older than the card of the notice", "出示的证件早于通知所指证件"),
    "relation_unknown": (
        "which card was shown, or which one the notice means, cannot be told",
        "无法判断出示的是哪一张证件，或通知所指哪一张",
    ),
    "newer_card_shown": ("cleared: a newer card was shown", "排除：出示了更新的证件"),
    "no_card_shown": (
        "not judged: no ID card was shown at the opening",
        "未判断：开户时未出示身份证",
    ),
    "transferred_debt": (
        "not judged: a transferred debt without its original account",
        "未判断：受让债权，找不到原账户",
    ),
    "agreement_unknown": (
        "not judged: the credit agreement's date is not known",
        "未判断：授信协议日期未知",
    ),
    "finding": ("=> {rule} {verdict}", "=> {rule} {verdict}"),
    "finding_expired": (
        "=> {rule} {verdict}: the card shown ended {until}, before the day of the moment",
        "=> {rule} {verdict}：出示的证件于 {until} 到期，早于核验之日",
    ),
    "clearance": ("=> {words} ({reason})", "=> {words}（{reason}）"),
    "flagged": ("Result: flagged by {named}", "结果：命中 {named}"),
    "unflagged": ("Result: no finding", "结果：无发现"),
    "unflagged_since": ("Result: no finding; {words}", "结果：无发现；{words}"),
    "fault": (
        "Fault lane: {fault} (knowable {knowable}, duty {duty}, performed {performed})",
        "责任初判：{fault}（能否知悉 {knowable}，义务 {duty}，履行 {performed}）",
    ),
    "fault_not_applicable": ("Fault lane: not applicable", "责任初判：不适用"),
    "grid_row": (
        "decided by row {row} of the grid for {finding}: {why}",
        "由判定表第 {row} 行决定（{finding}）：{why}",
    ),
    "duty_source": ("duty rests on {source}", "义务依据：{source}"),
    "timeline": ("Timeline", "时间线"),
    "event": ("{when}  {what}", "{when}  {what}"),
    "elements": ("Elements", "要件"),
    "element": ("{name}: {status}{source}", "{name}：{status}{source}"),
    "from_source": (" ({source})", "（{source}）"),
    "ask_for": ("Ask the institution for", "需向机构调取"),
    "flips": ("What would change it", "什么会改变结论"),
    "flips_none": (
        "No change of up to {largest} facts gives another answer.",
        "改变不超过 {largest} 项事实不会改变结论。",
    ),
    "flips_more": (
        "Sets of more than {tried} facts were not tried: with so many notices there are too many of them.",
        "未逐一尝试 {tried} 项以上事实的组合：通知过多，组合数过大。",
    ),
    "flip": ("{changes} -> {fault}{note}", "{changes} -> {fault}{note}"),
    "flip_no_finding": ("no finding of the fault lane stands", "责任线上不再有发现"),
    "flip_open": (" [not known today]", "〔目前未知〕"),
    "flip_against": (" [against what is known]", "〔与已知事实相反〕"),
    "and": (" and ", " 且 "),
    "open_end": ("from {start}, no later bound", "自 {start} 起，无上限"),
    "event_lost": ("card lost, as the holder says ({notice})", "持有人称丢失证件（{notice}）"),
    "event_reported": ("reported or in effect ({notice})", "挂失或生效（{notice}）"),
    "event_entered": ("entered into the registry ({notice})", "登记入库（{notice}）"),
    "event_visible": ("visible to institutions ({notice})", "机构可查（{notice}）"),
    "event_withdrawn": ("withdrawn ({notice})", "撤销（{notice}）"),
    "event_collected": ("next card collected ({notice})", "领取下一张证件（{notice}）"),
    "event_moment": ("the institution checked the identity", "机构核验身份"),
    "event_check": ("{kind}: {result} (verifications {check})", "{kind}：{result}（verifications {check}）"),
    "event_closed": ("account closed", "销户"),
    "fact_card_check": ("the invalid-card check", "失效证件核查"),
    "fact_network_check": ("the network check", "联网核查"),
    "fact_person_check": ("the check of face or fingerprint", "人脸或指纹核验"),
    "fact_in_person": ("a later check in person", "其后的当面核验"),
    "fact_exception": ("the urgent-need exception", "紧急需要的例外"),
    "fact_duty": ("the duty ({about})", "义务（{about}）"),
    "fact_visible": ("when institutions could see {about}", "机构可查到 {about} 的时间"),
    "fact_reported": ("when {about} was reported", "{about} 的挂失时间"),
    "fact_withdrawn": ("the withdrawal of {about}", "{about} 的撤销"),
    "fact_lost": ("when the card of {about} was lost", "{about} 所指证件的丢失时间"),
    "fact_collected": ("when the card after {about} was collected", "{about} 之后新证的领取时间"),
    "fact_moment": ("the time of day of the identity check", "核验身份的具体时刻"),
    "fact_card_shown": ("the card shown", "出示的证件"),
    "change": ("{fact}: {value}", "{fact}：{value}"),
}

# The elements of SPEC 7.3 and what is said of them, in Chinese; in English they are called as in the specification.
ELEMENTS_ZH = {
    "duty": "义务",
    "knowable": "能否知悉",
    "performed": "履行",
    "exception": "例外",
    "verdict": "发现本身",
    "card": "出示的证件",
    "covered": "核查记录完整",
    "proven": "已证明",
    "refuted": "已否定",
    "missing": "缺证",
    "not_applicable": "不适用",
}

# What a change says, by value; other values are codes of the specification and stay as they are.
VALUES: dict[str, tuple[str, str]] = {
    "before_the_moment": ("before the moment", "早于核验时点"),
    "after_the_moment": ("after the moment", "晚于核验时点"),
    "at_its_first_second": ("at the first second of what is known", "取已知范围的最早一秒"),
    "at_its_last_second": ("at the last second of what is known", "取已知范围的最后一秒"),
    "not_at_all": ("there was none", "没有"),
    "the_event_was_annulled": ("the event was annulled", "该事件已被撤销"),
    "none_was_made": ("the whole log shows that none was made", "完整日志证明未做核查"),
    "followed_up_in_time": ("claimed, and the new card shown within a month", "适用，且一个月内补验新证"),
    "not_documented": ("not documented", "没有记录"),
    "the_card_of_the_notice": ("the card of the notice", "即通知所指证件"),
    "a_card_issued_after_the_report": ("a card issued after the report", "挂失后签发的证件"),
    "a_later_card": ("a later card than that of the notice", "晚于通知所指的证件"),
    "a_card_from_long_before": ("a card from long before", "早已签发的另一张证件"),
    "still_valid_at_the_moment": ("still valid at the moment", "核验时仍在有效期"),
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def say(language: str, key: str, **values: object) -> str:
    """Return one text in a language, filled.

    Raises
    ------
    KeyError
        There is no such text, or it wants a value that is not given.
    """
    return TEXTS[key][LANGUAGES.index(language)].format(**values)


def value_words(language: str, value: str) -> str:
    """Return what a value is called; a code of the specification is called by its name."""
    return VALUES[value][LANGUAGES.index(language)] if value in VALUES else value


def element_words(language: str, word: str) -> str:
    """Return what an element or its status is called."""
    return ELEMENTS_ZH[word] if language == "zh" else word


def second(seconds: int) -> str:
    """Return ``YYYY-MM-DD HH:MM:SS`` of seconds since 1970."""
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def day(days: int) -> str:
    """Return ``YYYY-MM-DD`` of days since 1970."""
    return (_EPOCH + timedelta(days=days)).strftime("%Y-%m-%d")


def interval(start: int, end: int) -> str:
    """Return a closed interval of seconds; one second is itself."""
    return second(start) if start == end else f"[{second(start)}, {second(end)}]"
