"""`fedhood backup` and `fedhood restore`."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from fedhood import backup as keeping
from fedhood.cli.door import Given, as_json, pass_given
from fedhood.cli.words import in_words
from fedhood.kernel.clock import Clock


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@as_json
@pass_given
def backup(given: Given, file: Path, *, as_json: bool) -> None:
    """Copy the whole server into FILE, while it runs.

    FILE is new: a backup never replaces one. It is a tar that only its owner may read, for it holds the server's keys
    and what people said in private. Keep it on another machine.
    """
    settings, now = given.settings(), Clock().now()
    with in_words(settings), ExitStack() as stack:
        bars: list[Any] = []  # none before there is something to pack: what is refused is refused in one line

        def packed(done: int, whole: int) -> None:
            if not bars:
                bar = click.progressbar(length=whole, label="packing", file=sys.stderr, show_eta=False)
                bars.append(stack.enter_context(bar))
            bars[0].update(done)

        kept = keeping.make(settings, file.absolute(), settings_file=given.file, now=now, progress=packed)
    if as_json:
        click.echo(json.dumps({"file": str(file), "parts": kept.files, "run": kept.command or None}))
        return
    click.echo(f"{file} holds {', '.join(kept.files)}")
    if kept.command:
        click.echo(f"The database is not in it. Copy that with:\n  {kept.command}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
@pass_given
def restore(given: Given, file: Path, *, as_json: bool) -> None:
    """Unpack FILE, which `fedhood backup` wrote, into an empty data folder.

    The folder is the one that the setting `data_dir` names. All of it is put back or nothing. A PostgreSQL database is
    filled with pg_restore before. Afterwards start the server with `fedhood serve`; the server that the backup was made
    of must not run any more.
    """
    settings = given.settings()
    with in_words(settings):
        kept = keeping.restore(settings, file, now=Clock().now())
    if as_json:
        click.echo(json.dumps({"data_dir": str(settings.data_dir), "parts": kept.files}))
    else:
        click.echo(f"{settings.data_dir} holds what {file} held: {', '.join(kept.files)}")
        click.echo(
            "Everything is as it was when the backup was made; what came after it is lost. Start with: fedhood serve"
        )
