"""Who may call: an allow-list of Host (DNS rebinding) and Origin, the token, a limit on bodies; headers on every answer."""

from __future__ import annotations

import json
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stylespace.studio.settings import StudioSettings

COOKIE = "stylespace-token"
SPARE = 1 << 20  # bytes of a form beside its files
LARGE = ("/v1/video", "/v1/add-style", "/v1/learn-style")  # take a film or many pictures
CLOSED = 1008  # WebSocket: policy violation
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; media-src 'self' blob:;"
    " manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, settings: StudioSettings) -> None:
        self.app, self.settings = app, settings
        self.open = 0  # calls that are being answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the call, or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        if (refusal := self._refusal(headers)) is not None:
            return await _refuse(scope, send, *refusal)
        if not self._has_token(headers):
            if scope["type"] == "http" and scope["path"] == "/" and self._is_token(_given(scope)):
                return await self._welcome(send)
            return await _refuse(scope, send, 401, "The token is missing or wrong: open the address that the server printed.")
        if scope["type"] == "websocket":
            return await self.app(scope, receive, send)
        if self.open >= self.settings.calls:
            return await _refuse(scope, send, 429, "Too many calls at once: try again in a moment.")
        self.open += 1
        try:
            await self.app(scope, self._limited(scope["path"], headers, receive), _with_headers(send))
        finally:
            self.open -= 1

    def _refusal(self, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if _name(f"//{host}") not in self.settings.names:
            return 421, "This server does not answer to that host name: call it by its own address."
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return 403, "Another site's page may not call this server."
        return None

    def _has_token(self, headers: Headers) -> bool:
        if self.settings.token is None:
            return True
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._is_token(token):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and self._is_token(cookie.value)

    def _is_token(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), (self.settings.token or "").encode())

    async def _welcome(self, send: Send) -> None:
        """Keep the token in a cookie that no script can read, and the address free of it."""
        cookie = f"{COOKIE}={self.settings.token}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
        await _with_headers(send)({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _limited(self, path: str, headers: Headers, receive: Receive) -> Receive:
        """``receive`` that ends a body larger than uploads may be."""
        most = self.settings.film_bytes if path in LARGE else self.settings.max_bytes
        limit, seen = most + SPARE, 0
        text = f"The upload is larger than {most >> 20} MB: make the file smaller."
        stated = headers.get("content-length", "0")

        async def limited() -> Message:
            nonlocal seen
            if not stated.isdigit() or int(stated) > limit:
                raise HTTPException(413, text)
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413, text)
            return message

        return limited


def _name(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _given(scope: Scope) -> str:
    return parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending


async def _refuse(scope: Scope, send: Send, status: int, text: str) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": CLOSED, "reason": text[:120]})
    body = json.dumps({"detail": text}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await _with_headers(send)({"type": "http.response.start", "status": status, "headers": headers})
    return await send({"type": "http.response.body", "body": body})
