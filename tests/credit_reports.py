"""Makes credit reports in the bureau's XML form, of people who do not exist."""

from __future__ import annotations

import base64
import textwrap
from xml.sax.saxutils import escape

NUMBER = "11010519491231002X"
LOAN = {
    "PD01AI01": "1",
    "PD01AD01": "D1",
    "PD01AI02": "B10211000H0001",
    "PD01AI03": "B10211000H0001X1",
    "PD01AD03": "11",
    "PD01AR01": "2016-03-01",
    "PD01AD04": "CNY",
    "PD01AJ01": "500000",
}
STATE = {"PD01BD01": "1", "PD01BJ01": "1000"}
DEBT = {"PD01AD01": "C1", "PD01AI02": "D10023010H0001", "PD01AR01": "2017-01-05", "PD01AJ01": "900"}


def cells(mapping: dict[str, str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in mapping.items())


def report(*accounts: str, alert: str = "", name: str = "张三", number: str = NUMBER) -> str:
    head = cells({"PA01BQ01": name, "PA01BD01": "10", "PA01BI01": number})
    return (
        "<Document><PRH><PA01><PA01A><PA01AI01>2017122100001</PA01AI01>"
        f"<PA01AR01>2017-12-21T17:42:11</PA01AR01></PA01A><PA01B>{head}</PA01B>{alert}</PA01></PRH>"
        f"<PDA>{''.join(accounts)}</PDA><POQ/></Document>"
    )


def account(basic: dict[str, str], state: dict[str, str] | None = None) -> str:
    return f"<PD01><PD01A>{cells(basic)}</PD01A><PD01B>{cells(state or {})}</PD01B></PD01>\n"


def envelope(inner: bytes, *, result: str = "AAA000", head: bytes = b"", encoding: str = "utf-8") -> bytes:
    lines = "\n".join(textwrap.wrap(base64.b64encode(inner).decode(), 76))
    text = (
        '<?xml version="1.0" encoding="UTF-16"?>\n<Document><Msg>'
        f"<ResultCode>{result}</ResultCode><ResultDesc>成功</ResultDesc><ReportMessage>{lines}</ReportMessage>"
        "</Msg></Document>"
    )
    return head + text.encode(encoding)
