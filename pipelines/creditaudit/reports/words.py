"""The words of the pages, in Chinese and English: one table, so that neither language says more than the other.

Braces are filled by :func:`say`. Where a text has two English forms, ``|`` parts that for one from that for any other
number; the number is ``n``.
"""

from __future__ import annotations

from typing import Final

from creditaudit.reports.code_words import CODES

LANGUAGES: Final = ("zh", "en")

# By key, the Chinese text and the English.
WORDS: Final[dict[str, tuple[str, str]]] = {
    # --- the page of the night
    "title": ("夜间核查报告 {night}", "Night report {night}"),
    "lead_note": (
        "本页每一行都是待核查线索，由人作出结论之前不认定任何机构或个人有过错。",
        "Every line is a lead to check (待核查线索) until a person decides; none says that anyone is at fault.",
    ),
    "mandate": ("授权依据", "Mandate"),
    "demo": (
        "演示密钥：本页令牌由公开的演示密钥生成，不起任何保护作用。",
        "Demonstration key: tokens on this page are made with the public demonstration key: they protect nothing.",
    ),
    "language": ("语言", "Language"),
    "theme": ("明暗", "Light or dark"),
    "theme_auto": ("随系统", "As the system"),
    "theme_light": ("浅色", "Light"),
    "theme_dark": ("深色", "Dark"),
    "contents": ("目录", "Contents"),
    "answer": ("结论", "The answer"),
    "new_leads": ("新线索 {n} 件", "{n} new lead|{n} new leads"),
    "changed_leads": ("变化 {n} 件", "{n} changed"),
    "withdrawn_leads": ("撤回 {n} 件", "{n} withdrawn"),
    "cases_in_all": ("案件共 {n} 件", "{n} case in all|{n} cases in all"),
    "overdue_institutions": ("{n} 家机构逾期", "{n} institution overdue|{n} institutions overdue"),
    "complete": ("本夜完整：应到的数据均已到齐。", "This night is complete: every expected feed came."),
    "degraded": (
        "本夜不完整：依据缺失数据的案件在 stale_inputs 中注明。",
        "This night is degraded: every case that rests on a missing feed names it in stale_inputs.",
    ),
    "quiet_proven": ("无新发现，已证实（quiet, proven）。", "quiet, proven: nothing was found, and all was seen."),
    "quiet_unproven": ("无新发现，但未证实，因为：", "quiet, unproven because:"),
    "parts_proven": (
        "其余没有线索的部分：已证实（quiet, proven）。",
        "The other parts, without a lead: quiet, proven.",
    ),
    "parts_unproven": (
        "其余没有线索的部分：未证实（quiet, unproven），因为：",
        "The other parts, without a lead: quiet, unproven because:",
    ),
    "because_stale": ("应到数据 {feed} 缺失或不完整", "feed {feed} is missing or incomplete"),
    "because_unjudged": (
        "有 {n} 行被隔离的账户记录，其号码有通知（unjudged.csv）",
        "{n} quarantined account row of a person with a notice was not judged (unjudged.csv)"
        "|{n} quarantined account rows of persons with a notice were not judged (unjudged.csv)",
    ),
    "because_refused": ("有 {n} 个文件被拒收", "{n} file was refused|{n} files were refused"),
    "because_no_known_answers": (
        "本夜没有已知答案的检验记录",
        "no known-answer record was judged tonight",
    ),
    "because_rule_off": ("规则 {rule} 本夜不生效", "rule {rule} is not in force tonight"),
    "because_counts_otherwise": (
        "规则 {rule} 的计数参数与已知答案不同",
        "rule {rule} counts otherwise than its known answers",
    ),
    "because_no_words": (
        "本夜所用数据格式均无法表达规则 {rule} 的已知答案记录",
        "no source profile in use has words for the known answers of rule {rule}",
    ),
    "because_no_answers": ("规则 {rule} 没有已知答案", "rule {rule} has no known answers"),
    "known_answers": (
        "已知答案：{persons} 名虚构人员，{n} 个答案，全部正确（数据格式：{profiles}）。",
        "Known answers: {persons} synthetic persons, {n} answer, right (source profiles: {profiles})."
        "|Known answers: {persons} synthetic persons, {n} answers, all right (source profiles: {profiles}).",
    ),
    "refused_title": ("{night} 未通过：已知答案判断错误", "{night}: known answers were judged wrongly"),
    "refused_why": (
        "本夜没有封存任何内容；账簿与此前相同。下列虚构人员（号码为保留地区）的判断与已知答案不符："
        "程序、规则文本、数据格式配置或参考表有错。改正后重新运行本夜。",
        "Nothing of this night was sealed; the book is as it was before. The synthetic persons below (their numbers are"
        " of a reserved area) were judged otherwise than is known: the program, a rule's text, a source profile or a"
        " reference table is wrong. Mend it and run the night again.",
    ),
    "refused_person": ("虚构人员", "Synthetic person"),
    "refused_profile": ("数据格式", "Source profiles"),
    "refused_expected": ("应得结果", "Expected"),
    "refused_found": ("实际结果", "Found"),
    "refused_nothing": ("无", "nothing"),
    "what_changed": ("有哪些变化，因哪次报送", "What changed, and because of which delivery"),
    "changes_note": (
        "一件案件可能由多个文件引起，则在每个文件下各计一次；“其他”指规则、参考表、期限、答复等。",
        "A case that several files brought about is counted under each;"
        " “other” is a rule, a reference table, a day that has passed, an answer.",
    ),
    "no_change": ("没有变化。", "Nothing changed."),
    "change": ("变化", "Change"),
    "because_of": ("因为", "Because of"),
    "cases": ("案件", "Cases"),
    "sent_to": ("送达", "Sent"),
    "recipient": ("接收方", "Recipient"),
    "rows_exceptions": ("exceptions.csv 行数", "rows in exceptions.csv"),
    "rows_retractions": ("retractions.csv 行数", "rows in retractions.csv"),
    "sheets_written": ("案件单", "case sheets"),
    "unseen": ("不能看到的", "What could not be seen"),
    "unseen_none": ("没有。", "Nothing."),
    "missing_feeds": ("缺失或不完整的数据", "Missing or incomplete feeds"),
    "rows_seen": (
        "报送 {delivered} 行，接收 {accepted} 行，隔离 {quarantined} 行。",
        "{quarantined} of {delivered} delivered rows are quarantined; {accepted} are accepted.",
    ),
    "refused_files": ("拒收的文件", "Refused files"),
    "refused": ("拒收", "refused"),
    "feed": ("数据", "Feed"),
    "file": ("文件", "File"),
    "why": ("原因", "Why"),
    "reasons": ("原因", "Reasons"),
    "rows": ("行数", "Rows"),
    "quarantined_rows": ("隔离的行", "Quarantined rows"),
    "undocumented": (
        "当时有无核查义务没有文件可证的未结案件：{n}",
        "open cases for which no document says what the duty was: {n}",
    ),
    "unjudged": (
        "被隔离的账户行，其号码有通知（unjudged.csv）：{n}，其中 {m} 行没有接收方",
        "quarantined account rows whose person has a notice (unjudged.csv): {n}, of them {m} without recipient",
    ),
    "suggestions": (
        "可能误写的号码（见联络员的 suggestions.csv，从不自动采用）：{n}",
        "odd ID numbers that may be a mistyped number of a registry (suggestions.csv of the liaisons;"
        " never applied): {n}",
    ),
    "no_suggestions": (
        "因数量过多而未寻找近似号码的：{n}",
        "odd ID numbers for which no suggestion was sought, because there are too many: {n}",
    ),
    "readmitted": ("今夜读入的更正行：{n}", "corrected rows read tonight: {n}"),
    "recalled": (
        "{on}由{by}撤回的文件（{why}）：{what}，SHA-256 {sha}",
        "recalled by decision of {by} on {on} ({why}): {what}, SHA-256 {sha}",
    ),
    "refused_decision": ("收件箱中被拒绝的决定：{what}", "decision of the inbox refused: {what}"),
    "late_file": ("今夜读入的迟到文件：{what}", "late file read tonight: {what}"),
    "unapproved_rule": (
        "未批准、未生效的规则：{what}",
        "shipped rule not in force, waits for approval: {what}",
    ),
    "ignored_notice": ("不能成为通知的登记行 {what}：{n}", "registry rows that make no notice, {what}: {n}"),
    "contradicted": ("相互矛盾的变更：{what}", "rename_contradicts: {what}"),
    "other_id_types": (
        "其他证件类型、不按号码匹配的账户（{what}）：{n}",
        "accounts identified by another document, not matched by number ({what}): {n}",
    ),
    "more_lines": ("另有 {n} 行未列出", "{n} more line is not listed|{n} more lines are not listed"),
    "shadow": ("未批准的规则与在用规则的差异", "What unapproved rules would find otherwise"),
    "shadow_new": (
        "影子运行（未批准，不生效）{rule}：将增加 {n} 项发现",
        "{rule} runs in shadow, without effect: {n} finding more"
        "|{rule} runs in shadow, without effect: {n} findings more",
    ),
    "shadow_gone": (
        "影子运行（未批准，不生效）{rule}：将减少 {n} 项发现",
        "{rule} runs in shadow, without effect: {n} finding fewer"
        "|{rule} runs in shadow, without effect: {n} findings fewer",
    ),
    "shadow_other_verdict": (
        "影子运行（未批准，不生效）{rule}：将有 {n} 项发现判断不同",
        "{rule} runs in shadow, without effect: {n} finding with another verdict"
        "|{rule} runs in shadow, without effect: {n} findings with another verdict",
    ),
    "shadow_other_evidence": (
        "影子运行（未批准，不生效）{rule}：将有 {n} 项发现依据不同",
        "{rule} runs in shadow, without effect: {n} finding with other evidence"
        "|{rule} runs in shadow, without effect: {n} findings with other evidence",
    ),
    "findings_by_rule": ("各规则的发现", "Findings by rule"),
    "chart_findings": (
        "各规则发现数，按判断分段",
        "Findings by rule, in parts by verdict",
    ),
    "chart_rows": ("各类数据的行数：接收与隔离", "Rows by feed: accepted and quarantined"),
    "accepted": ("接收", "Accepted"),
    "quarantined": ("隔离", "Quarantined"),
    "delivered": ("报送", "Delivered"),
    "rule": ("规则", "Rule"),
    "verdict": ("判断", "Verdict"),
    "findings": ("发现", "Findings"),
    "clearance": ("排除或未判断", "Cleared, or not judged"),
    "institutions": ("机构", "Institutions"),
    "institutions_note": (
        "按机构统计。R103 单独成案的不报送；数据质量疑点只入 data_quality.csv。",
        "Cases by institution. Cases of R103 alone are not sent; doubts on data are in data_quality.csv only.",
    ),
    "filter": ("筛选机构", "Filter institutions"),
    "filter_shown": ("显示 {shown} / {all} 家", "{shown} of {all} shown"),
    "sort_by": ("点列名排序", "Press a column's name to sort by it"),
    "institution": ("机构代码", "Institution"),
    "new": ("新", "New"),
    "violations": ("违规", "Violations"),
    "undocumented_short": ("义务无文件", "Duty undocumented"),
    "only_r103": ("仅R103（不报送）", "R103 alone (not sent)"),
    "data_quality": ("数据质量", "Data quality"),
    "without_recipient": ("无接收方", "Without recipient"),
    "institutions_left_out": (
        "另有 {n} 家机构（案件 {cases} 件，新 {new} 件）未列出；全部见 manifest.json 的 summary。",
        "{n} more institution ({cases} cases, {new} new) is not listed; all are in the summary of manifest.json."
        "|{n} more institutions ({cases} cases, {new} new) are not listed; all are in the summary of manifest.json.",
    ),
    "quarters": ("机构与季度", "By institution and quarter of moment"),
    "quarters_note": (
        "本表少于5的数显示为 <5，案件清单的件数照实列出：本页仅供内部使用。全部见 published/institutions.parquet。",
        "Figures under 5 read <5 in this table, and lists of cases count whole: this page is for the house alone."
        " All figures: published/institutions.parquet.",
    ),
    "quarter": ("季度", "Quarter"),
    "figures": ("数字", "Figures"),
    "overdue": ("逾期", "Overdue"),
    "overdue_note": (
        "法定期限与内部目标分列；期限在本夜之前。",
        "Legal time limits and house targets apart; the due date was before this night.",
    ),
    "earliest_due": ("最早期限", "Earliest due date"),
    "timelines": ("新案件的时间线", "Timelines of new cases"),
    "timelines_note": (
        "前 {shown} 件（共 {all} 件新案件），按优先级排列。斜线部分只知范围、不知确切时刻；虚线框为核验身份的时点。",
        "The first {shown} of {all} new cases, by priority. Hatched: known within these bounds only;"
        " dashed: when the institution checked the identity.",
    ),
    "no_new_case": ("今夜没有新案件。", "There is no new case tonight."),
    "sheet": ("案件单", "Case sheet"),
    "scoring": ("排序", "Order of the queue"),
    "disputed": ("各版GB18030读法不一的字符", "Characters that readers of GB18030 disagree on"),
    "column": ("列", "Column"),
    "disputed_cells": ("其他版本读作别字的单元格", "cells read otherwise by another edition"),
    "four_byte_cells": ("含四字节字符、GBK不识的单元格", "cells with four-byte characters, unknown to a reader of GBK"),
    "deliveries": ("交付", "Delivered files"),
    "contracts": ("数据合约页", "Contract pages"),
    "contracts_note": (
        "由 creditaudit docs 命令写出；未写出时链接无内容。",
        "Written by the command creditaudit docs; without it the link leads nowhere.",
    ),
    "profile": ("来源配置", "Profile"),
    "encoding": ("编码", "Encoding"),
    "kind": ("种类", "Kind"),
    # --- the picture of a case
    "timeline": ("时间线", "Timeline"),
    "event_lost": ("丢失", "Lost"),
    "event_reported": ("挂失", "Reported"),
    "event_effective": ("登记事项生效", "In effect"),
    "event_entered": ("登记入库", "Entered"),
    "event_visible": ("机构可查", "Visible"),
    "event_withdrawn": ("撤销", "Withdrawn"),
    "event_collected": ("领取新证", "New card collected"),
    "event_moment": ("开户核验", "Opened, identity checked"),
    "event_opened": ("开户", "Opened"),
    "event_card_check": ("失效证件核查：{result}", "Invalid-card check: {result}"),
    "event_network_check": ("联网核查：{result}", "Network check: {result}"),
    "event_person_check": ("人证核验：{result}", "Person check: {result}"),
    "no_events": ("没有可画的时间。", "No time is known that could be drawn."),
    "events_left_out": ("另有 {n} 项未画出", "{n} more is not drawn|{n} more are not drawn"),
    # --- the case sheet
    "sheet_title": ("案件单 · 待核查线索", "Case sheet · 待核查线索 (lead to check)"),
    "no_guilt": (
        "本单为待核查线索，仅说明证据所示，不认定任何个人或机构违法或有过错。",
        "This is a lead to check (待核查线索): it says what the evidence indicates,"
        " and states no guilt or fault of anyone.",
    ),
    "night": ("批次", "Night"),
    "account": ("账户", "Account"),
    "person": ("证件号码（脱敏）", "ID number (masked)"),
    "account_type": ("账户类型", "Account type"),
    "state": ("状态", "State"),
    "priority": ("优先级", "Priority"),
    "terms": ("排序依据", "What moved it most"),
    "first_seen": ("首次发现", "First seen"),
    "fault": ("责任初判", "Fault, as indicated"),
    "shown_card": ("出示的证件", "Card shown"),
    "card_from": ("有效期自 {day}", "valid from {day}"),
    "card_to": ("至 {day}", "to {day}"),
    "why_flagged": ("为何列为线索", "Why it is flagged"),
    "notice": ("通知 {which}", "notice {which}"),
    "relation": ("证件关系：{which}", "card: {which}"),
    "more_findings": ("另有 {n} 项发现", "{n} more finding|{n} more findings"),
    "fallen": (
        "今夜没有发现成立；以下为最后一次成立时的内容。",
        "No finding stands tonight; this is as it was when one last stood.",
    ),
    "objection_only": ("由异议立案，没有规则命中。", "Opened by an objection; no rule has found anything."),
    "elements": ("要件", "Elements"),
    "element": ("要件", "Element"),
    "status": ("结论", "Status"),
    "value": ("内容", "Value"),
    "source": ("依据的记录", "Row it rests on"),
    "no_row": ("没有记录", "no row"),
    "not_in_lane": ("不作责任初判：规则不问机构的核查义务。", "Not asked: the rule asks no duty of the institution."),
    "flips": ("什么会改变责任初判", "What would change the indicated fault"),
    "flips_none": ("没有单项或多项要件会改变它。", "No set of elements would change it."),
    "flip_open": ("目前缺证", "missing today"),
    "flip_against": ("须推翻已知事实", "against what is known"),
    "more_flips": ("另有 {n} 组", "{n} more set|{n} more sets"),
    "and": ("且", " and "),
    "ask_for": ("需调取材料", "What to ask for"),
    "ask_for_none": ("无", "nothing"),
    "blind_spots": ("未能核查", "What could not be checked"),
    "stale_inputs": ("所依据的数据不完整", "Rests on incomplete feeds"),
    "next_step": ("下一步", "Next step"),
    "more_steps": ("另有 {n} 项，见 exceptions.csv", "{n} more, see exceptions.csv"),
    "clauses": ("条款与起始日期", "Clauses, with dates"),
    "since": ("自 {day} 起", "since {day}"),
    "until": ("至 {day} 止", "until {day}"),
    "duty_source": ("义务依据", "Duty"),
    "due": ("期限", "Due"),
    "due_none": ("无期限", "no due date"),
    "days_left": ("余 {n} 天", "{n} day left|{n} days left"),
    "days_late": ("逾期 {n} 天", "{n} day late|{n} days late"),
    "provisional": ("暂定", "provisional"),
    "holds_the_ball": ("由谁处理", "With"),
    "decision": ("核查结论（由核查人填写）", "Finding of the reviewer"),
    "reviewer": ("核查人", "Reviewer"),
    "date": ("日期", "Date"),
    "signature": ("签名", "Signature"),
    "page_foot": (
        "已截断的长文以“…”结尾。理由、下一步、需调取材料、未能核查的全文见 exceptions.csv；其余全文由内部查阅。",
        "Long texts end with “…”. Reasons, next steps, what to ask for and what could not be checked stand whole in"
        " exceptions.csv; all else is kept by the house.",
    ),
}


def say(language: str, key: str, **values: object) -> str:
    """Return one text in a language, filled.

    Raises
    ------
    KeyError
        There is no such text, or it wants a value that is not given.
    """
    text = WORDS[key][LANGUAGES.index(language)]
    one, parts, more = text.partition("|")
    if parts:
        text = one if values["n"] == 1 else more
    return text.format(**values)


def code_words(language: str, code: str | None) -> str:
    """Return what a code of the specification is called; one without a word is called by its code, NULL by nothing."""
    if code is None:
        return ""
    return CODES[code][LANGUAGES.index(language)] if code in CODES else code
