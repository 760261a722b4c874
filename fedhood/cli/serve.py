"""`fedhood serve`."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

import click

from fedhood import app
from fedhood.cli.door import Given, pass_given
from fedhood.cli.words import in_words, words_for_listening
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from fedhood.kernel.settings import Settings


@click.command()
@pass_given
def serve(given: Given) -> None:
    """Serve the neighbourhoods of this server, until it is told to stop (Ctrl-C).

    The first time it makes the data folder, and prints the address at which the place is set up in a browser.
    """
    settings = given.settings()
    with in_words(settings):
        _look_whether_it_can_listen(settings)
        try:
            app.serve(settings)
        except OSError as failure:  # somebody else came between
            if failure.filename is None and failure.errno in {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}:
                raise Invalid(words_for_listening(failure, settings), code="listen") from failure
            raise


def _look_whether_it_can_listen(settings: Settings) -> None:
    """Before anything is opened, listen for a moment where the server will. Raises Invalid."""
    host, _, port = settings.listen.rpartition(":")
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            try:
                probe = socket.socket(family, kind, protocol)
            except OSError:  # a kind of address that this machine does not speak; the server passes it over too
                continue
            with probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
                probe.listen(1)
    except OSError as failure:
        raise Invalid(words_for_listening(failure, settings), code="listen") from failure
