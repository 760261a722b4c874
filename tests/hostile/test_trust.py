"""A16 to A18: who is only asked reads nothing; nothing is quoted or hidden in what is read."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from fedhood.core import peers, posts
from fedhood.core.peers import PeerState
from fedhood.core.posts import Audience
from tests.hostile.marking import published
from tests.hostile.street import INSTANCE_INBOX, number

if TYPE_CHECKING:
    from tests.hostile.peer import Peer
    from tests.hostile.street import Street

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def tell_everybody(street: Street, text: str) -> int:
    """Bob tells all neighbours whom he can tell."""
    offered = await street.oak.database.read(posts.offered, neighbourhood=street.bob.neighbourhood)
    widest = max(offered, key=lambda one: len(one.places))
    post: int = await street.oak.database.write(
        posts.publish, by=street.bob, text=text, audience=Audience.NEIGHBOURS, places=widest.places
    )
    await street.settle()
    return post


def heard(evil: Peer, text: str) -> bool:
    """Whether words reached a hostile server."""
    return any(evil.base in url and text in str(said) for url, said in evil.world.received)


@published("A16")
async def test_who_was_asked_and_did_not_agree_is_told_nothing_and_shown_nothing(street: Street, evil: Peer) -> None:
    pending = street.stranger()
    await street.oak.database.write(peers.propose, by=street.bob, host=pending.host)
    await street.settle()
    theirs = await street.oak.database.read(peers.by_host, pending.host)
    await street.oak.database.write(peers.confirm, by=street.bob, peer_id=theirs.id, pairs=None)
    await street.settle()
    follow = next(said for url, said in pending.world.received if pending.base in url and said["type"] == "Follow")

    async def reads_nothing(text: str) -> None:
        state = (await street.oak.database.read(peers.get, theirs.id)).state
        assert state is not PeerState.AGREED
        post = await tell_everybody(street, text)
        assert heard(evil, text)
        assert not heard(pending, text)
        asked = await street.send(pending.asking(street.host, f"/ap/notes/{post}"))
        never = await street.send(pending.asking(street.host, "/ap/notes/25099000000000001"))
        assert (asked.status, asked.body) == (404, never.body)
        assert (await street.send(evil.asking(street.host, f"/ap/notes/{post}"))).status == 200

    await reads_nothing("P-CANARY before any answer")
    yes = pending.accept(number(), follow, [(pending.group, street.group)])
    by_mallory = pending.proved({name: yes[name] for name in yes if name != "proof"} | {"actor": pending.mallory})
    assert (await street.deliver(pending, by_mallory, INSTANCE_INBOX)).startswith(("403", "401"))
    by_evil = evil.accept(number(), follow, [(evil.group, street.group)])
    assert (await street.deliver(evil, by_evil, INSTANCE_INBOX)).startswith("refused")
    await reads_nothing("P-CANARY after others have answered for it")
    # it grants us all it likes: what we grant is another thing
    assert await street.deliver(pending, yes, INSTANCE_INBOX) == "understood"
    await reads_nothing("P-CANARY after its own yes, without having asked")


@published("A17")
async def test_what_is_not_to_be_passed_on_is_neither_announced_twice_nor_quoted(street: Street, evil: Peer) -> None:
    theirs = await street.told("Not to be quoted anywhere")
    note = evil.note(number(), [evil.group, street.group])
    before = street.digest()
    once = evil.announced(evil.created(note), number=number())
    twice = evil.announced(once, number=number())
    assert (await street.deliver(evil, twice)).split(" ")[0] in {"ignored", "refused"}
    of_elms = evil.announced({"id": theirs.uri, "type": "Note"}, number=number())
    assert (await street.deliver(evil, of_elms)).split(" ")[0] in {"ignored", "refused"}
    assert street.digest() == before
    quoting = dict.fromkeys(("quote", "quoteUrl", "quoteUri", "_misskey_quote", "inReplyToAtomUri"), theirs.uri) | {
        "tag": [{"type": "Link", "rel": "https://misskey-hub.net/ns#_misskey_quote", "href": theirs.uri}]
    }
    note = evil.note(number(), [evil.group, street.group], content="<p>Look at this</p>", **quoting)
    said = evil.announced(evil.created(note), number=number())
    assert await street.deliver(evil, said) == "understood"
    post = await street.row(note["id"])
    page = await street.page(f"/p/{post.id}")
    assert "Look at this" in page.text
    assert "Not to be quoted anywhere" not in page.text


LINK = re.compile(r'<a href="(https?://[^"]*)"[^>]*>([^<]*)</a>')
HIDDEN = (
    '<p>See <a href="https://evil.example/?good.example"><span class="invisible">https://evil.example/?</span>'
    '<span class="ellipsis">good.example/help</span></a></p>',
    '<p><a href="https://evil.example/" rel="me">good.example</a><span style="display:none">nobody reads this</span>',
    '<p>good\u202eelpmaxe.live\u202c and <font color="white">white</font><!-- a remark --><template>t</template></p>',
)


@published("A18")
async def test_a_text_shows_all_of_itself_and_leads_nowhere_by_another_name(street: Street, evil: Peer) -> None:
    for html, shown in zip(
        HIDDEN, ("https://evil.example/?good.example/help", "nobody reads this", "white"), strict=True
    ):
        note = evil.note(number(), [evil.group, street.group], content=html)
        assert await street.deliver(evil, evil.announced(evil.created(note), number=number())) == "understood"
        post = await street.row(note["id"])
        assert shown in post.text
        page = (await street.page(f"/p/{post.id}")).text
        # what is a link says where it leads
        links = LINK.findall(page)
        assert all(unescape(href) == unescape(text) for href, text in links)
        assert len(links) == shown.startswith("https://")
        assert 'rel="me"' not in page
        assert "invisible" not in page
        assert "display:none" not in page
