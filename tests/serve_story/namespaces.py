"""Machines of our own: each a network namespace with its own names and logs, on one cable that leads nowhere else.

Everything here vanishes with the processes in it. It takes root, or unprivileged user namespaces.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_NEW_MOUNTS, _NEW_USERS, _NEW_NUMBERS, _NEW_NETWORK = 0x00020000, 0x10000000, 0x20000000, 0x40000000
_BIND, _RECURSIVE, _PRIVATE = 4096, 16384, 1 << 18
_END_WITH_PARENT = 1  # prctl(2): PR_SET_PDEATHSIG
_C = ctypes.CDLL(None, use_errno=True)
# sockets in the file system reach the real machine from any network: whoever answers for names there is not asked
_ASKED_BY_FILE = ("/run/nscd", "/run/systemd/resolve", "/run/dbus")
CABLE = "cable"


class NotHere(Exception):
    """This machine does not let us make such machines; the sentence says why. Nothing was tried that could fail."""


def _call(name: str, *arguments: object) -> None:
    """Call the C library. Raises OSError."""
    if getattr(_C, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def leave() -> None:
    """From now on this process has a network and mounts of its own, and its children process numbers of their own.

    As root; as anybody else, or when root may not, in a user namespace too. Raises NotHere.
    """
    if shutil.which("ip", path=environment()["PATH"]) is None:
        raise NotHere("the program `ip` is missing; on Debian or Ubuntu it is in iproute2")
    user, group = os.geteuid(), os.getegid()
    wanted = _NEW_NETWORK | _NEW_MOUNTS | _NEW_NUMBERS
    if user == 0:
        with contextlib.suppress(OSError):
            _call("unshare", wanted)
            return
    try:
        _call("unshare", wanted | _NEW_USERS)
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
    except OSError as failure:
        raise NotHere(str(failure.strerror)) from failure


def end_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends, by whatever end."""
    _call("prctl", _END_WITH_PARENT, signal.SIGKILL, 0, 0, 0)


def _mount(source: Path | str, target: Path | str, kind: str | None, flags: int) -> None:
    encoded = [os.fsencode(source), os.fsencode(target), None if kind is None else kind.encode()]
    _call("mount", *encoded, ctypes.c_ulong(flags), None)


def keep_mounts_private() -> None:
    """Nothing that is mounted from now on is seen outside. Raises NotHere."""
    try:
        _mount("none", "/", None, _RECURSIVE | _PRIVATE)
    except OSError as failure:
        raise NotHere(str(failure.strerror)) from failure


def own_names(folder: Path, name_server: str) -> Path:
    """Names are looked up in a file of our own, then at our own name server; the file is what is returned."""
    for place in _ASKED_BY_FILE:
        if Path(place).is_dir():
            _mount("none", place, "tmpfs", 0)
    texts = {
        "hosts": "127.0.0.1 localhost\n::1 localhost\n",
        "resolv.conf": f"nameserver {name_server}\noptions timeout:2 attempts:1\n",
        "nsswitch.conf": "hosts: files dns\n",
    }
    for name, text in texts.items():
        ours, theirs = folder / name, Path("/etc", name).resolve()
        ours.write_text(text, encoding="ascii")
        if name == "resolv.conf" and not theirs.exists() and theirs.parent.is_dir():  # it pointed to what is hidden
            with contextlib.suppress(OSError):
                theirs.touch()
        if theirs.exists():
            _mount(ours, theirs, None, _BIND)
    return folder / "hosts"


def speaks_ipv6() -> bool:
    """Whether the kernel here knows IPv6 and it is not switched off."""
    switch = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")
    return switch.exists() and switch.read_text("ascii").strip() == "0"


def ip(*words: str, within: Callable[[], None] | None = None) -> None:
    """Call `ip`. Raises NotHere: what it cannot do is not for us to do here."""
    done = subprocess.run(
        ["ip", *words], check=False, capture_output=True, text=True, preexec_fn=within, env=environment()
    )
    if done.returncode != 0:
        raise NotHere(f"`ip {' '.join(words)}` says: {done.stderr.strip() or done.returncode}")


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program is told that a service would be told; nothing of who started us, no setting of a fedhood."""
    path = ":".join(dict.fromkeys([*os.environ.get("PATH", "").split(":"), "/usr/sbin", "/usr/bin", "/sbin", "/bin"]))
    return {"PATH": path, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **(more or {})}


def lay_cable(addresses: Sequence[str]) -> None:
    """The cable on which all machines are, in the network of this process; `addresses` are its own on it."""
    ip("link", "set", "lo", "up")
    # with an address of its own: else it has that of one of its machines, and another one when that machine is gone
    ip("link", "add", CABLE, "address", "02:00:00:00:00:01", "type", "bridge")
    for address in addresses:
        _add(address, CABLE)
    ip("link", "set", CABLE, "up")


def _add(address: str, device: str, within: Callable[[], None] | None = None) -> None:
    ip("address", "add", address, "dev", device, *(["nodad"] if ":" in address else []), within=within)


class Machine:
    """A machine with a name, addresses on the cable, a file of names and a place for logs. It ends with its programs.

    The process that makes it must be number 1 of its process numbers and have one thread.
    """

    def __init__(self, name: str, folder: Path, addresses: Sequence[str], *, name_server: str) -> None:
        self.name, self.folder, self.addresses = name, folder, tuple(addresses)
        self._started: list[subprocess.Popen[bytes]] = []
        folder.mkdir(mode=0o700)
        (folder / "log").mkdir(mode=0o700)
        here = Path.cwd()
        home = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in ("net", "mnt")]
        try:
            _call("unshare", _NEW_NETWORK | _NEW_MOUNTS)
        except OSError as failure:
            raise NotHere(str(failure)) from failure
        try:
            _mount(folder / "log", "/var/log", None, _BIND)
            self.names = own_names(folder, name_server)
            self._spaces = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in ("net", "mnt")]
        finally:
            for space in home:
                _call("setns", space, 0)
                os.close(space)
            os.chdir(here)
        ip("link", "set", "lo", "up", within=self._enter)
        ip("link", "add", "eth0", "type", "veth", "peer", "name", f"to-{name}", "netns", "1", within=self._enter)
        for address in self.addresses:
            _add(address, "eth0", self._enter)
        ip("link", "set", "eth0", "up", within=self._enter)
        ip("link", "set", f"to-{name}", "master", CABLE)
        ip("link", "set", f"to-{name}", "up")

    def _enter(self) -> None:
        """In a child, before it becomes the program: be inside."""
        for space in self._spaces:
            _call("setns", space, 0)
        os.chdir(self.folder)

    def start(self, command: Sequence[str], log: str, more: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a program that goes on, its output at the end of a log."""
        with (self.folder / "log" / log).open("ab") as file:
            program = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment(more),
                preexec_fn=self._enter,  # noqa: PLW1509 - this process has one thread
            )
        self._started.append(program)
        return program

    def run(self, command: Sequence[str], more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, half a minute at most."""
        return subprocess.run(
            list(command),
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=30,
            env=environment(more),
            preexec_fn=self._enter,
        )

    def pull_the_plug(self) -> None:
        """The machine is gone from one moment to the next, and its cable is out."""
        for program in self._started:
            program.kill()
            program.wait()
        ip("link", "delete", f"to-{self.name}")

    def logs(self) -> Iterator[tuple[str, str]]:
        """The end of each program's log."""
        for file in sorted((self.folder / "log").glob("*.log")):
            yield f"{self.name}: {file.name}", file.read_text(errors="replace")[-2500:]
