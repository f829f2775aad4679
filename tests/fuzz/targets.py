"""Everything that reads bytes from outside: each takes any bytes, and ends in an answer or in one clear refusal."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from credit_reports import DEBT, LOAN, STATE, account, envelope, report
from creditaudit.answer_sheet import read_sheet as read_answer_sheet
from creditaudit.audit.rulebook import parse_rule, shipped_rules
from creditaudit.book.inbox import flaw, read_entry
from creditaudit.book.keys import load_keys
from creditaudit.book.layout import read_manifest
from creditaudit.cases.answer_file import COLUMNS, read_answers
from creditaudit.contracts.compiler import compile_suite
from creditaudit.contracts.suite import read_suite, shipped_suites
from creditaudit.errors import BookBrokenError, UnjudgedFileError, UsageError
from creditaudit.feeds import FEEDS
from creditaudit.intake.control import read_control
from creditaudit.intake.landing import DeliveredFile, ReportFile
from creditaudit.intake.profile import Profile
from creditaudit.intake.receive import FileReport, read_file
from creditaudit.reports.private_sheets import read_sheet
from creditaudit.scoring.features import FEATURES, Lookups
from creditaudit.scoring.fit import tail_model
from creditaudit.scoring.model import as_json, read_model
from creditaudit.settings import load_settings
from fuzz.of_the_book import CUT, OF_THE_BOOK
from reference.small import ACCOUNT, NIGHT, OPENING

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = ",".join(ACCOUNT)
ROW = ",".join(ACCOUNT.values())
CONFIG = """[mandate]
text = "x"
[engine]
threads = 2
memory_limit = "1GiB"
[feeds.accounts]
expected = true
min_share_of_last = 0.5
"""
PROFILE = """[sources.p]
feed = "openings"
files = "*"
delimiter = "|"
quote = "'"
multiline = true
renames = { bank = "provider_code" }
dates = { card_valid_from = ["DD.MM.YYYY", "YYYYMMDD"] }
codes = { document_kind = { "1" = "permanent" } }
sentinels = { "*" = ["-"] }
"""
FIXED = """[sources.p]
feed = "openings"
files = "*"
widths = [13, 12, 4]
width_unit = "bytes"
encoding = "gb18030"
columns = ["provider_code", "account_code", "channel"]
"""
ANSWERS = ",".join(c.name for c in COLUMNS) + "\nCA-1,t,1,2026-11-20,pboc,e,x\nCA-2,t,0,20261120,b01,,\n"


@dataclass(frozen=True)
class Target:
    """One reader of bytes.

    Parameters
    ----------
    run : callable
        Takes bytes and an empty folder; returns what became of them. Anything that it raises is a failure.
    seeds : tuple of bytes
        Sound inputs, and some that are refused.
    """

    run: Callable[[bytes, Path], str]
    seeds: tuple[bytes, ...]


def _outcome(read: Callable[[], object], *refusals: type[Exception]) -> str:
    try:
        read()
    except refusals as error:
        return f"refused: {error}"
    return "read"


def _received(file: DeliveredFile, folder: Path) -> str:
    """Read a delivered file, and see that its rows are all there."""
    made: FileReport = read_file(file, night=NIGHT, scratch=folder, part="p", block_bytes=1 << 16)
    if made.refused is not None:
        return f"refused: {made.refused}"
    assert made.delivered is not None
    assert made.typed is not None
    assert made.quarantined is not None
    assert made.delivered == made.typed + made.quarantined
    listed = 0
    for part, wanted in ((made.typed_part, made.typed), (made.quarantine_part, None)):
        rows = pq.read_table(part) if part is not None else None
        if rows is not None:
            rows.validate(full=True)
        if wanted is not None:
            assert (rows.num_rows if rows is not None else 0) == wanted
        else:
            listed = rows.num_rows if rows is not None else 0
    reasons = pq.read_table(made.quarantine_part)["reasons"].to_pylist() if listed else []
    return f"read: {min(made.typed, 2)} typed, {sorted(set(reasons))[:3]}"


def _csv(data: bytes, folder: Path) -> str:
    (folder / "x.csv").write_bytes(data)
    return _received(DeliveredFile("accounts", "x.csv", folder / "x.csv"), folder)


def _gzip(data: bytes, folder: Path) -> str:
    (folder / "x.csv.gz").write_bytes(data)
    return _received(DeliveredFile("accounts", "x.csv.gz", folder / "x.csv.gz"), folder)


def _parquet(data: bytes, folder: Path) -> str:
    (folder / "x.parquet").write_bytes(data)
    return _received(DeliveredFile("accounts", "x.parquet", folder / "x.parquet"), folder)


def _profile(data: bytes, folder: Path) -> str:
    config, _, content = data.partition(CUT)
    (folder / "c.toml").write_bytes(config)
    (folder / "x.csv").write_bytes(content)
    try:
        sources = load_settings(folder / "book", folder / "c.toml", FEEDS).sources
    except UsageError as error:
        return f"refused: {error}"
    said = []
    for name, source in sorted(sources.items()):
        if source.format == "table":
            profile = Profile(name, source)
            said.append(_received(DeliveredFile(source.feed, "x.csv", folder / "x.csv", profile=profile), folder))
    return f"configured: {said}"


def _config(data: bytes, folder: Path) -> str:
    (folder / "c.toml").write_bytes(data)
    return _outcome(lambda: load_settings(folder / "book", folder / "c.toml", FEEDS).digest, UsageError)


def _control(data: bytes, folder: Path) -> str:
    (folder / "x.csv.ctl").write_bytes(data)
    return _outcome(lambda: read_control(folder / "x.csv"), UnjudgedFileError)


def _report(data: bytes, folder: Path) -> str:
    (folder / "x.xml").write_bytes(data)
    feeds = ("accounts", "fraud_alerts")
    return " ".join(_received(ReportFile(feed, "reports/x.xml", folder / "x.xml"), folder) for feed in feeds)


def _inner_report(data: bytes, folder: Path) -> str:
    return _report(envelope(data), folder)


def _answers(data: bytes, folder: Path) -> str:
    (folder / "a.csv").write_bytes(data)

    def read() -> None:
        sheet = read_answer_sheet(folder / "a.csv")
        read = read_answers(sheet.known(), len(sheet.rows), latest=NIGHT)
        read.validate(full=True)

    return _outcome(read, UsageError)


def _sheet(data: bytes, folder: Path) -> str:
    (folder / "q.csv").write_bytes(data)
    return _outcome(lambda: read_sheet(folder / "q.csv"), UsageError)


def _inbox(data: bytes, folder: Path) -> str:
    """An entry under the name that its content asks for, and under another."""
    said = "x"
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        said = str(date.fromisoformat(json.loads(data)["decided_on"]))
    path = folder / f"{said}-{hashlib.sha256(data).hexdigest()}.json"
    path.write_bytes(data)
    return _outcome(lambda: flaw(read_entry(path)), BookBrokenError)


def _keys(data: bytes, folder: Path) -> str:
    path = folder / "key.json"
    path.write_bytes(data)
    path.chmod(0o600)
    return _outcome(lambda: load_keys(str(path), folder / "book").digest, UsageError)


def _manifest(data: bytes, folder: Path) -> str:
    (folder / "manifest.json").write_bytes(data)
    return _outcome(lambda: read_manifest(folder), BookBrokenError, UsageError)


def _rule(data: bytes, _: Path) -> str:
    return _outcome(lambda: parse_rule(data, "R101_lost_card_used/rule.sql"), UsageError)


def _suite(data: bytes, _: Path) -> str:
    return _outcome(lambda: compile_suite(read_suite(data, "accounts", 1, "v1.json"), NIGHT), UsageError)


def _model(data: bytes, _: Path) -> str:
    return _outcome(lambda: read_model(data, "model.json"), UsageError)


def _tables(**more: pa.Array) -> bytes:
    out = io.BytesIO()
    texts = {name: pa.array([text] * 4) for name, text in ACCOUNT.items()}
    pq.write_table(pa.table({**texts, **more}), out, row_group_size=2)
    return out.getvalue()


def _entry(kind: str, body: dict[str, object]) -> bytes:
    said = {"creditaudit_inbox": 1, "decided_on": "2026-11-20", "kind": kind, "by": "x", "reason": "y", "body": body}
    return json.dumps(said).encode()


_SOUND = f"{HEADER}\n{ROW}\n{ROW.replace('A1', '甲')}\n"
_KEY = {"creditaudit_keys": 1, "keys": [{"key_id": "K1", "state": "active", "secret": "07" * 32}]}
_CONTROL = {
    "rows": 120,
    "sha256": "a" * 64,
    "kind": "full",
    "provider_code": "B01",
    "region_code": None,
    "business_codes": ["11", "81"],
    "covers_from": "2020-01-01",
    "covers_to": "20261120",
}
_MODEL = tail_model(np.arange(5 * len(FEATURES), dtype=np.float64).reshape(5, -1), Lookups())
_APPROVED = {"kind": "full", "answers": [], "folder": "R101_lost_card_used", "text": "SELECT 1", "sha256": "0" * 64}

TARGETS: dict[str, Target] = {
    "splitter": Target(
        _csv,
        (
            _SOUND.encode(),
            _SOUND.encode("gb18030"),
            f'\ufeff{HEADER}\r\n"B01","A""1",,\r\n{ROW}\r\n'.encode(),
            b"a\rb\r",
        ),
    ),
    "gzip": Target(_gzip, (gzip.compress(_SOUND.encode(), mtime=0), gzip.compress(_SOUND.encode() * 40, mtime=0))),
    "parquet": Target(
        _parquet,
        (
            _tables(),
            _tables(amount=pa.array([1, None, 3, 4]), closed_on=pa.array([date(2024, 1, 1)] * 4)),
            _tables(name=pa.array(["x"] * 4).dictionary_encode(), more=pa.array([[1], None, [], [2]])),
            _tables(currency=pa.array([b"x"] * 4), other=pa.array([{"a": 1}] * 4), last=pa.nulls(4)),
        ),
    ),
    "profile": Target(
        _profile,
        (
            PROFILE.encode() + CUT + b"bank|account_code|card_valid_from\n'B01'|A'1|01.02.2020\nB|'a\nb'|-\n",
            FIXED.encode() + CUT + f"{'B01':<13}{'A1':<12}{'柜台'}\n".encode("gb18030"),
            CONFIG.encode() + PROFILE.encode() + CUT + ",".join(OPENING).encode(),
        ),
    ),
    "configuration": Target(_config, ((CONFIG + PROFILE).encode(), FIXED.encode(), b"")),
    "control": Target(_control, (json.dumps(_CONTROL).encode(), b"{}", b"[1]", b'{"rows": 1.5, "kind": "x"}')),
    "report": Target(
        _report,
        (
            envelope(report(account(LOAN, STATE), account(DEBT)).encode(), head=b"B2.0.0 x\n"),
            envelope(b"", result="AAA001"),
        ),
    ),
    "inner_report": Target(
        _inner_report,
        (
            report(account(LOAN, STATE), account(DEBT), account({})).encode(),
            report(alert="<PA01D><PA01DR01>2020-01-01</PA01DR01></PA01D>").encode("gb18030"),
        ),
    ),
    "answers": Target(
        _answers,
        (
            ANSWERS.encode(),
            ANSWERS.replace(",", "\t").encode("utf-16"),
            f"sep=;\r\n案件编号;行令牌;核查结果;答复日期;答复方\r\n{'CA-1;t;5;2026/11/20;x'}\r\n".encode("gb18030"),
        ),
    ),
    "corrections": Target(_sheet, (b"night,feed,file,row,name\r\n2026-11-20,accounts,f.csv,1,'=x\r\n", b'a,"b\n')),
    "inbox": Target(_inbox, tuple(_entry(kind, dict(_APPROVED)) for kind in ("answer", "rule_approval", "model", "x"))),
    "keys": Target(_keys, (json.dumps(_KEY).encode(), b"{}")),
    "manifest": Target(_manifest, (json.dumps({"format": 1, "night": "2026-11-20"}).encode(), b"[]")),
    "rule": Target(
        _rule, tuple(path.read_bytes() for path in sorted(Path(str(shipped_rules())).glob("*/rule.sql"))[:3])
    ),
    "suite": Target(_suite, ((shipped_suites() / "accounts" / "v1.json").read_bytes(),)),
    "model": Target(_model, (as_json(_MODEL, {}), b'{"model":{"base":0.5},"card":{},"sha256":"0"}')),
    **{name: Target(run, seeds) for name, (run, seeds) in OF_THE_BOOK.items()},
}


def run(name: str, data: bytes, folder: Path) -> str:
    """Give one input to one target in an empty folder, and empty it again."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return TARGETS[name].run(data, folder)
    finally:
        shutil.rmtree(folder)
