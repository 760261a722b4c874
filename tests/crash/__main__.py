"""`make crash`: a server is killed with SIGKILL at random moments while residents post and deliveries run.

After every restart each post that was answered with a page of its own must be there; in the end the neighbour must
have each of those exactly once, and both files must be sound. `python -m tests.crash [KILLS]`, 200 by default.
"""

from __future__ import annotations

import http.client
import secrets
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path

from fedhood.simulator import story
from fedhood.simulator.town import House, Resident, Town, until
from fedhood.simulator.visitor import Visitor

WRITERS = 6
LONGEST_LIFE = 0.9  # seconds that a server lives once it answers, at most


class Writer(threading.Thread):
    """A resident who posts again and again and notes what was answered."""

    def __init__(self, visitor: Visitor, who: str, name: str) -> None:
        super().__init__(daemon=True)
        self.visitor, self.who, self.label = visitor, who, name
        self.answered: list[str] = []
        self.busy = False
        self.going = True
        self.open = threading.Event()

    def run(self) -> None:
        number = 0
        while self.going:
            self.open.wait(1)
            number += 1
            text = f"canary {self.label} {number} ."
            self.busy = True
            try:
                page = self.visitor.submit("/compose", {"text": text, "who": self.who})
            except LookupError:
                continue  # a page of refusal has no form: nothing was sent
            except (OSError, http.client.HTTPException):
                self.open.clear()
                continue
            finally:
                self.busy = False
            if page.status == 200 and page.url.startswith("/p/"):
                self.answered.append(text)


def texts(house: House) -> list[str]:
    db = sqlite3.connect(f"file:{house.settings.data_dir / 'fedhood.db'}?mode=ro", uri=True)
    try:
        return [row[0] for row in db.execute("SELECT text FROM post WHERE text LIKE 'canary %'")]
    finally:
        db.close()


def waiting(house: House) -> int:
    db = sqlite3.connect(f"file:{house.settings.data_dir / 'fedhood.db'}?mode=ro", uri=True)
    try:
        return int(db.execute("SELECT count(*) FROM delivery WHERE state = 'waiting'").fetchone()[0])
    finally:
        db.close()


def sound(house: House) -> bool:
    db = sqlite3.connect(house.settings.data_dir / "fedhood.db")
    try:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        db.close()


def main(kills: int) -> int:
    with tempfile.TemporaryDirectory(prefix="fedhood-crash-") as folder, Town(Path(folder)) as town:
        people = tuple(Resident(name=f"Writer {n}", language="fr", keeper=n == 0) for n in range(WRITERS))
        elm = town.build("elm", name="L’Orme", languages=("fr",), households_there=1450, people=people)
        oak = town.build(
            "oak",
            name="Eik",
            languages=("nl",),
            households_there=1570,
            people=(Resident(name="Wilma", language="nl", keeper=True),),
        )
        town.wait_until_open()
        peer(elm.visitors["Writer 0"], oak.visitors["Wilma"], oak)
        who = until(lambda: story.choice(elm.visitors["Writer 0"], "Eik"), "Elm may write for Oak")
        writers = [Writer(visitor, who, name.replace(" ", "")) for name, visitor in elm.visitors.items()]
        for writer in writers:
            writer.open.set()
            writer.start()
        begun, both = time.monotonic(), 0
        for kill in range(1, kills + 1):
            time.sleep(secrets.randbelow(1000) / 1000 * LONGEST_LIFE)
            asking = any(writer.busy for writer in writers)
            elm.process.kill()
            elm.process.wait()
            both += asking and waiting(elm) > 0
            answered = {text for writer in writers for text in list(writer.answered)}
            lost = answered - set(texts(elm))
            if lost:
                print(f"kill {kill}: lost {sorted(lost)[:3]}")
                return 1
            town.start(elm)
            try:
                town.wait_until_open()
            except TimeoutError:
                print((Path(folder) / "elm.log").read_text(errors="replace")[-4000:])
                raise
            for writer in writers:
                writer.open.set()
            if kill % 20 == 0:
                print(
                    f"{kill} kills, {len(answered)} posts answered, {both} with a request and a delivery under way, "
                    f"{time.monotonic() - begun:.0f} s",
                    flush=True,
                )
        for writer in writers:
            writer.going = False
        for writer in writers:
            writer.join(20)
        print(f"{waiting(elm)} deliveries still wait", flush=True)
        until_delivered(elm, oak)
        here, there = texts(elm), texts(oak)
        answered = [text for writer in writers for text in writer.answered]
        missing = sorted(set(here) - set(there))
        twice = sorted({text for text in there if there.count(text) > 1})
        whole = sound(elm) and sound(oak)
        print(
            f"{kills} kills in {time.monotonic() - begun:.0f} s, {both} of them with a request unanswered and a "
            f"delivery under way; {len(answered)} posts answered, {len(set(answered) - set(here))} lost here, "
            f"{len(missing)} missing next door, {len(twice)} there twice; integrity {'ok' if whole else 'BROKEN'}"
        )
        return int(bool(set(answered) - set(here) or missing or twice or not whole or both < kills * 3 // 4))


def until_delivered(elm: House, oak: House) -> None:
    """Wait until nothing waits here and nothing is unread there, as long as it gets less."""
    left, end = -1, 0.0
    while (now := waiting(elm) + unread(oak)) and (now != left or time.monotonic() < end):
        if now != left:
            left, end = now, time.monotonic() + 100  # longer than the steps of the backoff that a slow machine meets
        time.sleep(0.2)
    if waiting(elm):
        print(how_it_goes(elm))


def how_it_goes(house: House) -> str:
    """What the server that sends knows of its neighbour."""
    db = sqlite3.connect(f"file:{house.settings.data_dir / 'fedhood.db'}?mode=ro", uri=True)
    try:
        return repr(db.execute("SELECT failures, next_at, last_ok, last_error, trouble_since FROM host").fetchall())
    finally:
        db.close()


def unread(house: House) -> int:
    db = sqlite3.connect(f"file:{house.settings.data_dir / 'fedhood.db'}?mode=ro", uri=True)
    try:
        return int(db.execute("SELECT count(*) FROM inbound WHERE state IN ('waiting', 'parked')").fetchone()[0])
    finally:
        db.close()


def peer(first: Visitor, second: Visitor, oak: House) -> None:
    first.submit("/host/neighbours", {"host": oak.address})
    for keeper in (second, first):
        page = until(lambda keeper=keeper: story.match_form(keeper), "the letters are there")
        story.say_they_match(keeper, page)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
