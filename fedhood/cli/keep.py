"""`fedhood backup` and `fedhood restore`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from fedhood import backup as keeping
from fedhood.cli.door import Given, as_json, pass_given
from fedhood.kernel.clock import Clock


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@as_json
@pass_given
def backup(given: Given, file: Path, *, as_json: bool) -> None:
    """Copy the whole server into FILE (a tar that only its owner may read), while it runs."""
    settings, now = given.settings(), Clock().now()
    with click.progressbar(length=0, label="packing", file=sys.stderr, show_eta=False) as bar:

        def packed(done: int, whole: int) -> None:
            bar.length = whole
            bar.update(done)

        kept = keeping.make(settings, file.absolute(), settings_file=given.file, now=now, progress=packed)
    if as_json:
        click.echo(json.dumps({"file": str(file), "parts": kept.files, "run": kept.command or None}))
        return
    click.echo(f"{file}: {', '.join(kept.files)}")
    if kept.command:
        click.echo(f"The database is not in it. Copy that with:\n  {kept.command}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
@pass_given
def restore(given: Given, file: Path, *, as_json: bool) -> None:
    """Unpack FILE into an empty data folder. A PostgreSQL database is filled with pg_restore before."""
    settings = given.settings()
    kept = keeping.restore(settings, file)
    if as_json:
        click.echo(json.dumps({"data_dir": str(settings.data_dir), "parts": kept.files}))
    else:
        click.echo(f"{settings.data_dir}: {', '.join(kept.files)}. A new stream begins with every neighbour.")
