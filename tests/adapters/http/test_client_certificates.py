"""The one way out, against servers with certificates of every kind.

Whom to trust is read when a process begins, from the file that SSL_CERT_FILE names, so a process of its own asks.
"""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.adapters.http.remote import Remote, ok, served
from tests.support.authority import Authority

ASK = """
import asyncio, sys
from fedhood.adapters.http.client import Client
from fedhood.kernel.clock import Clock
from fedhood.kernel.errors import RemoteFailure

async def main(url):
    async with Client(user_agent="fedhood/test", loopback_names=True) as client:
        try:
            print((await client.get(url, accept="*/*")).status)
        except RemoteFailure as failure:
            print(failure.code)
        try:
            print((await client.greet(url) - Clock().now()).days, "days")
        except RemoteFailure as failure:
            print(failure.code)

asyncio.run(main(sys.argv[1]))
"""
TRUSTED, STRANGER = Authority("trusted"), Authority("stranger")


async def asked(remote: Remote, trusts: Path) -> str:
    asking = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        ASK,
        f"https://oak.localhost:{remote.port}/",
        env={**os.environ, "SSL_CERT_FILE": str(trusts)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asking.communicate()
    return said.decode().strip()


@pytest.mark.parametrize(
    ("shown", "answer"),
    [
        (TRUSTED.vouch("oak.localhost"), "200"),
        (TRUSTED.vouch("oak.localhost", days_left=-1), "certificate-lapsed"),
        (TRUSTED.vouch("oak.localhost", days_left=99), "certificate-too-new"),
        (TRUSTED.vouch("elm.localhost"), "certificate-name"),
        (STRANGER.vouch("oak.localhost"), "certificate-unknown"),
    ],
    ids=["trusted", "lapsed", "of tomorrow", "of another name", "of a stranger"],
)
async def test_what_is_wrong_with_a_certificate_has_a_name(
    world: AsyncExitStack, tmp_path: Path, shown, answer: str
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's side of the failed handshake
    remote = await served(world, tls=shown.context(tmp_path))
    remote.script = lambda _: ok()
    trusts = tmp_path / "authorities.pem"
    trusts.write_bytes(TRUSTED.pem)
    said, greeted = (await asked(remote, trusts)).splitlines()
    assert said == answer
    assert greeted == ("79 days" if answer == "200" else answer)
