"""``creditaudit accept-base``: an institution's full deliveries have become smaller, and a document says why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import pyarrow as pa
import typer

from creditaudit.cli_speech import BookOption, Tell
from creditaudit.errors import UsageError

ALL = "*"


def accept_base(
    book: BookOption,
    *,
    provider: Annotated[str, typer.Option(help="The scope's institution; * for a delivery that speaks for all.")],
    evidence_ref: Annotated[str, typer.Option(help="The document that says why there are fewer accounts.")],
    by: Annotated[str, typer.Option(help="Who decided.")],
    reason: Annotated[str, typer.Option(help="Why, in words.")],
    region: Annotated[str, typer.Option(help="The scope's region_code, as its control files state it.")] = ALL,
    business: Annotated[
        list[str] | None, typer.Option(help="A business_code of the scope; give the option once for each.")
    ] = None,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date of the decision.")] = None,
) -> None:
    """Let the larger full deliveries of a scope no more be the measure of the next ones (proof of absence)."""
    from creditaudit.book.inbox import base_flaw, put
    from creditaudit.book.layout import open_book
    from creditaudit.cases.free_text import hide_numbers
    from creditaudit.masking import numbers_hidden

    codes = business if business and business != [ALL] else None
    body = {
        "provider_code": None if provider == ALL else provider,
        "region_code": None if region == ALL else region,
        "business_codes": None if codes is None else sorted(set(codes)),
        "evidence_ref": hide_numbers(pa.chunked_array([[evidence_ref]]))[0].as_py(),
    }
    why = base_flaw(body)
    if any(numbers_hidden(code) != code for code in (provider, region, *(business or ()))):
        why = "a code of the scope reads as an ID number or a phone"
    if why is not None:
        raise UsageError("this decision cannot be recorded", why=why, next_step="state the scope, and what shows it")
    entry = put(
        open_book(book), "smaller_base", by=by, reason=reason, body=body, on=on.date() if on is not None else None
    )
    Tell.note(
        f"smaller base recorded for {entry.decided_on}: {entry.file_name}. From the night that takes it on, full"
        " deliveries of that scope are measured by the last one before it."
    )
