"""Configuration that was written to do harm: refused in a sentence, or taken as the text that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from creditaudit.errors import UsageError
from creditaudit.feeds import FEEDS
from creditaudit.settings import load_settings
from faults.answers import assert_refused
from reference.small import NEXT

if TYPE_CHECKING:
    from pathlib import Path

    from place import Place

SQL = "'; DROP TABLE standing_accounts; COPY (SELECT 1) TO '/tmp/x'; --"
BOMBS: dict[str, str] = {
    "deep_list": "x = " + "[" * 100_000,
    "deep_table": "x = " + "{a=" * 50_000,
    "deep_key": ".".join(["a"] * 20_000) + " = 1",
    "huge_number": "x = " + "9" * 100_000,
    "key_twice": '[mandate]\ntext = "a"\ntext = "b"',
    "table_twice": "[mandate]\n[mandate]",
    "no_number": "[contract]\nmax_quarantine_share = nan",
    "infinite": "[contract]\nmax_quarantine_share = inf",
    "many_threads": "[engine]\nthreads = 1000000",
    "sql_as_memory": f'[engine]\nmemory_limit = "1GiB{SQL}"',
    "sql_as_feed": f'[feeds."{SQL}"]\nexpected = true',
    "sql_as_column": f'[sources.x]\nfeed = "accounts"\nfiles = "*"\nrenames = {{ a = "{SQL}" }}',
    "path_as_files": '[sources.x]\nfeed = "accounts"\nfiles = "../../etc/*"',
    "path_as_feed": '[sources.x]\nfeed = "../accounts"\nfiles = "*"',
    "long_delimiter": '[sources.x]\nfeed = "accounts"\nfiles = "*"\ndelimiter = "aaaa"',
    "line_end_as_delimiter": '[sources.x]\nfeed = "accounts"\nfiles = "*"\ndelimiter = "\\n"',
    "codec_that_runs": '[sources.x]\nfeed = "accounts"\nfiles = "*"\nencoding = "zlib_codec"',
    "nul": '[mandate]\ntext = "a\x00b"',
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_hostile_configuration_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(BOMBS[kind], encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        load_settings(tmp_path / "book", path, FEEDS)
    assert len(str(refused.value)) < 1000


def test_a_pattern_of_many_stars_is_matched_in_bounded_time(tmp_path: Path) -> None:
    """Matching by trial of every way would take longer than any night."""
    path = tmp_path / "c.toml"
    path.write_text(f'[sources.x]\nfeed = "accounts"\nfiles = "{"*a" * 40}b"', encoding="utf-8")
    from creditaudit.intake.profile import profiles_of  # noqa: PLC0415

    [profile] = profiles_of(load_settings(tmp_path / "book", path, FEEDS).sources)
    assert not profile.is_for("accounts", "a" * 200)


def test_sql_in_every_value_that_may_be_text_is_text(house: Place) -> None:
    """Names of sources, patterns, renames, constants, codes, sentinels, formats, delimiters, the mandate."""
    text = house.config.read_text(encoding="utf-8")
    quoted = SQL.replace('"', "")
    text = text.replace("[mandate]\ntext = ", f'[mandate]\ntext = "{quoted}"\n# ')
    text += f"""
[sources."x{quoted}"]
feed = "openings"
files = "*.csv"
delimiter = ","
renames = {{ "{quoted}" = "channel" }}
constants = {{ operator_id = "{quoted}" }}
codes = {{ document_kind = {{ "{quoted}" = "temporary", "permanent" = "permanent" }} }}
dates = {{ card_valid_to = ["YYYY'MM;DD"] }}
sentinels = {{ "*" = ["-{quoted}"] }}
"""
    house.config.write_text(text, encoding="utf-8")
    outcome = house.night(NEXT)
    assert outcome.exit_code(fail_on_findings=False) == 0
    [read] = [row for row in house.rows(NEXT, "coverage") if row["feed"] == "openings"]
    assert (read["delivered"], read["accepted"]) == (1, 1)
    assert house.published(NEXT, "findings").num_rows
    assert house.say("verify", "--book", str(house.book)).code == 0


def test_a_night_whose_folder_is_a_link_is_refused(house: Place, tmp_path: Path) -> None:
    """A sender who may write the landing must not choose what else of the machine is read."""
    folder = house.landing / NEXT.isoformat()
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert_refused(house, 2, NEXT.isoformat(), "symbolic link")


@pytest.mark.parametrize("kind", ["deep", "huge_number", "key"])
def test_a_hostile_key_file_or_inbox_entry_stops_the_night(house: Place, kind: str) -> None:
    content = {"deep": "[" * 100_000, "huge_number": "9" * 100_000, "key": '{"decided_on": {}}'}[kind]
    (house.book / "inbox" / f"{NEXT}-{'0' * 64}.json").write_text(content, encoding="utf-8")
    said = house.say(*house.asked("--night", NEXT.isoformat()))
    assert said.code == 70
    assert "inbox" in said.err
    house.key.write_text(content, encoding="utf-8")
    assert_refused(house, 2, str(house.key), "not a key file")
