"""The administrator's door."""

import click


@click.group()
def main() -> None:
    """Run a fedhood neighbourhood server."""
