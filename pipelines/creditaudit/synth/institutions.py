"""The synthetic institutions: who they are, how big, and how each writes its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

BANK, LENDER, DEBT_BUYER = range(3)
ENCODINGS: Final = ("utf-8", "utf-8-sig", "gb18030")

# name, kind, area, group (index of the head office in this table, or -1), weight.
# Four-digit parts of the codes follow the documented pattern (DOMAIN 5.4): a letter, three digits of kind, a
# letter-like serial, the city, and H0001 for the head office or another tail for a branch.
_HOUSES: Final = (
    ("示例银行甲", "state_bank", BANK, "110000", -1, 30.0),
    ("示例银行甲天津分行", "state_bank", BANK, "120000", 0, 9.0),
    ("示例银行甲福州分行", "state_bank", BANK, "350100", 0, 8.0),
    ("示例银行乙", "state_bank", BANK, "110000", -1, 26.0),
    ("示例消费金融戊公司", "consumer_finance", LENDER, "500000", -1, 8.0),
    ("示例资产管理庚公司", "asset_manager", DEBT_BUYER, "110000", -1, 1.2),
    ("示例银行丙", "joint_stock_bank", BANK, "440300", -1, 16.0),
    ("示例农商银行丁", "rural_bank", BANK, "330100", -1, 5.0),
    ("示例银行乙太原分行", "state_bank", BANK, "140100", 3, 7.0),
    ("示例银行乙广州分行", "state_bank", BANK, "440100", 3, 9.0),
    ("示例银行甲成都分行", "state_bank", BANK, "510100", 0, 7.0),
    ("示例银行丙上海分行", "joint_stock_bank", BANK, "310000", 6, 8.0),
    ("示例银行丙武汉分行", "joint_stock_bank", BANK, "420100", 6, 5.0),
    ("示例银行辛", "joint_stock_bank", BANK, "350200", -1, 11.0),
    ("示例银行壬", "city_bank", BANK, "320100", -1, 6.0),
    ("示例银行癸", "city_bank", BANK, "430100", -1, 4.0),
    ("示例银行子", "city_bank", BANK, "210100", -1, 3.5),
    ("示例银行丑", "city_bank", BANK, "610100", -1, 3.0),
    ("示例农商银行寅", "rural_bank", BANK, "370100", -1, 2.5),
    ("示例村镇银行卯", "village_bank", BANK, "410100", -1, 0.9),
    ("示例消费金融辰公司", "consumer_finance", LENDER, "310000", -1, 10.0),
    ("示例小额贷款巳公司", "micro_lender", LENDER, "500000", -1, 4.0),
    ("示例汽车金融午公司", "auto_finance", LENDER, "310000", -1, 3.0),
    ("示例资产管理未公司", "asset_manager", DEBT_BUYER, "440000", -1, 0.8),
)
_CITY: Final = {
    "11": "1000",
    "12": "1100",
    "14": "1610",
    "21": "2210",
    "31": "2900",
    "32": "3010",
    "33": "3310",
    "35": "3910",
    "37": "4510",
    "41": "4910",
    "42": "5210",
    "43": "5510",
    "44": "5840",
    "50": "6530",
    "51": "6510",
    "61": "7910",
}
_SMALL = 8
_ODD_HABIT = 3
_LARGE_FROM = 20_000


@dataclass(frozen=True)
class Provider:
    """One institution and its habits of delivery.

    Attributes
    ----------
    parent_code
        Empty for a top ancestor.
    share
        Part of all accounts, 0 to 1.
    encoding
        Of its files: one of `ENCODINGS`.
    compact
        Writes dates without dashes.
    t_mark
        Puts ``T`` between date and time.
    line_end
        LF or CRLF.
    gzip
        Delivers ``.csv.gz``.
    code_prefix
        What its account codes begin with.
    """

    index: int
    code: str
    name: str
    kind: str
    role: int
    region: str
    parent_code: str
    share: float
    encoding: str
    compact: bool
    t_mark: bool
    line_end: bytes
    gzip: bool
    code_prefix: bytes


def _code(index: int, region: str, group: int, role: int) -> str:
    letter = {BANK: "B", LENDER: "T", DEBT_BUYER: "D"}[role]
    tail = "H0001" if group < 0 else f"B{index:04d}"
    # 9 in the second digit: no institution of the published samples has it.
    return f"{letter}19{index:02d}{_CITY[region[:2]]}{tail}"


def providers(accounts: int, encodings: tuple[str, ...] = ENCODINGS) -> tuple[Provider, ...]:
    """Return the institutions of a run: eight, or all 24 from 20,000 accounts on.

    Parameters
    ----------
    accounts
        Number of accounts of the run.
    encodings
        What the files may be encoded in; the first for about half of them.
    """
    if not encodings or not set(encodings) <= set(ENCODINGS):
        raise ValueError(
            f"encodings must be one or more of {', '.join(ENCODINGS)}; got {', '.join(encodings) or 'none'}"
        )
    count = len(_HOUSES) if accounts >= _LARGE_FROM else _SMALL
    houses = _HOUSES[:count]
    total = sum(h[5] for h in houses)
    coded = [_code(i, h[3], h[4], h[2]) for i, h in enumerate(houses)]
    made = []
    for i, (name, kind, role, region, group, weight) in enumerate(houses):
        prefixes = (coded[i].encode(), coded[i][1:5].encode() + b"x", b"6200%04d" % (i + 11))
        turn = (0, 1, 0, 1, 2, 0, 0, 2)[i % 8]
        made.append(
            Provider(
                index=i,
                code=coded[i],
                name=name,
                kind=kind,
                role=role,
                region=region,
                parent_code=coded[group] if group >= 0 else "",
                share=weight / total,
                encoding=encodings[turn % len(encodings)],
                compact=i % 5 == _ODD_HABIT,
                t_mark=i % 7 == _ODD_HABIT + 1,
                line_end=b"\r\n" if i % 6 == 1 else b"\n",
                gzip=i in {5, 7, 19},
                code_prefix=prefixes[i % 3],
            )
        )
    return tuple(made)


INSTITUTION_COLUMNS: Final = ("provider_code", "name", "kind", "region_code", "parent_code", "valid_from", "valid_to")
RECIPIENT_COLUMNS: Final = (
    "recipient",
    "kind",
    "provider_code",
    "region_prefix",
    "id_mask",
    "encoding",
    "language",
    "pseudonym_key_id",
)


def _csv(header: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> bytes:
    return "".join(",".join(line) + "\n" for line in [header, *lines]).encode()


def institutions_csv(houses: tuple[Provider, ...]) -> bytes:
    """Return the reference table of institutions, UTF-8."""
    return _csv(
        INSTITUTION_COLUMNS,
        [(p.code, p.name, p.kind, p.region, p.parent_code, "2000-01-01", "") for p in houses],
    )


def recipients_csv(houses: tuple[Provider, ...]) -> bytes:
    """Return the recipients: one liaison for every region, and three institutions with habits of their own."""
    lines = [("liaison", "pboc_liaison", "", "", "3+4", "utf-8-sig", "zh", "")]
    for house, encoding, language in ((0, "utf-8-sig", "zh"), (3, "gb18030", "zh"), (6, "utf-8-sig", "en")):
        code = houses[house].code
        lines.append((f"inst_{code}", "institution", code, "", "3+4", encoding, language, ""))
    return _csv(RECIPIENT_COLUMNS, lines)
