import pytest
from datetime import timedelta
from fedhood.core import help_requests, posts
from tests.adapters.web.browser import Browser, site
from tests.adapters.web.test_render import Page
from tests.support import people

async def test_smoke(running, clock, aiohttp_client):
    db = running
    elm = people.neighbourhood(db, "Elm"); oak = people.neighbourhood(db, "Oak")
    people.neighbours(db, elm, oak)
    ana = people.resident(db, "Ana Dakkapel", elm, moderator=True)
    bob = people.resident(db, "Bob Vensterbank", oak)
    app = site(db, clock)
    a = Browser(await aiohttp_client(app))
    b = Browser(await aiohttp_client(a.client.server))
    async def show(x, p, status=200):
        t = await x.get(p)
        print("=====", p, x.status); print(x.words[:1500])
        assert x.status == status, t
        assert Page(t).open == []
    for p in ["/", "/n/elm", "/sign-in", "/join", "/about","/rules","/privacy","/accessibility","/link/xyz"]:
        await show(a, p)
    a.sign_in_as(db, ana); b.sign_in_as(db, bob)
    for p in ["/", "/n/elm", "/compose", "/help", "/help/new","/notifications","/account","/host","/host/neighbours","/host/codes","/host/people","/host/people/1/link"]:
        await show(a, p)
    await a.get("/compose")
    await a.press("/compose", text="Water main work\n\nhttps://x.example/a?b=1&c=2, yes", who="neighbours.1.2", category="question")
    print(a.words)
    await b.get("/"); print(b.words)
    await a.get("/help/new")
    await a.press("/help/new", line="Carry a washer", note="Street 12", category="carrying", area="Elm Sq", until="2026-11-26T18:00", who="neighbours.1.2")
    print(a.words); rid = None
    import re
    await b.get("/help"); print(b.words); path = re.search(r'/help/\d+', b.text).group()
    await b.get(path); print(b.words)
    await b.press(path+"/offer", text="I have a trolley"); print(b.words)
    await a.get(path); print(a.words)
    ch = re.search(r'action="([^"]*choose)"', a.text).group(1)
    await a.press(ch); print(a.words)
    await b.get(path+"/talk"); print(b.words)
    await b.press(path+"/talk", text="Saturday?")
    await a.get(path+"/talk")
    await a.press(path+"/resolve", outcome="with-neighbour"); print(a.words)
    await a.press(path+"/met", answer="yes"); print(a.words)
    await b.get("/notifications"); print(b.words)
    await b.get("/nothing"); print(b.status, b.words)
