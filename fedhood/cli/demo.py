"""`fedhood demo`."""

import click

from fedhood.simulator import demo as story


@click.command()
@click.option("--check", is_flag=True, help="Tell the story once, check its outcome and end.")
@click.pass_context
def demo(ctx: click.Context, *, check: bool) -> None:
    """Two neighbourhoods and a city on this machine, telling a story; they are left running until Ctrl-C."""
    ctx.exit(story.main(check=check))
