"""Errors to answers: one table from error class to status, one shape (RFC 9457) for all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from app.api.schemas import FieldErrorOut, ProblemOut, field_errors
from app.errors import (
    ImportConflict,
    InvalidInput,
    ItemNotEmbedded,
    ItemNotFound,
    NotReady,
    Overloaded,
    ServiceError,
    StoreUnavailable,
    TooLarge,
    Unauthorized,
    UnsupportedType,
)
from app.types import FieldError

STATUS: Mapping[type[ServiceError], HTTPStatus] = {
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    ItemNotFound: HTTPStatus.NOT_FOUND,
    ImportConflict: HTTPStatus.CONFLICT,
    ItemNotEmbedded: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    Overloaded: HTTPStatus.TOO_MANY_REQUESTS,
    NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

_HEADERS: Mapping[type[ServiceError], Mapping[str, str]] = {
    Unauthorized: {"WWW-Authenticate": "Bearer"},
    Overloaded: {"Retry-After": str(Overloaded.retry_after_s)},
    NotReady: {"Retry-After": "1"},
}

_CODES = {404: "route_not_found", 405: "method_not_allowed"}


@dataclass(frozen=True)
class Problem:
    """The members of an error answer that differ from one error to the next."""

    status: HTTPStatus
    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] | None = None

    def response(self, scope: Mapping[str, Any]) -> Response:
        """Return the answer to the request of an ASGI scope."""
        body = ProblemOut(
            type=f"urn:metricbert:problem:{self.code}",
            title=self.status.phrase,
            status=self.status.value,
            detail=self.detail,
            instance=scope["path"],
            code=self.code,
            errors=[FieldErrorOut(field=e.field, message=e.message) for e in self.errors],
            request_id=scope.get("state", {}).get("request_id", ""),
        )
        return JSONResponse(
            body.model_dump(),
            status_code=self.status,
            headers=self.headers,
            media_type="application/problem+json",
        )


UNEXPECTED = Problem(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "internal_error",
    "an unexpected error; the log has it under this request id",
)


def problem_of(error: ServiceError) -> Problem:
    """Return the problem that the table gives for a service's error."""
    status = STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
    return Problem(status, error.code, str(error), error.errors, _HEADERS.get(type(error)))


def add_error_handlers(app: FastAPI) -> None:
    """Give every error of the framework and of the services the one shape."""

    @app.exception_handler(ServiceError)
    async def on_service_error(request: Request, error: ServiceError) -> Response:
        return problem_of(error).response(request.scope)

    @app.exception_handler(RequestValidationError)
    async def on_invalid_request(request: Request, error: RequestValidationError) -> Response:
        return problem_of(InvalidInput(field_errors(error.errors()))).response(request.scope)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.BAD_REQUEST:  # the framework could not parse the body
            cause = error.__cause__ or error.detail
            invalid = FieldError("body", f"cannot be parsed: {cause}")
            return problem_of(InvalidInput([invalid])).response(request.scope)
        status = HTTPStatus(error.status_code)
        code = _CODES.get(status.value, status.name.lower())
        detail = f"{request.method} {request.url.path}: {error.detail}"
        return Problem(status, code, detail, headers=error.headers).response(request.scope)


def answers(*errors: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of an operation that may fail in these ways."""
    documented: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        status = STATUS[error]
        codes = f"`{error.code}`: {error.__doc__}"
        if status.value in documented:
            codes = f"{documented[status.value]['description']} {codes}"
        documented[status.value] = {
            "description": codes,
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/ProblemOut"},
                    "example": _example(error, status),
                }
            },
        }
    return documented


def _example(error: type[ServiceError], status: HTTPStatus) -> dict[str, Any]:
    return {
        "type": f"urn:metricbert:problem:{error.code}",
        "title": status.phrase,
        "status": status.value,
        "detail": error.__doc__,
        "instance": "/v1/items/portal",
        "code": error.code,
        "errors": [],
        "request_id": "0c9f2a7e5b1d4e6f",
    }
