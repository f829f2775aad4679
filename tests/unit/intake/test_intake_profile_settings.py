"""What the configuration may say of a source, and what is refused; profiles over Parquet files."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from landed import land

from creditaudit.errors import UsageError
from creditaudit.feeds import FEEDS
from creditaudit.intake.profile import Profile
from creditaudit.settings import load_settings
from creditaudit.source_settings import SourceSettings


def configured(tmp_path, text: str):
    path = tmp_path / "c.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(tmp_path / "book", path, FEEDS)


SOURCE = '[sources.bank]\nfeed = "verifications"\nfiles = "*.dat"\n'


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('delimeter = "|"', "did you mean 'delimiter'?"),
        ('delimiter = ""', "delimiter"),
        ('delimiter = "|@|@"', "delimiter"),
        ('delimiter = "a\\n"', "a line end cannot be"),
        ("delimiter = '\"'", "the delimiter holds the quote"),
        ('quote = "’"', "one ASCII character"),
        ('quote = ""\nmultiline = true', "multiline needs a quote"),
        ('widths = [3]\ndelimiter = "|"', "widths and delimiter are two ways"),
        ("widths = [3]\nmultiline = true", "widths and multiline"),
        ("widths = [0]", "widths"),
        ('widths = [3, 4]\ncolumns = ["a"]', "1 columns, but 2 widths"),
        ('width_unit = "bytes"', "width_unit says nothing"),
        ('columns = ["a", "a"]', "'a' stands twice"),
        ('encoding = "utf-16"', "encoding"),
        ('renames = { X = "reslt" }', "did you mean 'result'?"),
        ('renames = { X = "result", Y = "result" }', "two columns become 'result'"),
        ('constants = { result = "ok" }', "'ok' is none of"),
        ('columns = ["result"]\nconstants = { result = "valid" }', "is a column of the file"),
        ('codes = { result = { "00" = "photo" } }', "'photo' is none of"),
        ('dates = { result = "YYYY" }', "needs year, month and day"),
        ('dates = { result = "YYYYMMDD" }', "holds no dates"),
        ('dates = { checked_at = "YY-MM-DD" }', "is none of YYYY"),
        ('dates = { checked_at = "YYYY-MM-DD HH" }', "hour and minute"),
        ('dates = { checked_at = "YYYY-MM-DD MM" }', "month stands twice"),
        ('sentinels = { chekced_at = ["x"] }', "did you mean 'checked_at'?"),
        ('feed = "x"', "feed"),
        ('[sources.other]\nfeed = "verifications"\nfiles = "*.dat"', "is for the same files"),
        ('[sources.default]\nfeed = "verifications"\nfiles = "*.txt"', "this name belongs to"),
    ],
)
def test_configurations_that_are_refused(tmp_path, more, said):
    text = SOURCE.replace('feed = "verifications"\n', "") + more if more.startswith("feed") else SOURCE + more
    with pytest.raises(UsageError) as caught:
        configured(tmp_path, text)
    assert said in str(caught.value)
    assert "c.toml" in str(caught.value)


def test_profiles_are_part_of_the_digest(tmp_path):
    plain = configured(tmp_path, "")
    one = configured(tmp_path, SOURCE)
    other = configured(tmp_path, SOURCE + 'sentinels = { session_id = ["-"] }')
    assert len({plain.digest, one.digest, other.digest}) == 3
    assert one.sources["bank"].delimiter == ","


def test_a_profile_renames_and_maps_the_cells_of_a_parquet_file():
    table = pa.table(
        {
            "ACCT": ["A1", "A2"],
            "card_valid_from": pa.array([18_000, 18_001], pa.date32()),
            "card_valid_to": ["2035.01.01", "2035-01-01"],
            "channel": ["1", "-"],
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    said = {
        "feed": "openings",
        "files": "*",
        "delimiter": "|",
        "renames": {"ACCT": "account_code"},
        "constants": {"provider_code": "B01"},
        "codes": {"channel": {"1": "counter"}},
        "sentinels": {"*": "-"},
        "dates": {"*": "YYYY.MM.DD"},
    }
    profile = Profile("p", SourceSettings.model_validate(said))
    found = land(out.getvalue(), feed="openings", name="x.parquet", profile=profile)
    [row] = found.typed
    assert (row["account_code"], row["provider_code"], row["channel"]) == ("A1", "B01", "counter")
    assert (str(row["card_valid_from"]), str(row["card_valid_to"])) == ("2019-04-14", "2035-01-01")
    assert found.reasons == {2: "bad_type:card_valid_to"}
