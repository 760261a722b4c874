"""`fedhood demo`: a town on this machine that tells its story, and can then be clicked through."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import NoReturn

import click

from fedhood.kernel.clock import monotonic
from fedhood.kernel.errors import Conflict
from fedhood.simulator import story
from fedhood.simulator.town import Town

PORTS = (8181, 8182, 8183)


def main(*, check: bool) -> int:
    """Tell the story. With `check`, end afterwards: 0 when every step happened on the other side, else 1."""
    if not check:
        _check_free(PORTS)
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(prefix="fedhood-demo-") as folder, Town(Path(folder)) as town:
        begun = monotonic()
        click.echo("Elm, Oak and the city of Mechelen open their doors …")
        scene = story.build(town, None if check else PORTS, faulty=check)
        for number, (title, step) in enumerate(story.STEPS, 1):
            try:
                happened = step(scene)
            except Exception:  # noqa: BLE001 - whatever a step meets is a step that did not happen, told with its cause
                traceback.print_exc()
                _show_logs(Path(folder))
                click.echo(f"{number}. {title}: DID NOT HAPPEN", err=True)
                return 1
            click.echo(f"{number}. {title}: {happened}")
        click.echo(f"{len(story.STEPS)} steps in {monotonic() - begun:.1f} s")
        if check:
            return 0
        _show_doors(town)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    return 0


def _end(signum: int, _: object) -> NoReturn:
    """Ended from outside: the servers that were started are ended too."""
    raise SystemExit(128 + signum)


def _check_free(ports: tuple[int, ...]) -> None:
    """Raises Conflict when another program has one of the ports."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise Conflict(f"port {port} is taken: end the other demo, or whatever listens there, first") from None


def _show_doors(town: Town) -> None:
    click.echo("\nClick through it; the people are invented. Each link signs you in once:")
    for house in town.houses.values():
        click.echo(f"\n{house.address}")
        for name, link, passphrase in town.sign_in_links(house):
            click.echo(f"  {name:<18} {link}")
            if passphrase:
                click.echo(f"  {'':<18} looks after the place; the passphrase is: {passphrase}")
    click.echo("\nCtrl-C ends it.")


def _show_logs(folder: Path) -> None:
    for log in sorted(folder.glob("*.log")):
        sys.stderr.write(f"--- {log.stem}\n{log.read_text(errors='replace')[-3000:]}\n")
