"""The features of a score: what each means, its sign with the reason, and its words (SPEC 7.4).

A feature is a number of one case; NaN is unknown and contributes nothing. No sex, no age, no ethnicity and no
birthplace is among them, nor any digit of the ID number: the facts that they are made of hold none
(``creditaudit.book.state.CASE_FACTS``). What they take from other persons' accounts is a lookup that training froze.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from creditaudit.engines import Engine

KEY = ("provider_code", "subject")


@dataclass(frozen=True)
class Feature:
    """One feature.

    Parameters
    ----------
    name : str
    unit : str
    sign : int
        +1: more never lowers the priority; −1: more never raises it. Set by hand.
    reason : str
        Why that sign.
    unknown : str
        When there is no value.
    zh, en : str
        What it is called in the reasons of a case.
    sql : str
        Its value, over facts ``f`` and lookups ``l_<lookup>`` (column ``value``).
    levels : tuple of (float, str, str)
        Words of a value, zh and en, where it is a level and no number.
    cap : float or None
        Largest absolute contribution; None: none but the model's own.
    alone : float or None
        What no value stands for, below every value that there is: unknown counts as this, so no known value lies below
        unknown. None: unknown is somewhere in the middle.
    """

    name: str
    unit: str
    sign: int
    reason: str
    unknown: str
    zh: str
    en: str
    sql: str
    levels: tuple[tuple[float, str, str], ...] = ()
    cap: float | None = None
    alone: float | None = None


@dataclass(frozen=True)
class Lookups:
    """What a model knows of other persons' accounts, frozen at training; a key that is not there is unknown.

    Parameters
    ----------
    tables : mapping
        Lookup name to key to number: ``product_amount`` and ``region_amount`` (usual yuan of all accounts, by
        ``account_type|business`` and by the same with the first two digits of the region), ``operator_hits`` (share of
        an operator's openings that became cases, by token), ``branch_hits`` (share of an institution's accounts, by
        provider_code), ``phone_people`` and ``handler_people`` (persons with that phone or handler, at least two, by
        token).
    """

    tables: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


# Lookup to the key by which a case's facts find it.
LOOKUP_KEYS: dict[str, str] = {
    "product_amount": "f.product",
    "region_amount": "f.product || '|' || left(f.region, 2)",
    "operator_hits": "f.operator_token",
    "branch_hits": "CASE WHEN f.subject LIKE 'account:%' THEN f.provider_code END",
    "phone_people": "f.phone_token",
    "handler_people": "f.handler_token",
}

# Arrears say least of all who opened an account: holders fall behind, and a patient thief pays. The one term of
# arrears can move a case no further than this, whatever the nights were like that a model was trained on.
OVERDUE_CAP = 1.0

_VERDICT = "CASE f.verdict WHEN 'violation' THEN 2.0 WHEN 'undecidable' THEN 1.0 ELSE 0.0 END"

FEATURES: tuple[Feature, ...] = (
    Feature(
        "days_from_loss",
        "days",
        -1,
        "who finds or steals a card uses it before it is noticed and barred",
        "no notice of the person that tells, or no moment",
        "丢失或挂失到开户的天数",
        "days from the loss or report to the opening",
        "f.days_from_loss",
    ),
    Feature(
        "phase",
        "level",
        1,
        "between the loss and the collection of the next card the holder had no card to show",
        "no lost card that tells, or no moment",
        "开户时证件在何处",
        "where the card was",
        "f.phase",
        (
            (0.0, "开户时本人应持有证件", "the holder had a card"),
            (1.0, "开户时本人是否持有证件未知", "whether the holder had a card is not known"),
            (2.0, "开户时本人应无证件", "the holder had no card"),
        ),
    ),
    Feature(
        "relation",
        "level",
        1,
        "the reported card itself was shown",
        "no notice named by a finding",
        "出示的证件",
        "card shown",
        "f.relation",
        (
            (0.0, "出示的是新证", "a newer card was shown"),
            (1.0, "出示何证未知", "which card was shown is not known"),
            (2.0, "推定出示了挂失证件", "presumably the reported card was shown"),
            (3.0, "出示了挂失证件", "the reported card was shown"),
        ),
    ),
    Feature(
        "overdue",
        "share of the amount, plus 1 where it stood in the first two months",
        1,
        "who never means to repay pays nothing from the first month",
        "no arrears delivered",
        "逾期占金额比例(首两月即逾期加1)",
        "arrears as a share of the amount (plus 1 from the first months)",
        "f.overdue",
        cap=OVERDUE_CAP,
    ),
    Feature(
        "amount_vs_product",
        "times the product's usual",
        1,
        "who does not repay takes what can be had",
        "no amount in CNY, or the model does not know the product",
        "金额相对同类产品常见额的倍数",
        "amount in multiples of what is usual for the product",
        "f.amount / l_product_amount.value",
    ),
    Feature(
        "amount_vs_region",
        "times the region's usual for the product",
        1,
        "the same, where the usual differs between regions",
        "no amount in CNY, no region, or the model does not know the pair",
        "金额相对同地区常见额的倍数",
        "amount in multiples of what is usual in the region",
        "f.amount / l_region_amount.value",
    ),
    Feature(
        "institutions_30d",
        "groups of institutions",
        1,
        "a stolen card is used at many places before it is barred",
        "the person's other accounts are not all looked at",
        "前后30天内开户的机构数",
        "institutions with an opening within 30 days",
        "f.institutions_30d",
    ),
    Feature(
        "burst_7d",
        "accounts",
        1,
        "a stolen card is used often in few days",
        "the person's other accounts are not all looked at",
        "前后7天内的开户数",
        "openings within 7 days",
        "f.burst_7d",
    ),
    Feature(
        "region_away",
        "level",
        1,
        "a thief opens accounts where the holder never had one",
        "no earlier account of the person with a region, or no own region",
        "开户地区",
        "region of the opening",
        "f.region_away",
        (
            (0.0, "开户地与以往账户同城", "same city as an earlier account"),
            (1.0, "开户地与以往账户同省不同城", "another city than the earlier accounts"),
            (2.0, "开户地与以往账户不同省", "another province than the earlier accounts"),
        ),
    ),
    Feature(
        "channel",
        "level",
        1,
        "where no employee saw a face, a stolen card passes more easily",
        "no opening, or no channel delivered",
        "开户渠道",
        "channel",
        "f.channel",
        (
            (0.0, "柜台开户", "opened at a counter"),
            (1.0, "自助机具开户", "opened at a machine"),
            (2.0, "线上、邮寄或代理开户", "opened online, by mail or by an agent"),
        ),
    ),
    Feature(
        "out_of_hours",
        "level",
        1,
        "before 8 and from 20 o'clock no counter is open and nobody looks on",
        "the moment is not told to the minute",
        "开户时间",
        "time of day",
        "f.out_of_hours",
        ((0.0, "营业时间内开户", "opened in office hours"), (1.0, "非营业时间开户", "opened out of office hours")),
    ),
    Feature(
        "operator_hits",
        "share of the operator's openings",
        1,
        "an operator whose openings often become cases did not look, or looked away",
        "no operator delivered, or the model does not know him",
        "该柜员开户成为线索的比例",
        "share of the operator's openings that became cases",
        "l_operator_hits.value",
    ),
    Feature(
        "branch_hits",
        "share of the institution's accounts",
        1,
        "where accounts often become cases, checks are weak",
        "the model does not know the institution",
        "该机构账户成为线索的比例",
        "share of the institution's accounts that became cases",
        "l_branch_hits.value",
    ),
    Feature(
        "phone_people",
        "persons",
        1,
        "one who opens accounts in several names leaves his own phone",
        "no phone delivered, or the model knows nobody else with it: counts as one person",
        "同一电话对应的人数",
        "persons with the same phone",
        "l_phone_people.value",
        alone=1.0,
    ),
    Feature(
        "handler_people",
        "persons",
        1,
        "one who acts for several persons may act for none of them",
        "nobody acted for the holder, or the model knows nobody else with him: counts as one person",
        "同一代办人对应的人数",
        "persons with the same handler",
        "l_handler_people.value",
        alone=1.0,
    ),
    Feature(
        "name_conflict",
        "share of the person's other accounts",
        1,
        "the name on a forged application need not be the holder's",
        "no other account of the person with a known name",
        "与本人其他账户姓名不同的比例",
        "share of the person's other accounts under another name",
        "f.name_conflict",
    ),
    Feature(
        "evidence",
        "facts known, 0 to 4",
        1,
        "a case that can be proven is worth looking at before one that cannot",
        "never",
        "已有证据项数",
        "facts known",
        "f.evidence",
    ),
    Feature(
        "checks",
        "level",
        1,
        "a check had already said that something was wrong",
        "no check delivered",
        "核查结果",
        "checks",
        "f.checks",
        (
            (0.0, "核查未见异常", "checks found nothing"),
            (1.0, "联网核查不一致", "the network check did not match"),
            (2.0, "人证比对失败或证件失效", "the person check failed, or the card was invalid"),
        ),
    ),
    Feature(
        "verdict",
        "level",
        1,
        "what the rules prove comes before what they only point to",
        "never",
        "规则判断",
        "verdict of the rules",
        _VERDICT,
        (
            (0.0, "规则判断为线索", "a lead by the rules"),
            (1.0, "规则无法判定", "undecidable by the rules"),
            (2.0, "规则判断为违规", "a violation by the rules"),
        ),
    ),
)
BY_NAME = {feature.name: feature for feature in FEATURES}
NAMES = tuple(feature.name for feature in FEATURES)
SIGNS = tuple(feature.sign for feature in FEATURES)


def feature_matrix(
    engine: Engine,
    lookups: Lookups | None = None,
    *,
    facts: str = "standing_case_facts",
    features: Sequence[Feature] = FEATURES,
) -> pa.Table:
    """Return one row per case subject of a relation of facts, and one column per feature.

    Parameters
    ----------
    engine : Engine
    lookups : Lookups, optional
        Of the model; without any, what rests on them is unknown.
    facts : str
        Relation with the columns of ``CASE_FACTS``.
    features : sequence of Feature

    Returns
    -------
    pyarrow.Table
        provider_code, subject, then one DOUBLE a feature, NULL for unknown; sorted by the key.
    """
    tables = (lookups or Lookups()).tables
    joins = []
    used = [name for name in LOOKUP_KEYS if any(f"l_{name}." in feature.sql for feature in features)]
    for name in used:
        rows = sorted(tables.get(name, {}).items())
        engine.load(
            f"l_{name}",
            pa.table(
                {
                    "key": pa.array([key for key, _ in rows], pa.string()),
                    "value": pa.array([float(value) for _, value in rows], pa.float64()),
                }
            ),
        )
        joins.append(f" LEFT JOIN l_{name} ON l_{name}.key = {LOOKUP_KEYS[name]}")
    values = ", ".join(f"CAST({feature.sql} AS DOUBLE) AS {feature.name}" for feature in features)
    found = engine.fetch(
        f"SELECT f.provider_code, f.subject, {values} FROM {facts} AS f{''.join(joins)}"
        " ORDER BY f.provider_code, f.subject"
    )
    engine.drop(*(f"l_{name}" for name in used))
    return found.combine_chunks()


def as_matrix(table: pa.Table, features: Sequence[Feature] = FEATURES) -> np.ndarray:
    """Return the feature columns of :func:`feature_matrix` as float64 (n, k), NaN for unknown."""
    matrix = np.empty((table.num_rows, len(features)), dtype=np.float64)
    for place, feature in enumerate(features):
        matrix[:, place] = table[feature.name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return matrix


def with_alone(matrix: np.ndarray) -> np.ndarray:
    """Return a matrix of ``FEATURES`` in which what no value stands for is said: what a model learns from."""
    said = matrix.copy()
    for place, feature in enumerate(FEATURES):
        if feature.alone is not None:
            said[np.isnan(said[:, place]), place] = feature.alone
    return said
