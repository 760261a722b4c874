"""What crosses on the way, or is said before the other side would hear it: in the end both sides say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core import posts
from tests.stories.test_farewell import in_the_feed, street, tell
from tests.support.world import settle

if TYPE_CHECKING:
    from fedhood.core.access import Viewer
    from tests.support.world import Place

__all__ = ["street"]  # the fixture


async def answers(at: Place, viewer: Viewer, root: str) -> list[str]:
    there = (await in_the_feed(at, viewer))[root].post.id
    return [one.text for one in await at.database.read(posts.thread, root=there, viewer=viewer)]


async def test_a_post_that_is_edited_twice_in_a_second_says_next_door_what_it_says_here(street):
    elm, oak, ana, bob = street
    post = await tell(elm, ana, "The first")
    for text in ("The second", "The third"):
        await elm.database.write(posts.edit, by=ana, post_id=post, text=text)
    await settle(elm, oak)
    assert list(await in_the_feed(oak, bob)) == ["The third"]
