"""The web application: routers, error table, start and stop. Light imports only: no torch."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline

from app.api import health, imports, items, similar
from app.api.errors import add_error_handlers
from app.api.middleware import RequestMiddleware
from app.api.schemas import ProblemOut
from app.services.container import Limits, Services
from app.start import Start

_ABOUT = """\
Similar items from titles and descriptions alone: no labels, no clicks. An item is found by the
first query after it was added.

Reading needs no key. Changing the catalogue needs an admin API key: press **Authorize** and paste
the key that `make serve` printed once (or make one with `metricbert key create NAME`). Errors are
`application/problem+json` (RFC 9457); `code` is stable.
"""


def create_app(
    build: Callable[[], Services],
    limits: Limits,
    *,
    on_failure: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Return the application. `build` runs in a thread once the server is up.

    on_failure: called when `build` fails; the app then answers 503 and says why.
    """
    start = Start(build, on_failure)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        start.begin()
        yield
        await run_in_threadpool(start.close)

    app: FastAPI = FastAPIOffline(
        redoc_url=None,
        title="MetricBERT similar items",
        description=_ABOUT,
        version=version("metricbert"),
        lifespan=lifespan,
    )
    app.state.start = start
    app.add_middleware(
        RequestMiddleware,
        max_body_bytes=limits.max_body_bytes,
        max_upload_bytes=limits.max_upload_bytes,
    )
    add_error_handlers(app)
    for module in (similar, items, imports, health):
        app.include_router(module.router)

    @app.get("/", include_in_schema=False)
    def home() -> RedirectResponse:
        return RedirectResponse("/docs")

    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:  # made when it is first asked for: no start waits for it
            app.openapi_schema = _with_problems(generate())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the framework's own way to extend it
    return app


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Describe errors in the OpenAPI document by the shape they really have."""
    schemas = document["components"]["schemas"]
    problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
    problem.pop("$defs", None)
    schemas["ProblemOut"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path in document["paths"].values():
        for operation in path.values():
            answer = operation["responses"].get("422", {})
            if "application/json" in answer.get("content", {}):
                # the framework adds it where nothing can be invalid, in a shape that never comes
                del operation["responses"]["422"]
    return document
