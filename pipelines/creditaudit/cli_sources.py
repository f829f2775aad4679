"""``creditaudit source``: try a source profile on a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from creditaudit.cli_speech import Tell
from creditaudit.errors import UsageError, Where

if TYPE_CHECKING:
    from creditaudit.intake.preview import Preview
    from creditaudit.intake.profile import Profile

app = typer.Typer(help="Source profiles: how the files of a sender are read.", no_args_is_help=True)


@app.callback()
def sources() -> None:
    """Source profiles: how the files of a sender are read."""


@app.command("check")
def check(
    profile: Annotated[
        str, typer.Argument(help="Name of a profile in the configuration, or a TOML file that holds one profile.")
    ],
    file: Annotated[Path, typer.Argument(help="A file of that sender.")],
    *,
    rows: Annotated[int, typer.Option(min=0, help="How many rows to show.")] = 10,
    night: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Dates after it are doubted (default: none are).")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration file (default: creditaudit.toml in this folder).")
    ] = None,
    feed: Annotated[str | None, typer.Option(help="The feed, for the profile `default`.")] = None,
) -> None:
    """Show a file as a profile would read it, with every doubt; ID numbers, names and phones are masked."""
    from creditaudit.intake.preview import NO_NIGHT, preview

    chosen, of_feed = _chosen(profile, config, feed)
    if not file.is_file():
        raise UsageError(
            "the file cannot be read", why="there is no such file", next_step="name a file", where=Where(file.name)
        )
    found = preview(chosen, of_feed, file, rows=rows, night=night.date() if night is not None else NO_NIGHT)
    _print(found, chosen, of_feed)
    if not chosen.is_for(of_feed, file.name) and feed is None:
        Tell.note(f"a night would not read this file by the profile: its name does not match {chosen.source.files!r}")


def _chosen(name: str, config: Path | None, feed: str | None) -> tuple[Profile, str]:
    """Find the profile that is meant, and its feed."""
    from creditaudit.feeds import FEEDS
    from creditaudit.intake.profile import DEFAULT_PROFILE, profiles_of
    from creditaudit.settings import load_settings

    if name == DEFAULT_PROFILE.name:
        if feed not in FEEDS:
            raise UsageError("no feed is chosen", why="the profile `default` is for all", next_step="give --feed FEED")
        return DEFAULT_PROFILE, feed
    is_file = name.endswith(".toml")
    profiles = profiles_of(load_settings(Path("book"), Path(name) if is_file else config, FEEDS).sources)
    matching = [p for p in profiles if is_file or p.name == name]
    if len(matching) != 1:
        raise UsageError(
            "the source profile is not known" if not is_file else "the file does not hold exactly one source profile",
            why=f"there are: {', '.join(p.name for p in profiles) or 'none'}",
            next_step="name one of them, with --config FILE if they are not in creditaudit.toml here",
        )
    return matching[0], matching[0].source.feed


def _print(found: Preview, profile: Profile, feed: str) -> None:
    report = found.report
    Tell.result(f"profile {profile.name}, feed {feed}, encoding {report.encoding}")
    Tell.result(f"columns the file lacks, empty in every row: {', '.join(found.missing) or 'none'}")
    Tell.result(f"columns the feed does not have, kept aside: {', '.join(found.unknown) or 'none'}")
    for row in found.rows:
        fate = "accepted" if row.is_accepted else "quarantined"
        Tell.result(f"row {row.row}, line {row.line}: {fate}{f': {row.doubts}' if row.doubts else ''}")
        for name, text in row.cells.items():
            Tell.result(f"    {name:<24}{text}")
    Tell.result("doubts: " + ("none" if not found.doubts else ""))
    for reason, count, line in found.doubts:
        Tell.result(f"    {reason:<32}{count} rows, the first on line {line}")
    Tell.result(f"delivered {report.delivered} = accepted {report.typed} + quarantined {report.quarantined}")
