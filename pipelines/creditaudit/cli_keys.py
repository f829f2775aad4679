"""``creditaudit keys``: the key file that makes tokens and seals, made, shown, rotated, retired, destroyed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from creditaudit.cli_speech import Tell

if TYPE_CHECKING:
    from creditaudit.book.keys import Keyring

app = typer.Typer(help="The key file that makes tokens and seals.", no_args_is_help=True)

FileOption = Annotated[Path | None, typer.Option("--file", help="The key file (default: CREDITAUDIT_KEY_FILE).")]
AlgorithmOption = Annotated[
    str | None, typer.Option("--algorithm", help="Hash of all that is made with the key: sha256 or sm3.")
]


@app.command("new")
def new(
    file: Annotated[Path, typer.Argument(help="File to make; keep it outside the book.")],
    algorithm: AlgorithmOption = None,
) -> None:
    """Make a key file that only its owner can read."""
    from creditaudit.book.keys import KEY_VARIABLE, SHA256, new_key_file

    new_key_file(file, algorithm=algorithm or SHA256)
    Tell.note(
        f"key written; set {KEY_VARIABLE}={file}. Without it, tokens of this book cannot be made again: back it up."
    )


@app.command("demo")
def demo(file: Annotated[Path, typer.Argument(help="File to make.")]) -> None:
    """Write the public demonstration key: for samples and tests, it protects nothing."""
    from creditaudit.book.keys import new_key_file

    new_key_file(file, demo=True)
    Tell.note("DEMONSTRATION KEY written: it is public and protects nothing. Never use it on real data.")


_MEANING = {
    "active": "makes the tokens and seals of the next night",
    "superseded": "its tokens are still taken and resolved",
    "retired": "its tokens are taken and resolved no more; its seals are checked",
    "destroyed": "its tokens can be made no more; its seals are checked",
}


@app.command("list")
def list_keys(file: FileOption = None) -> None:
    """List the keys of the file, and what each is good for; no secret is shown."""
    for key in _read(file).keys:
        Tell.result(f"{key.key_id}\t{key.state}\t{key.algorithm}\t{_MEANING[key.state]}")


@app.command("rotate")
def rotate(file: FileOption = None, algorithm: AlgorithmOption = None) -> None:
    """Make a new key for later nights; the tokens of the one before are still taken and resolved."""
    from creditaudit.book.key_changes import rotate as rotate_key

    old = _read(file).active
    fresh = rotate_key(_named(file), algorithm)
    Tell.note(
        f"key {fresh.key_id} ({fresh.algorithm}) makes the tokens and seals of later nights; {old.key_id} is"
        " superseded: answers with its row tokens are still taken, and its cases can be revealed. The next night"
        " judges everyone; train the model again. Back the file up.",
        key_id=fresh.key_id,
        superseded=old.key_id,
    )


KeyArgument = Annotated[str, typer.Argument(help="Its key_id, as `creditaudit keys list` says it.")]


@app.command("retire")
def retire(key_id: KeyArgument, file: FileOption = None) -> None:
    """Take and resolve the tokens of a superseded key no more; its seals are still checked."""
    from creditaudit.book.key_changes import retire as retire_key

    key = retire_key(_named(file), key_id)
    Tell.note(
        f"key {key.key_id} is retired: an answer that has a row token of it is refused, and a case whose token it made"
        " is revealed no more. Its secret is still in the file; `creditaudit keys destroy` forgets it.",
        key_id=key.key_id,
    )


@app.command("destroy")
def destroy(key_id: KeyArgument, file: FileOption = None) -> None:
    """Forget the secret of a retired key: what its tokens stand for can be found out no more."""
    from creditaudit.book.key_changes import destroy as destroy_key

    key = destroy_key(_named(file), key_id)
    Tell.note(
        f"the secret of key {key.key_id} is destroyed. Nobody can tell any more, by trying numbers, whom a person"
        " token, a row token or a case_id that it made stands for: in the tables, reports and manifests of its nights,"
        " here and wherever they were sent. It does not reach: backups of the key file (destroy them, too); the"
        " account and the institution that a published case names; the rows in force and the typed rows of the book,"
        " which hold numbers as delivered (`creditaudit erase` and `prune`). The seals of its nights are still proven.",
        key_id=key.key_id,
    )


def _named(file: Path | None) -> Path:
    from creditaudit.book.key_changes import key_file_of
    from creditaudit.book.keys import KEY_VARIABLE

    return key_file_of(file, os.environ.get(KEY_VARIABLE))


def _read(file: Path | None) -> Keyring:
    from creditaudit.book.keys import load_keys

    return load_keys(str(_named(file)), None)
