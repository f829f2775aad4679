"""The configuration: where it is looked for, what is refused, what is part of a night's inputs (SPEC 2, 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from creditaudit.errors import ExitCode, UsageError
from creditaudit.feeds import FEEDS
from creditaudit.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path


def load(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "creditaudit.toml").write_text(text, encoding="utf-8")
    return load_settings(tmp_path / "book", None, FEEDS)


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(UsageError) as error:
        load(tmp_path, text)
    assert error.value.exit_code is ExitCode.USAGE
    return str(error.value)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "book", None, FEEDS)
    assert settings == Settings()
    assert settings.contract.max_quarantine_share == 0.20


def test_the_file_that_is_named_comes_before_the_one_beside_the_book(tmp_path: Path) -> None:
    (tmp_path / "creditaudit.toml").write_text('[mandate]\ntext = "beside"', encoding="utf-8")
    (tmp_path / "other.toml").write_text('[mandate]\ntext = "named"', encoding="utf-8")
    assert load_settings(tmp_path / "book", None, FEEDS).mandate.text == "beside"
    assert load_settings(tmp_path / "book", tmp_path / "other.toml", FEEDS).mandate.text == "named"


def test_a_book_named_relatively_has_its_configuration_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "creditaudit.toml").write_text('[mandate]\ntext = "beside"', encoding="utf-8")
    monkeypatch.chdir(tmp_path / "book")
    assert load_settings(type(tmp_path)(), None, FEEDS).mandate.text == "beside"


@pytest.mark.parametrize("named", [True, False])
def test_a_folder_in_the_place_of_the_file_is_bad_usage(tmp_path: Path, named: bool) -> None:
    path = tmp_path / "creditaudit.toml"
    path.mkdir()
    with pytest.raises(UsageError, match="cannot be read") as error:
        load_settings(tmp_path / "book", path if named else None, FEEDS)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_utf8_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "creditaudit.toml").write_bytes('[mandate]\ntext = "授权"'.encode("gb18030"))
    with pytest.raises(UsageError, match="UTF-8"):
        load_settings(tmp_path / "book", None, FEEDS)


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("mandat = 1", ("mandat:", "did you mean 'mandate'")),
        ("[mandate]\ntexts = 'x'", ("mandate.texts", "did you mean 'text'")),
        ("[engine]\nthread = 1", ("engine.thread", "did you mean 'threads'")),
        ("[contract]\nzzz = 1", ("contract.zzz", "known here: max_quarantine_share")),
        ("[feeds.account]\nexpected = true", ("feeds.account", "did you mean 'accounts'")),
        ("[feeds.accounts]\nexpect = true", ("feeds.accounts.expect", "did you mean 'expected'")),
        ("feeds = 3", ("feeds:",)),
        ("feeds = 'accounts'", ("feeds:",)),
        ("feeds = ['accounts']", ("feeds:",)),
        ("feeds.accounts = 3", ("feeds.accounts:",)),
        ("mandate = 'text'", ("mandate:",)),
        ("[mandate]\ntext = 3", ("mandate.text",)),
        ("[engine]\nthreads = 0", ("engine.threads",)),
        ("[engine]\nthreads = 257", ("engine.threads",)),
        ("[engine]\nthreads = 1.5", ("engine.threads",)),
        ("[engine]\nmemory_limit = '2 apples'", ("engine.memory_limit",)),
        ("[engine]\nmemory_limit = '-1GB'", ("engine.memory_limit",)),
        ("[engine]\nspark_scratch = '/srv/shared'", ("engine.spark_scratch",)),
        ("[engine]\nspark_scratch = 's3a://bucket/*'", ("engine.spark_scratch",)),
        ("[contract]\nmax_quarantine_share = 1.01", ("contract.max_quarantine_share",)),
        ("[contract]\nmax_quarantine_share = -0.01", ("contract.max_quarantine_share",)),
        ("[contract]\nmax_quarantine_share = nan", ("contract.max_quarantine_share",)),
        ("[mandate]\ntext = x\n", ("not TOML", "line 2")),
    ],
)
def test_what_is_not_understood_is_refused_by_name(tmp_path: Path, text: str, fragments: tuple[str, ...]) -> None:
    said = refused(tmp_path, text)
    for fragment in (*fragments, "creditaudit.toml"):
        assert fragment in said


@pytest.mark.parametrize("limit", ["2GiB", "512MB", "1.5 GB", "100KiB"])
def test_spellings_of_the_memory_limit(tmp_path: Path, limit: str) -> None:
    assert load(tmp_path, f"[engine]\nmemory_limit = '{limit}'").engine.memory_limit == limit


def test_what_is_expected_is_the_specifications_unless_configured(tmp_path: Path) -> None:
    settings = load(
        tmp_path, "[feeds.accounts]\nexpected = false\n[feeds.openings]\nexpected = true\n[feeds.issuances]"
    )
    assert not settings.is_expected("accounts", by_default=True)
    assert settings.is_expected("openings", by_default=False)
    assert settings.is_expected("loss_reports", by_default=True)
    assert not settings.is_expected("issuances", by_default=False)


def test_the_digest_changes_with_all_that_can_change_a_sealed_byte_and_with_nothing_else(tmp_path: Path) -> None:
    same = [
        "",
        "[engine]\nthreads = 7",
        "[engine]\nmemory_limit = '1GiB'",
        "[engine]\nspark_scratch = 's3a://b/x'",
        "[contract]\nmax_quarantine_share = 0.2",
    ]
    other = ["[mandate]\ntext = 'x'", "[contract]\nmax_quarantine_share = 0.3", "[feeds.openings]\nexpected = true"]
    assert {load(tmp_path, text).digest for text in same} == {Settings().digest}
    assert len({load(tmp_path, text).digest for text in other} | {Settings().digest}) == 4


def test_settings_do_not_change_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().mandate.text = "x"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[mandate]\ntext = "ask {number}"', "mandate.text"),
        ('[sources."from {number}"]\nfeed = "openings"\nfiles = "*"', "sources"),
    ],
)
@pytest.mark.parametrize("number", ["13912345678", "110105 19491231 002X", "１３９-1234-5678"])
def test_the_number_of_a_person_is_refused_where_manifests_would_carry_it(
    tmp_path: Path, text: str, place: str, number: str
) -> None:
    said = refused(tmp_path, text.replace("{number}", number))
    assert f"column {place}" in said
    assert number not in said


def test_a_sentinel_may_look_like_a_phone(tmp_path: Path) -> None:
    """What a sender puts in the place of nothing is no person's, and no manifest has it."""
    text = '[sources.x]\nfeed = "openings"\nfiles = "*"\nsentinels = { phone = ["13800000000"] }'
    assert load(tmp_path, text).sources["x"].sentinels == {"phone": ("13800000000",)}
