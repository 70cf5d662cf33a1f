"""The outermost layer of every request: id, body limit, log line, and the last safety net."""

import re
from time import perf_counter
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import UNEXPECTED, problem_of
from app.errors import TooLarge

UPLOADS = "/v1/imports"
_REQUEST_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_QUIET = {"/livez", "/readyz"}

log = structlog.get_logger("app.access")


class RequestMiddleware:
    """Gives each request an id (the caller's `X-Request-ID`, if it is a sane one) and a log line.

    A body beyond its limit is refused before it is read, or as soon as it has run over.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, max_upload_bytes: int) -> None:
        self._app = app
        self._max_body = max_body_bytes
        self._max_upload = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event stream."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex[:16]
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started, status = perf_counter(), 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._guarded(scope, receive, send_marked, declared=headers.get("content-length"))
        except Exception:
            log.exception("unexpected_error", method=scope["method"], path=scope["path"])
            if not status:  # else the answer is under way and can only break off
                await UNEXPECTED.response(scope)(scope, receive, send_marked)
        finally:
            took_ms = round(1000 * (perf_counter() - started), 2)
            write = log.debug if scope["path"] in _QUIET else log.info
            write("request", method=scope["method"], path=scope["path"], status=status, ms=took_ms)
            structlog.contextvars.clear_contextvars()

    async def _guarded(
        self, scope: Scope, receive: Receive, send: Send, *, declared: str | None
    ) -> None:
        limit = self._max_upload if scope["path"] == UPLOADS else self._max_body
        too_large = TooLarge(f"the body is larger than the limit of {limit} bytes")
        if declared is not None and declared.isdigit() and int(declared) > limit:
            await problem_of(too_large).response(scope)(scope, receive, send)
            return
        seen, answered = 0, False

        async def receive_counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise too_large
            return message

        async def send_checked(message: Message) -> None:
            nonlocal answered
            if seen <= limit:
                await send(message)
            elif not answered:  # whatever the framework made of the body breaking off
                answered = True
                await problem_of(too_large).response(scope)(scope, receive, send)

        await self._app(scope, receive_counted, send_checked)
