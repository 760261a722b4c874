"""The story, a step at a time. What neighbours do is told by the demo's own steps; what a host meets is told here."""

from __future__ import annotations

import errno
import re
import socket
import ssl
import sys
from typing import TYPE_CHECKING

from fedhood.simulator import story
from fedhood.simulator.story import CLERK, ELM, OAK
from fedhood.simulator.town import SOURCE, SOURCE_DATE, until
from tests.serve_story.hosted import Hosted
from tests.serve_story.rig import HOSTS, PEOPLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.simulator.visitor import Page, Visitor
    from tests.serve_story.rig import Rig

    Step = Callable[[Rig], str]

# name, households, language of who sets the place up; a city has no households of its own
_PLACES = {"elm": ("L’Orme", "1450", "fr"), "oak": ("Eik", "1570", "nl"), "mechelen": ("Mechelen", "", "en")}
_FIRST = {"elm": ELM[1], "oak": OAK[1], "mechelen": CLERK}
_PASSPHRASE = {
    "fr": "pont lampe parapluie tour",
    "nl": "brug lantaarn paraplu toren",
    "en": "bridge lamp umbrella door",
}
_OUTSIDE = ("1.1.1.1", "2606:4700:4700::1111")
_IN_VAIN = ("Network is unreachable", "Address family not supported", "Cannot assign requested address")
_TRY = "import socket,sys\nsocket.create_connection((sys.argv[1], 443), timeout=5)"
_HONEST = "Figures begin when their protection is built. Nothing is sent."


