"""What only saves memory never stands in the way of a server."""

import sys

import pytest

from fedhood.kernel import memory


def test_a_machine_that_does_not_let_it_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    memory.keep_little()
    memory.give_back()
    monkeypatch.setitem(sys.modules, "ctypes", None)
    memory.keep_little()
    memory.give_back()
