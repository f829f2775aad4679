"""Words of the synthetic world: areas, names, issuers, closed lists, as tables of bytes.

Area codes are those of GB/T 2260 (the first six digits of a citizen number); 999999 is never used, it is
reserved for known-answer records. Names are composed from syllables and belong to nobody.
"""

from functools import cache
from typing import Final

import numpy as np

from creditaudit.synth.arrays import Cells

AREAS: Final = tuple(
    b"110101 110105 110108 120101 120103 130102 130203 140105 140107 150102 210102 210203 220102 230103 310101 310104 "
    b"310115 320102 320505 330106 330203 340102 350102 350104 350203 360102 370102 370202 410102 410105 420106 420111 "
    b"430102 430104 440103 440106 440304 440305 450102 460105 500103 500112 510104 510107 520102 530102 610103 610113 "
    b"620102 630102 640104 650102".split()
)

_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻苏潘葛范彭郎鲁韦马苗方俞任袁柳"
    "唐罗薛雷贺倪汤滕殷毕郝邬安常乐于傅皮卞齐康伍余元顾孟黄穆萧尹姚邵汪祁毛狄米贝明臧计伏成戴宋庞熊纪舒屈项祝董梁"
)
_SYLLABLES = (
    "伟芳娜敏静丽强磊洋艳勇军杰娟涛明超霞平刚桂英玉兰建华文波辉鑫宇浩然子涵雨欣梓轩诗琪嘉怡志国海燕春梅秋月冬"
    "雪天佑晨曦若彤思远一诺俊峰佳宁晓东成龙振宇德福永康凤仙长江庆云"
)
_DOTTED = ("阿依古丽·买买提", "艾力·吐尔逊", "古丽娜尔·玉素甫", "迪丽努尔·阿不都")
# A character outside the two-byte planes of GB18030 and of GBK: files must take four-byte codes.
_UNUSUAL = ("䶮", "㛃", "𬭎")

NAMES: Final = 24_000
_TWO_SYLLABLES = 0.8
CHANNELS: Final = np.array([b"counter", b"machine", b"online", b"agent", b"mail"], dtype="S7")
COUNTER, MACHINE, ONLINE, AGENT, MAIL = range(5)


def _composed(rng: np.random.Generator) -> str:
    surname = _SURNAMES[rng.integers(len(_SURNAMES))]
    given = "".join(_SYLLABLES[i] for i in rng.integers(0, len(_SYLLABLES), 1 + int(rng.random() < _TWO_SYLLABLES)))
    return surname + given


@cache
def names() -> Cells:
    """Return the `NAMES` full names, always the same ones (UTF-8, at most 24 bytes)."""
    rng = np.random.default_rng(18_030)
    table = [_composed(rng) for _ in range(NAMES)]
    for nth in range(0, NAMES, 400):
        table[nth] = table[nth][0] + _UNUSUAL[nth // 400 % 3]
    for nth in range(1, NAMES, 300):
        table[nth] = _DOTTED[nth // 300 % 4]
    return np.array([name.encode() for name in table], dtype="S24")


@cache
def misspelt() -> Cells:
    """Return a spelling of each name that means the same: a blank inside, or the other middle dot."""
    other = []
    for raw in names():
        name = bytes(raw).decode()
        other.append((name.replace("·", "•") if "·" in name else f"{name[0]}　{name[1:]}").encode())
    return np.array(other, dtype="S28")


@cache
def issuers() -> Cells:
    """Return issuing authorities; the last needs quoting, the first is empty."""
    plain = [f"示例市公安局{n}分局" for n in "甲乙丙丁戊己庚"]
    quoted = '"示例市公安局""城关""分局, 二所"'
    return np.array([b"", *(p.encode() for p in plain), quoted.encode()], dtype="S44")


@cache
def codes(text: str) -> Cells:
    """Return a table of the blank-separated words; ``-`` is the empty cell."""
    return np.array([b"" if w == "-" else w.encode() for w in text.split()])
