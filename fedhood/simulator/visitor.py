"""Somebody with a browser, as far as a story needs one: follows links, keeps cookies, fills in forms. No JavaScript."""

from __future__ import annotations

import dataclasses
import html
import http.client
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_HIDDEN = re.compile(r"<input\b([^>]*)>", re.DOTALL)
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')
_TIMEOUT = 15.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What came back."""

    status: int
    url: str
    text: str

    def says(self, words: str) -> bool:
        """Whether these words stand on the page."""
        return words in html.unescape(self.text)

    def links(self, pattern: str) -> list[str]:
        """The addresses on the page that match a pattern, in order, each once."""
        found = re.findall(r'(?:href|action)="(' + pattern + r')"', self.text)
        return list(dict.fromkeys(html.unescape(link) for link in found))


class Visitor:
    """A browser at one server. `host` is its name and, after a colon, the port where it listens on this machine."""

    def __init__(self, host: str, token: str | None = None) -> None:
        self._authority = host
        self._cookies: dict[str, str] = {"sid": token} if token else {}

    def get(self, path: str) -> Page:
        """Open a page, following redirects on this server."""
        return self._request("GET", path, None, follow=5)

    def submit(self, path: str, fields: Mapping[str, str], *, form_on: str | None = None) -> Page:
        """Open the page with the form (by default the form's own address), fill it in and send it.

        Hidden fields are sent along as a browser would. Raises LookupError when the page has no such form.
        """
        return self.fill_in(self.get(form_on or path), path, fields)

    def fill_in(self, page: Page, path: str, fields: Mapping[str, str]) -> Page:
        """Fill in and send a form of a page that is open. Raises LookupError when the page has no such form."""
        return self._request("POST", path, {**_hidden_fields(page.text, path), **fields}, follow=5)

    def _origin(self) -> str:
        """Scheme and authority, as a browser sends them along with a form."""
        return f"http://{self._authority}"

    def _connect(self) -> http.client.HTTPConnection:
        """A connection to the server, not open yet."""
        return http.client.HTTPConnection("127.0.0.1", int(self._authority.rpartition(":")[2]), timeout=_TIMEOUT)

    def _request(self, method: str, path: str, fields: Mapping[str, str] | None, *, follow: int) -> Page:
        connection = self._connect()
        headers = {
            "Host": self._authority,
            "Accept": "text/html",
            "Accept-Language": "en",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()),
        }
        body = None
        if fields is not None:
            body = urlencode(fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = self._origin()
            headers["Sec-Fetch-Site"] = "same-origin"
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            for cookie in answer.headers.get_all("Set-Cookie") or []:
                name, _, value = cookie.partition(";")[0].partition("=")
                self._cookies[name] = value
                if "max-age=0" in cookie.lower():
                    del self._cookies[name]
            location = answer.headers.get("Location")
        finally:
            connection.close()
        if location and answer.status in {301, 302, 303, 307, 308} and follow:
            parts = urlsplit(location)
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            return self._request("GET", target, None, follow=follow - 1)
        return Page(status=answer.status, url=path, text=text)


def _hidden_fields(text: str, path: str) -> dict[str, str]:
    for attributes, content in _FORM.findall(text):
        if dict(_ATTRIBUTE.findall(attributes)).get("action", "").partition("?")[0] == path:
            inputs = [dict(_ATTRIBUTE.findall(found)) for found in _HIDDEN.findall(content)]
            return {
                html.unescape(one["name"]): html.unescape(one.get("value", ""))
                for one in inputs
                if one.get("type") == "hidden" and "name" in one
            }
    raise LookupError(f"no form for {path} on the page")
