"""The administrator's door."""

from fedhood.cli.door import main

__all__ = ["main"]
