"""Spark is asked for where it is not, or told what would change the meaning of a text: said before any work is done."""

from __future__ import annotations

import importlib.util
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.engines import check_spark
from creditaudit.errors import UsageError
from creditaudit.feeds import FEEDS
from creditaudit.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from place import Place


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """PySpark and a Java seem to be there."""
    found = importlib.util.find_spec

    def seen(name: str, *rest: Any) -> Any:
        return found("json") if name == "pyspark" else found(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", seen)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/java")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return monkeypatch


def test_a_night_without_pyspark_is_refused_and_seals_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *r: None if name == "pyspark" else found(name, *r))
    place.deliver(date(2026, 11, 20), "impostors", [{"person_ref": "P1"}])
    said = place.say(*place.asked("--night", "2026-11-20", "--engine", "spark"))
    assert said.code == 2
    assert "PySpark is not installed" in said.err
    assert "pip install 'creditaudit[spark]'" in said.err
    assert not list((place.book / "nights").iterdir())


def test_the_configuration_may_ask_for_it_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *r: None if name == "pyspark" else found(name, *r))
    told = place.config.read_text(encoding="utf-8")
    assert "[engine]" in told
    place.config.write_text(told.replace("[engine]", '[engine]\nname = "spark"'), encoding="utf-8")
    place.deliver(date(2026, 11, 20), "impostors", [{"person_ref": "P1"}])
    assert "PySpark is not installed" in place.say(*place.asked("--night", "2026-11-20")).err


def test_an_engine_that_is_none_is_refused(place: Place) -> None:
    said = place.say(*place.asked("--night", "2026-11-20", "--engine", "flink"))
    assert said.code == 2
    assert "flink" in said.err


def test_without_java_the_system_package_is_named(installed: pytest.MonkeyPatch) -> None:
    installed.setattr("shutil.which", lambda _: None)
    with pytest.raises(UsageError, match="no Java") as refused:
        check_spark({})
    assert "openjdk-17-jre-headless" in refused.value.next_step


def test_a_java_home_without_java_is_named(installed: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="has no bin/java"):
        check_spark({})


@pytest.mark.parametrize(
    ("key", "value", "fix"),
    [
        ("spark.sql.ansi.enabled", "false", "spark.sql.ansi.enabled=true"),
        ("spark.sql.session.timeZone", "Asia/Shanghai", "spark.sql.session.timeZone=UTC"),
        ("spark.sql.timestampType", "TIMESTAMP_LTZ", "spark.sql.timestampType=TIMESTAMP_NTZ"),
        ("spark.sql.caseSensitive", "true", "spark.sql.caseSensitive=false"),
    ],
)
def test_a_setting_that_changes_what_a_text_means_is_refused(
    installed: pytest.MonkeyPatch, key: str, value: str, fix: str
) -> None:
    del installed
    with pytest.raises(UsageError, match="would mean something else") as refused:
        check_spark({key: value})
    assert refused.value.exit_code == 2
    assert fix in refused.value.next_step


def test_any_other_setting_is_taken(installed: pytest.MonkeyPatch) -> None:
    del installed
    check_spark({"spark.master": "yarn", "spark.sql.ansi.enabled": "true", "spark.sql.shuffle.partitions": "400"})


def settings_of(folder: Path, text: str) -> Any:
    (folder / "c.toml").write_text(text, encoding="utf-8")
    return load_settings(folder / "book", folder / "c.toml", FEEDS)


def test_spark_is_told_as_spark_spells_it(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        'spark.master = "yarn"\nspark.sql.shuffle.partitions = 400\nspark.speculation = true\n'
        'spark.hadoop."fs.s3a.endpoint" = "https://x"\n',
    )
    assert settings.spark_settings == {
        "spark.master": "yarn",
        "spark.sql.shuffle.partitions": "400",
        "spark.speculation": "true",
        "spark.hadoop.fs.s3a.endpoint": "https://x",
    }


def test_what_spark_is_told_changes_no_night(tmp_path: Path) -> None:
    """SPEC 2: a night is a function of the configuration without engine and ``spark.*``."""
    asked = settings_of(tmp_path, '[engine]\nname = "spark"\n[spark]\nmaster = "local[8]"\n')
    assert asked.digest == settings_of(tmp_path, "").digest


def test_a_list_is_no_setting_of_spark(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"spark\.jars: a text, a number"):
        settings_of(tmp_path, 'spark.jars = ["a", "b"]\n')
