"""Bytes into letters: UTF-8, GB18030, marks, gzip, and files that are neither (SPEC 3)."""

from __future__ import annotations

import gzip
import hashlib
import os

import pytest
from hostile_csv import HEADER
from hypothesis import given, settings
from hypothesis import strategies as st
from landed import csv_text, land

from creditaudit.intake import decode


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("block_bytes", [16, 1 << 20])
def test_encodings(encoding, mark, block_bytes):
    text = f"{mark}{HEADER}\nB01,A1,北京市公安局𠮷\nB01,A2,\ufeff龥\n"
    found = land(text.encode(encoding), feed="openings", block_bytes=block_bytes)
    assert found.report.encoding == encoding
    assert [r["card_issuer"] for r in found.typed] == ["北京市公安局𠮷", "\ufeff龥"]


def test_gb18030_that_starts_like_utf8_is_read_again():
    body = f"{HEADER}\n" + "B01,A1,x\n" * 50
    found = land(body.encode() + "B01,A2,公安\n".encode("gb18030"), feed="openings", block_bytes=64)
    assert found.report.encoding == "gb18030"
    assert found.report.delivered == 51


def test_undecodable_says_the_byte():
    head = f"{HEADER}\nB01,A1,".encode()
    found = land(head + b"\xff\xff\n", feed="openings", block_bytes=8)
    assert found.report.refused == f"neither UTF-8 (byte {len(head)}) nor GB18030 (byte {len(head)})"
    assert (found.report.delivered, found.report.typed, found.report.quarantined) == (None, None, None)
    assert found.report.sha256 == hashlib.sha256(head + b"\xff\xff\n").hexdigest()


@pytest.mark.parametrize("bad", [b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe4\xb8"])
def test_utf8_is_strict(bad):
    assert not decode.is_utf8(b"a" + bad)


@given(st.binary(max_size=40))
@settings(deadline=None, max_examples=150)
def test_utf8_is_what_python_says(block):
    try:
        block.decode()
        right = True
    except UnicodeDecodeError:
        right = False
    assert decode.is_utf8(block) == right


def test_gzip_of_several_members():
    content = gzip.compress(f"{HEADER}\nB01,A1,\n".encode()) + gzip.compress(b"B01,A2,\n")
    found = land(content, feed="openings", name="x.csv.gz")
    assert [r["account_code"] for r in found.typed] == ["A1", "A2"]
    assert found.report.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("damage", ["cut", "flip", "plain", "tail"])
def test_damaged_gzip_is_refused(damage):
    packed = gzip.compress(f"{HEADER}\n".encode() + os.urandom(3000).hex().encode())
    content = {
        "cut": packed[:-30],
        "flip": packed[:-5] + bytes([packed[-5] ^ 1]) + packed[-4:],
        "plain": HEADER.encode(),
        "tail": packed + b"rubbish",
    }[damage]
    found = land(content, feed="openings", name="x.csv.gz")
    assert "gzip" in found.report.refused
    assert found.report.sha256 == hashlib.sha256(content).hexdigest()


@given(
    st.lists(st.sampled_from(["张", "𠮷", "é", "a", "0", "9", "~", "@", ",", '"', "\n", "\ue000", "\x80", " ", "-"]))
)
@settings(deadline=None, max_examples=300)
def test_gb18030_is_what_the_codec_says(letters):
    text = "".join(letters)
    assert decode.from_gb18030(text.encode("gb18030")) == text.encode()


@given(st.lists(st.sampled_from([*b"\x80\xff\x81\xfe\x84\xa4\xa109@~\x7f,\nA:/\x00"]), max_size=16))
@settings(deadline=None, max_examples=500)
def test_gb18030_fails_where_the_codec_fails(codes):
    def outcome(decoded):
        try:
            return decoded(bytes(codes))
        except UnicodeDecodeError as error:
            return error.start

    assert outcome(decode.from_gb18030) == outcome(lambda block: block.decode("gb18030").encode())


@pytest.mark.parametrize("seen", [(20, b"other"), (10**6, b"longer")])
def test_a_file_that_changes_between_two_encodings_is_refused(monkeypatch, seen):
    text = csv_text("openings", {"card_issuer": "北京市公安局"}).encode("gb18030")
    assert land(text, feed="openings").report.refused is None
    monkeypatch.setattr(decode.Delivery, "seen", lambda _self: seen)
    assert land(text, feed="openings").report.refused == "the file changed while it was read"
