"""`make pictures`: tells the demo's story and photographs its pages with Chromium, for the README.

A small relay on this machine lends each picture the session of the person whose page it is.
"""

from __future__ import annotations

import http.client
import http.server
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from fedhood.simulator import story
from fedhood.simulator.town import House, Town

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE, DESK = (500, 1060), (1280, 900)


class Relay(http.server.ThreadingHTTPServer):
    """Passes every request on to one house, as one of the people who live there."""

    def __init__(self, house: House, who: str) -> None:
        self.house, self.token = house, house.tokens[who]
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Relay

    def do_GET(self) -> None:
        port = int(self.server.house.settings.listen.rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(
            "GET", self.path, headers={"Host": self.server.house.settings.host, "Cookie": f"sid={self.server.token}"}
        )
        answer = connection.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name in ("Content-Type", "Content-Security-Policy"):
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        connection.close()

    def log_message(self, *_: object) -> None:
        pass


def photograph(
    chromium: str, relay: Relay, path: str, file: Path, size: tuple[int, int], *, dark: bool = False
) -> None:
    with tempfile.TemporaryDirectory(prefix="fedhood-chromium-") as profile:
        subprocess.run(
            [
                chromium,
                *FLAGS,
                f"--user-data-dir={profile}",
                f"--window-size={size[0]},{size[1]}",
                *(["--blink-settings=preferredColorScheme=0"] if dark else []),
                f"--screenshot={file}",
                f"http://127.0.0.1:{relay.server_port}{path}",
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
    print(file)


def main(folder: Path) -> int:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("Chromium is needed: sudo apt install chromium", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fedhood-pictures-") as name, Town(Path(name)) as town:
        scene = story.build(town)
        for _, step in story.STEPS:
            step(scene)
        relays = {
            "elm": Relay(scene.elm, story.ELM[0]),
            "keeper": Relay(scene.elm, story.ELM[1]),
            "oak": Relay(scene.oak, story.OAK[1]),
            "city": Relay(scene.city, story.CLERK),
        }
        for relay in relays.values():
            threading.Thread(target=relay.serve_forever, daemon=True).start()
        asker = scene.oak.visitors[story.OAK[1]]
        own = [page for page in asker.get("/help").links(r"/help/[0-9]+") if asker.get(page).says(story.AGAIN)]
        quarter = scene.quarter.id if scene.quarter else ""
        pictures = (
            ("elm", "/", "home.png", PHONE, False),
            ("elm", "/", "home-dark.png", PHONE, True),
            ("elm", "/help/new", "ask.png", PHONE, False),
            ("oak", own[0], "offers.png", PHONE, False),
            ("keeper", "/host/neighbours", "neighbours.png", DESK, False),
            ("city", f"/city?period={quarter}", "city.png", DESK, False),
            ("elm", "/", "home-desk.png", DESK, False),
            ("elm", "/notifications", "news.png", PHONE, False),
        )
        for who, path, file, size, dark in pictures:
            photograph(chromium, relays[who], path, folder / file, size, dark=dark)
        for relay in relays.values():
            relay.shutdown()
            relay.server_close()
        return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/pictures")))
