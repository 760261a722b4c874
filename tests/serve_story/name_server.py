"""A name server that knows no name: to every question it says NXDOMAIN. `python -m … ADDRESS`."""

from __future__ import annotations

import socket
import sys

_ANSWER_NO_SUCH_NAME = b"\x81\x83"  # RFC 1035, 4.1.1: an answer, recursion wanted and given, RCODE 3
_ONE_QUESTION_NO_ANSWER = b"\x00\x01" + 6 * b"\x00"


def answer(question: bytes) -> bytes:
    """The same question, answered with no; empty for what is no question."""
    end = question.find(b"\x00", 12)
    if end < 0 or len(question) < end + 5:
        return b""
    return question[:2] + _ANSWER_NO_SUCH_NAME + _ONE_QUESTION_NO_ANSWER + question[12 : end + 5]


def main(address: str) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as opened:
        opened.bind((address, 53))
        while True:
            question, who = opened.recvfrom(512)
            said = answer(question)
            if said:
                opened.sendto(said, who)


if __name__ == "__main__":
    main(sys.argv[1])
