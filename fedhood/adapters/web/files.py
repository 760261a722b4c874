"""Static files: never changed under their name, so kept by browsers for a year."""

from aiohttp import web

from fedhood.adapters.web.render import static_files
from fedhood.adapters.web.visit import Visit


async def static(visit: Visit) -> web.StreamResponse:
    """`/static/{name}`: from memory, compressed for who takes that. Raises HTTPNotFound."""
    file = static_files().get(visit.request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    zipped = "gzip" in visit.request.headers.get("Accept-Encoding", "")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Type": file.content_type,
        "Vary": "Accept-Encoding",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=file.gzipped if zipped else file.body, headers=headers)
