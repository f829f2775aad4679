"""The page of a night that judged a known answer wrongly, outside the sealed nights (SPEC 2, 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from creditaudit.book.files import place_bytes
from creditaudit.reports.dress import both, heard, part, policy, template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path


def write_refused_page(path: Path, *, night: date, wrong: Sequence[Mapping[str, str]]) -> None:
    """Render the page; one of an earlier attempt at the same night is replaced.

    Parameters
    ----------
    path : Path
    night : date
    wrong : sequence of mapping
        rule_id, person, profiles, expected, found: every wrong answer, in words without a number or a name.
    """
    style = part("page.css")
    text = template("refused.html.j2").render(
        w=both,
        heard=heard,
        policy=Markup(policy(style)),  # noqa: S704 - quotes of ours
        style=style,
        night=night.isoformat(),
        wrong=wrong,
    )
    place_bytes(path, text.encode())
