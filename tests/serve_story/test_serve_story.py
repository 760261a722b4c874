"""What `make serve-story` stands on; the story itself is too long for the ordinary tests, and needs more rights."""

import ctypes
import errno
import os
import platform
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from fedhood.adapters.http.guard import is_public
from tests.serve_story import rig
from tests.serve_story.__main__ import NOT_HERE
from tests.serve_story.name_server import answer

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("form", [rig.V4, rig.V6])
def test_the_guard_takes_every_machine_of_the_story_for_a_public_one(form: str):
    assert all(is_public(form.format(last)) for last in rig.LAST.values())


def test_the_name_server_answers_every_question_with_no():
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x03oak\x07example\x00\x00\x1c\x00\x01" + b"opt"
    said = answer(question)
    assert said[:2] == question[:2], "to this question"
    assert said[3] & 0x0F == 3, "NXDOMAIN"
    assert said[4:12] == b"\x00\x01" + bytes(6)
    assert said[12:] == question[12:29]


@pytest.mark.parametrize("noise", [b"", b"\x12\x34", bytes(11), b"\x12\x34" + b"\x01" * 30])
def test_the_name_server_is_silent_where_nothing_was_asked(noise: bytes):
    assert answer(noise) == b""


UNSHARE = {"x86_64": 272, "aarch64": 97}  # its number among the calls of the kernel


def without_unshare() -> None:
    """From now on the kernel refuses this process `unshare`, as it does inside many containers (seccomp(2))."""
    load, equal, give = 0x20, 0x15, 0x06
    refuse, allow = 0x00050000 | errno.EPERM, 0x7FFF0000
    steps = [(load, 0, 0, 0), (equal, 0, 1, UNSHARE[platform.machine()]), (give, 0, 0, refuse), (give, 0, 0, allow)]
    filter_ = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HP", len(steps), ctypes.addressof(filter_))
    c = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, by_filter = 38, 22, 2
    assert c.prctl(no_new_privileges, 1, 0, 0, 0) == 0
    assert c.prctl(set_seccomp, by_filter, program, 0, 0) == 0


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in UNSHARE,
    reason="how to refuse it is not known for this machine",
)
def test_where_no_machines_can_be_made_it_says_so_and_nothing_is_left(tmp_path: Path):
    said = subprocess.run(
        [sys.executable, "-m", "tests.serve_story"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        preexec_fn=without_unshare,
    )
    assert (said.returncode, said.stdout) == (NOT_HERE, "")
    assert said.stderr.startswith("Not told: machines of our own (namespaces) cannot be made here: ")
    assert len(said.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
