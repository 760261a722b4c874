"""`fedhood serve`."""

import click

from fedhood import app
from fedhood.cli.door import Given, pass_given


@click.command()
@pass_given
def serve(given: Given) -> None:
    """Serve the neighbourhoods of this server, until it is told to stop."""
    app.serve(given.settings())
