"""The service as one FastAPI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import stylespace
from stylespace.errors import StylespaceError
from stylespace.studio.metrics import Metrics
from stylespace.studio.routes import adding, compare, films, health, jobs, library, live, page, paint, results, styles
from stylespace.studio.routes.answers import ALWAYS
from stylespace.studio.safety import Guard
from stylespace.studio.settings import StudioSettings
from stylespace.studio.state import Studio

TIDY = 600.0  # seconds
ABOUT = "Photographs redrawn in the style of other pictures. The same pipelines as the command line."


def application(settings: StudioSettings | None = None) -> FastAPI:
    """The application, with its network loaded. Raises ``InputError`` and ``WeightsError``."""
    studio = Studio(settings or StudioSettings())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        studio.jobs.start()
        studio.pool.submit(studio.warm)
        tidying = asyncio.create_task(_tidying(studio))
        yield
        tidying.cancel()
        await studio.close()

    app = FastAPI(
        title="Stylespace",
        version=stylespace.__version__,
        description=ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=ALWAYS,
    )
    app.state.studio = studio
    for each in (paint, live, styles, compare, jobs, films, adding, results, library, health, page):
        app.include_router(each.router)
    app.add_exception_handler(StylespaceError, _refusal)
    app.add_exception_handler(Exception, _broken)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_middleware(Guard, settings=studio.settings)
    app.add_middleware(Counted, metrics=studio.metrics)  # around the guard: what it refuses counts, too
    return app


async def _tidying(studio: Studio) -> None:
    """Delete what is too old also where nobody calls."""
    while True:
        await asyncio.sleep(TIDY)
        studio.tidy()


class Counted:
    """ASGI middleware that counts answers by status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on."""

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.metrics.answers.labels(str(message["status"])).inc()
            await send(message)

        await self.app(scope, receive, counting)


async def _refusal(request: Request, error: Exception) -> JSONResponse:
    """An error of ours is a sentence for the caller."""
    return JSONResponse({"detail": str(error)}, 422)


async def _broken(request: Request, error: Exception) -> JSONResponse:
    """What should not happen; the server's log has it."""
    return JSONResponse({"detail": "Something unexpected happened: the server's log says what."}, 500)


async def _misread(request: Request, error: Exception) -> JSONResponse:
    """What is wrong with a request, in one sentence, with the details beside it."""
    assert isinstance(error, RequestValidationError)
    found = [{"where": [str(part) for part in each["loc"]], "what": str(each["msg"])} for each in error.errors()]
    return JSONResponse({"detail": sentence(found), "errors": found}, 422)


def sentence(found: list[dict[str, Any]]) -> str:
    """The first of pydantic's findings as a sentence."""
    where = ".".join(part for part in found[0]["where"] if part != "body")
    return f"{where or 'The request'}: {found[0]['what']}."