def nothing_leads_out(rig: Rig) -> str:
    """From every machine, an address outside is asked for in vain."""
    for machine in rig.machines.values():
        for address in _OUTSIDE:
            done = machine.run([sys.executable, "-c", _TRY, address])
            if done.returncode == 0 or not any(word in done.stderr for word in _IN_VAIN):
                raise AssertionError(f"{machine.name} may have reached {address}: {done.stderr[-200:]}")
    for address in _OUTSIDE:  # and from where the phones are
        try:
            socket.create_connection((address, 443), timeout=5).close()
        except OSError as failure:
            if failure.errno not in {errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
                raise
        else:
            raise AssertionError(f"{address} was reached")
    return f"{len(rig.machines)} machines on one cable, and nobody beyond it can be reached"


def the_places_are_set_up(rig: Rig) -> str:
    """Each first moderator opens the address that their server printed, and answers the questions."""
    rig.open()
    for key, server in rig.servers.items():
        name, households, language = _PLACES[key]
        phone = rig.scene_visitor(key, _FIRST[key])
        path = until(server.set_up_address, f"the server of {name} prints where it is set up")
        fields = {"place": name, "name": _FIRST[key], "language": language, "passphrase": _PASSPHRASE[language]}
        if households:
            fields |= {"households": households, "households_source": SOURCE, "households_on": SOURCE_DATE}
        page = phone.submit(path, fields)
        if page.status != 200 or "__Host-sid" not in phone.cookies:
            raise AssertionError(f"{name} was not set up: {page.status} {page.text[-500:]}")
    return f"{', '.join(_FIRST.values())} each opened the address that fedhood serve printed"


def neighbours_come_in(rig: Rig) -> str:
    """A sheet of codes is printed for each neighbourhood, and a code opens the door once."""
    for key in ("elm", "oak"):
        keeper = rig.scene_visitor(key, _FIRST[key])
        sheet = keeper.submit("/host/codes", {"count": "4"})
        codes = re.findall(r'<p class="code">([^<]+)</p>', sheet.text)
        rig.codes.update(codes)
        for name, code in zip((who for who in PEOPLE[key] if who != _FIRST[key]), codes, strict=False):
            _join(rig.scene_visitor(key, name), code, name, _PLACES[key][2])
        again = rig.phone(HOSTS[key]).submit("/join", {"code": codes[0]})
        if again.status != 422:
            raise AssertionError("a code that was used opens the door again")
    return "four came in with the codes of a printed sheet; no code opened twice"


def _join(phone: Visitor, code: str, name: str, language: str) -> Page:
    questions = phone.submit("/join", {"code": code})
    page = phone.fill_in(questions, "/join", {"name": name, "language": language, "passphrase": _PASSPHRASE[language]})
    if page.status != 200 or page.url != "/":
        raise AssertionError(f"{name} does not come in: {page.status} {page.text[-500:]}")
    return page


def the_city_joins(rig: Rig) -> str:
    """As in the demo, and then the city says honestly that it has no figures."""
    said = story.the_city_joins(rig.scene)
    pages = [rig.scene_visitor("mechelen", CLERK).get("/city")]
    pages += [rig.phone(HOSTS[key]).get("/metrics/v1/") for key in ("elm", "oak")]
    for page in pages:
        if not page.says(_HONEST):
            raise AssertionError(f"{page.url} does not say that nothing is sent")
    return f"{said}; the city says that figures begin when their protection is built"


def the_doctor_is_content(rig: Rig) -> str:
    """`fedhood doctor` beside each running server."""
    for server in rig.servers.values():
        until(lambda server=server: _well(server), f"the doctor is content with {server.host}")
    return "fedhood doctor finds nothing wrong on three servers"


def _well(server: Hosted) -> bool:
    found = server.doctor()
    return all(found[name][0] == "ok" for name in ("neighbours", "clock"))


def elm_dies_in_the_midst(rig: Rig) -> str:
    """Elm is killed right after a post; both sides write meanwhile; all of it arrives, each once."""
    elm, (writer, other) = rig.servers["elm"], (rig.scene.at_elm(2), rig.scene.at_oak(1))
    ours, theirs, held = (
        "Le marché déménage place du Puits.",
        "De kraan op het pleintje lekt weer.",
        "La fanfare répète jeudi sous nos fenêtres.",
    )
    form = writer.get("/compose")
    held_form = {"text": held, "who": story.choice(writer, "Eik")}
    _write(writer, ours, "Eik")
    elm.kill()
    _write(other, theirs, "L’Orme")
    if (status := writer.fill_in(form, "/compose", held_form).status) != 502:
        raise AssertionError(f"a form that nobody took was answered {status}")
    elm.serve()
    if rig.with_caddy and (status := writer.get("/about").status) != 200:
        raise AssertionError(f"a page was not waited for: {status}")
    _until_up(writer)
    writer.fill_in(form, "/compose", held_form)
    for text in (ours, held):
        _read_once(rig.scene.at_oak(), text)
    _read_once(rig.scene.at_elm(), theirs)
    return "killed in the midst and started again: what either wrote was read next door, once"


def _until_up(visitor: Visitor) -> None:
    until(lambda: visitor.get("/about").status == 200, "the server is up")


def _write(writer: Visitor, text: str, beside: str) -> None:
    page = writer.submit("/compose", {"text": text, "who": story.choice(writer, beside)})
    if not page.url.startswith("/p/"):
        raise AssertionError(f"not published: {page.status} {page.text[-500:]}")


def _read_once(reader: Visitor, text: str) -> None:
    # a server that just moved may be looked for where it was, and is tried again after 15 seconds
    until(lambda: reader.get("/").says(text), f"{text} is read", patience=40)
    times = reader.get("/").text.count(text)
    if times != 1:
        raise AssertionError(f"{text} is there {times} times")


def _waits_and_arrives(rig: Rig, text: str, word: str, reason: str, mend: Callable[[], None]) -> None:
    """Elm writes for Oak, in vain, for this reason; it is mended, Oak says something, and it arrives."""
    elm, oak = rig.scene.at_elm(2), rig.scene.at_oak(1)
    _write(elm, text, "Eik")
    found = until(lambda: _trouble(rig.servers["elm"], reason), f"the doctor says: {reason}")
    if HOSTS["oak"] not in found:
        raise AssertionError(f"the doctor does not say which server it is: {found}")
    mend()
    if rig.scene.at_oak().get("/").says(text):
        raise AssertionError("it arrived although nobody could be reached")
    _write(oak, word, "L’Orme")
    _read_once(rig.scene.at_elm(), word)
    _read_once(rig.scene.at_oak(), text)
    until(lambda: _well(rig.servers["elm"]), "the doctor is content again")


def _trouble(server: Hosted, reason: str) -> str:
    outcome, said = server.doctor()["neighbours"]
    return said if outcome == "look" and reason in said else ""


def a_name_is_missing(rig: Rig) -> str:
    """Elm comes up while nobody tells it where oak.example is."""
    rig.servers["elm"].stop()
    rig.tell_names(unknown_at_elm=frozenset({HOSTS["oak"]}))
    rig.servers["elm"].serve()
    _until_up(rig.scene.at_elm())
    _waits_and_arrives(
        rig, "La cage d’escalier est repeinte.", "Wie leent een ladder?", "its name is not known", rig.tell_names
    )
    return "what Elm wrote waited, the doctor said why, and it arrived when the name was back"


def a_certificate_of_nobody(rig: Rig) -> str:
    """Oak's proxy shows a certificate of an authority that nobody trusts."""
    oak = HOSTS["oak"]
    rig.proxies["oak"].start(rig.nobodys.vouch(oak))
    _phones_refuse(rig)

    def mend() -> None:
        rig.proxies["oak"].start(rig.authority.vouch(oak))

    _waits_and_arrives(
        rig, "Qui a perdu un gant rouge ?", "De bus rijdt om.", "nobody whom we trust vouches for its certificate", mend
    )
    return "no phone and no server spoke to it; what waited arrived under the right certificate"


def a_certificate_that_lapsed(rig: Rig) -> str:
    """Oak's certificate was not renewed in time."""
    oak = HOSTS["oak"]
    rig.proxies["oak"].start(rig.authority.vouch(oak, days_left=-2))
    _phones_refuse(rig)

    def mend() -> None:
        rig.proxies["oak"].start(rig.authority.vouch(oak))

    _waits_and_arrives(rig, "Le banc est réparé.", "Er ligt ijzel op de brug.", "its certificate has lapsed", mend)
    return "what Elm wrote waited, the doctor said why, and it arrived when the certificate was renewed"


def _phones_refuse(rig: Rig) -> None:
    try:
        rig.scene.at_oak().get("/")
    except ssl.SSLCertVerificationError:
        return
    raise AssertionError("a phone takes the certificate")


def oak_moves(rig: Rig) -> str:
    """A backup is made while Oak runs; its machine dies; the backup is put back on another one, elsewhere.

    What Elm said in between is asked for again.
    """
    old = rig.servers["oak"]
    file = rig.folder / "oak.tar"
    old.command("backup", str(file))
    between = "On cherche un quatrième pour la belote."
    _write(rig.scene.at_elm(2), between, "Eik")
    _read_once(rig.scene.at_oak(), between)
    rig.machines["oak"].pull_the_plug()
    rig.machines["oak"] = rig.machine("oak-anew")
    rig.servers["oak"] = new = Hosted(rig.machines["oak"], HOSTS["oak"], trusts=rig.trusts)
    new.command("restore", str(file))
    rig.tell_names(moved={HOSTS["oak"]: "oak-anew"})
    new.serve()
    rig.proxies["oak"] = rig.proxy("oak")
    rig.proxies["oak"].start(rig.authority.vouch(HOSTS["oak"]))
    _until_up(rig.scene.at_oak())
    _read_once(rig.scene.at_oak(), between)
    there, here = "We zijn verhuisd, alles is er nog.", "Bon retour !"
    _write(rig.scene.at_oak(1), there, "L’Orme")
    _read_once(rig.scene.at_elm(), there)
    _write(rig.scene.at_elm(2), here, "Eik")
    _read_once(rig.scene.at_oak(), here)
    return "put back on another machine at another address; what Elm said since was asked for; nobody signed in anew"


def the_logs_keep_quiet(rig: Rig) -> str:
    """Nothing that people wrote, nothing that opens a door and nobody's address is in any log."""
    phones = rig.phones()
    quiet = {story.FOR_BOTH, story.FOR_ELM, story.LINE, story.NOTE, story.OFFER, story.REPLY, *_PASSPHRASE.values()}
    quiet |= {phone.address for phone in phones} | {value for phone in phones for value in phone.cookies.values()}
    quiet |= rig.codes
    files = [file for file in rig.folder.glob("*/log/**/*") if file.is_file()]
    for file in files:
        text = file.read_text("utf-8", errors="replace")
        said = [words for words in quiet if words in text]
        # the address of the set-up is printed for who hosts the server, and is in no other log
        if file.name == "proxy.log" or file.parent.name == "caddy":
            said += re.findall(r"/setup/[\w-]{20,}", text)
        if said:
            raise AssertionError(f"{file} holds {said}")
    if not any(file.stat().st_size for file in files):
        raise AssertionError("there are no logs")
    return f"{len(files)} logs, and in none of them a word, a code, a cookie or an address of anybody"


def _told(step: Callable[[story.Scene], str]) -> Step:
    return lambda rig: step(rig.scene)


STEPS: tuple[tuple[str, Step], ...] = (
    ("Nothing leads out", nothing_leads_out),
    ("The places are set up in a browser", the_places_are_set_up),
    ("Neighbours come in", neighbours_come_in),
    *((title, _told(step)) for title, step in story.STEPS[: story.STEPS.index(("Help came", story.help_came)) + 1]),
    ("The city joins", the_city_joins),
    ("The doctor looks in", the_doctor_is_content),
    ("Elm’s server dies in the midst", elm_dies_in_the_midst),
    ("A name is missing", a_name_is_missing),
    ("A certificate that nobody vouches for", a_certificate_of_nobody),
    ("A certificate that lapsed", a_certificate_that_lapsed),
    ("Oak moves to another machine", oak_moves),
    ("The doctor looks in again", the_doctor_is_content),
    ("The logs keep quiet", the_logs_keep_quiet),
)
