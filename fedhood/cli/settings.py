"""`fedhood settings`: the settings file and its page in the documentation, both made from the settings themselves."""

from __future__ import annotations

import dataclasses
import enum
import textwrap
from pathlib import Path
from typing import Any

import click

from fedhood.kernel.settings import Settings

_PAGE = """# Settings

Made by `fedhood settings --page`; do not edit. Settings are read from `fedhood.toml`, then from the environment
variable that is named beside each, which wins. An unknown name is an error.

| setting | variable | default | what it decides |
|---|---|---|---|
"""
_EXAMPLE = """# fedhood's settings, made by `fedhood settings`. What stands here is the default of each;
# take the # away from a line to change it.
"""


@click.command()
@click.option("--page", "as_page", is_flag=True, help="The page of the documentation instead.")
def settings(*, as_page: bool) -> None:
    """Print a settings file with every setting explained and at its default."""
    click.echo(page() if as_page else example(), nl=False)


def _options() -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(Settings) if field.metadata["in_file"]]


def _value(value: Any) -> str:
    """A default as TOML writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(_value(each) for each in value)}]"
    if isinstance(value, enum.Enum):
        return _value(str(value.value))
    return f'"{value}"' if isinstance(value, str | Path) else str(value)


def example() -> str:
    """A settings file in which everything is explained and nothing is changed."""
    parts = [_EXAMPLE]
    for field in _options():
        sentences = textwrap.wrap(field.metadata["sentence"], 100, initial_indent="# ", subsequent_indent="# ")
        parts.append("\n".join([*sentences, f"#{field.name} = {_value(field.default)}", ""]))
    return "\n".join(parts)


def page() -> str:
    """The settings as a page of Markdown."""
    return _PAGE + "".join(
        f"| `{field.name}` | `FEDHOOD_{field.name.upper()}` | `{_value(field.default)}` "
        f"| {field.metadata['sentence'].replace('|', '&#124;')} |\n"
        for field in _options()
    )
