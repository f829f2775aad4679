"""One frozen model of the configuration: TOML file, defaults; unknown keys are refused with the nearest name."""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from creditaudit.errors import UsageError, Where
from creditaudit.masking import numbers_hidden
from creditaudit.source_settings import KnownFeed, SourceSettings, misfits, unknown_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

CONFIG_NAME = "creditaudit.toml"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mandate(_Section):
    """Who asked for this audit, and on what basis (SPEC 10.1)."""

    text: str = ""


class EngineSettings(_Section):
    """How much of the machine a night may use. Not part of a night's inputs: it changes no sealed byte."""

    name: Literal["duckdb", "spark"] = "duckdb"
    threads: Annotated[int, Field(ge=1, le=256)] = 2
    memory_limit: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?\s*[KMGT]i?B$")] = "1440MiB"
    # Where Spark's workers find what they are to read, if they do not see the book: a folder as Hadoop spells it.
    spark_scratch: Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*://[^\s?*\[\]{}\\]+$")] | None = None


class ContractSettings(_Section):
    """Bounds of the contract (SPEC 3.4)."""

    max_quarantine_share: Annotated[float, Field(ge=0, le=1)] = 0.20


class ReportSettings(_Section):
    """Who may read the reports of a night (SPEC 10.4). Not part of a night's inputs: it changes no sealed byte."""

    readable_by: Literal["owner", "group"] = "owner"

    @property
    def are_for_a_group(self) -> bool:
        """Whether the group of the book's folder may read them, too."""
        return self.readable_by == "group"


class FeedSettings(_Section):
    """What is expected of one feed (SPEC 3.1); None: the default of the feed, or of the kind of file."""

    expected: bool | None = None
    min_share_of_last: Annotated[float, Field(ge=0, le=1)] | None = None


class Settings(_Section):
    """The configuration of a run.

    Parameters
    ----------
    mandate : Mandate
        Carried in every manifest; without a text a night is refused.
    engine : EngineSettings
        Which engine judges, threads and memory.
    spark : dict
        What Spark is told (``spark.…``, without that word): a value, or a table of them. Not part of a night's inputs.
    contract : ContractSettings
        Bounds of tier 1.
    reports : ReportSettings
        Rights of the reports' files.
    feeds : dict
        Per feed name.
    sources : dict
        Source profiles by name.
    """

    mandate: Mandate = Mandate()
    engine: EngineSettings = EngineSettings()
    spark: dict[str, JsonValue] = {}  # `spark.sql.shuffle.partitions = 400` is three tables deep in TOML
    contract: ContractSettings = ContractSettings()
    reports: ReportSettings = ReportSettings()
    feeds: dict[str, FeedSettings] = {}
    sources: dict[str, SourceSettings] = {}

    @field_validator("spark")
    @classmethod
    def _can_be_spelled(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        dict(_spelled("spark", value))
        return value

    def is_expected(self, feed: str, *, by_default: bool) -> bool:
        """Say whether a night without this feed is degraded."""
        chosen = self.feeds[feed].expected if feed in self.feeds else None
        return by_default if chosen is None else chosen

    def min_share_of_last(self, feed: str, *, by_default: float) -> float:
        """Return the share of the last deliveries below which a delivery of this feed is incomplete."""
        chosen = self.feeds[feed].min_share_of_last if feed in self.feeds else None
        return by_default if chosen is None else chosen

    @property
    def spark_settings(self) -> dict[str, str]:
        """What Spark is told, as Spark names it: ``spark.sql.shuffle.partitions`` to ``400``."""
        return dict(_spelled("spark", self.spark))

    @property
    def digest(self) -> str:
        """SHA-256 of what can change a sealed byte: everything but engine, Spark, threads, memory and rights."""
        content = self.model_dump(mode="json", exclude={"engine", "spark", "reports"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _spelled(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    """Yield settings of Spark by their whole names; a list or nothing has no spelling."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _spelled(f"{name}.{key}", inner)
    elif isinstance(value, (str, int, float)):
        yield name, str(value).lower() if isinstance(value, bool) else str(value)
    else:
        raise ValueError(f"{name}: a text, a number, true or false is needed")  # noqa: TRY004 - what pydantic takes


def load_settings(book: Path, config: Path | None, known_feeds: Mapping[str, KnownFeed]) -> Settings:
    """Read the configuration: ``config``, else ``creditaudit.toml`` beside the book, else the defaults.

    Parameters
    ----------
    book : Path
        The book's directory.
    config : Path or None
        A file named on the command line; it must exist.
    known_feeds : mapping of str to KnownFeed
        The feeds that it may speak of, with their columns.

    Returns
    -------
    Settings

    Raises
    ------
    UsageError
        The file is missing, not TOML, has an unknown key or a value out of bounds.
    """
    path = config if config is not None else book.absolute().parent / CONFIG_NAME
    if not path.exists():
        if config is None:
            return Settings()
        raise UsageError(
            "the configuration cannot be read",
            why="there is no such file",
            next_step="name an existing file with --config, or leave the option out",
            where=Where(str(path)),
        )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            "the configuration cannot be read",
            why=error.strerror or type(error).__name__,
            next_step="name a file that this user may read",
            where=Where(str(path)),
        ) from error
    except (ValueError, RecursionError) as error:  # TOML or UTF-8 that is none, a number too long, nested without end
        raise UsageError(
            "the configuration cannot be read",
            why=f"it is not TOML in UTF-8 ({error})",
            next_step="mend the line that is named",
            where=Where(str(path)),
        ) from error
    feeds = content.get("feeds", {})
    unknown_feed = next((f for f in feeds if f not in known_feeds), None) if isinstance(feeds, dict) else None
    if unknown_feed is not None:
        raise _unknown(path, ["feeds", unknown_feed], list(known_feeds))
    try:
        settings = Settings.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(p) for p in first["loc"]]
        if first["type"] == "extra_forbidden":
            raise _unknown(path, place, _known_keys(place)) from error
        raise _unusable(path, place, first["msg"].removeprefix("Value error, ")) from error
    _refuse_persons(path, settings)
    for place, known in unknown_names(settings.sources, known_feeds):
        raise _unknown(path, place, known)
    for place, why in misfits(settings.sources, known_feeds):
        raise _unusable(path, place, why)
    return settings


def _refuse_persons(path: Path, settings: Settings) -> None:
    """Refuse the number of a person where manifests and pages would carry it (SPEC 10.4)."""
    carried = [("mandate.text", settings.mandate.text), *(("sources", name) for name in settings.sources)]
    for place, text in carried:
        if numbers_hidden(text) != text:
            raise _unusable(path, [place], "what reads as an ID number or a phone would stand in every manifest")


def _unusable(path: Path, place: list[str], why: str) -> UsageError:
    return UsageError(
        "the configuration has a value that cannot be used",
        why=f"{'.'.join(place)}: {why}",
        next_step="mend the value",
        where=Where(str(path), column=".".join(place)),
    )


def _known_keys(place: list[str]) -> list[str]:
    """Return the keys that may stand where an unknown one was found."""
    model: type[BaseModel] = Settings
    for part in place[:-1]:
        field = model.model_fields.get(part)
        if field is None:  # the name of a feed or a source
            continue
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                model = inner
    return list(model.model_fields)


def _unknown(path: Path, place: list[str], known: Iterable[str]) -> UsageError:
    near = difflib.get_close_matches(place[-1], list(known), n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(sorted(known))}"
    return UsageError(
        "the configuration has a key that is not known",
        why=f"{'.'.join(place)}: {hint}",
        next_step="rename or remove the key",
        where=Where(str(path), column=".".join(place)),
    )
