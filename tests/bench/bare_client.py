"""The ceiling of sending: `python -m tests.bench.bare_client SERVERS PORT ROUNDS` signs and posts to so many servers.

It says that it is ready with a line, waits for one, sends to all at once, and again.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import aiohttp

from fedhood.adapters.activitypub import keys, signatures
from fedhood.kernel.clock import Clock

BODY = b'{"type":"Create"}' + b" " * 6_000  # as long as a post with its proofs


class _Here(aiohttp.abc.AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[Any]:
        """The address of a name."""
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """Nothing is open."""


async def main(servers: int, port: int, rounds: int) -> None:
    pair = keys.generate()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=_Here())) as session:

        async def one(number: int) -> None:
            host = f"h{number}.localhost:{port}"
            headers = await asyncio.to_thread(
                signatures.sign_request,
                method="POST",
                target="/ap/inbox",
                host=host,
                body=BODY,
                key_id="http://elm.localhost/ap/instance#main-key",
                key=pair.rsa,
                date=Clock().now(),
            )
            async with session.post(f"http://{host}/ap/inbox", data=BODY, headers=headers) as answer:
                assert answer.status == 202

        for _ in range(rounds):
            print("ready", flush=True)
            sys.stdin.readline()
            await asyncio.gather(*(one(number) for number in range(servers)))


if __name__ == "__main__":
    asyncio.run(main(*(int(word) for word in sys.argv[1:])))
