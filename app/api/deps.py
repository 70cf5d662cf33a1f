"""What routes ask for, taken from the state of the app."""

from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.openapi.models import Example
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from app.api.schemas import item_id_of
from app.errors import InvalidInput, ItemNotFound, UnsupportedType
from app.services.container import Services
from app.start import Start

_BEARER = HTTPBearer(auto_error=False, description="an admin API key")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="an admin API key")


def _start(request: Request) -> Start:
    start: Start = request.app.state.start
    return start


StartDep = Annotated[Start, Depends(_start)]


def _services(start: StartDep) -> Services:
    return start.services()


ServicesDep = Annotated[Services, Depends(_services)]


def _admin(
    services: ServicesDep,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    header: Annotated[str | None, Security(_HEADER)],
) -> None:
    services.keys.check(bearer.credentials if bearer else header)


Admin = Depends(_admin)


def _json_body(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedType(f"Content-Type is {kind or 'missing'!r}; send application/json")


JsonBody = Depends(_json_body)


def _known_id(
    item_id: Annotated[
        str,
        Path(
            description="the caller's id of an item",
            openapi_examples={"demo": Example(summary="in the demo catalogue", value="portal")},
        ),
    ],
) -> str:
    try:
        return item_id_of(item_id)
    except InvalidInput as error:  # what cannot be stored is not there
        raise ItemNotFound(item_id) from error


KnownId = Annotated[str, Depends(_known_id)]


def _storable_id(
    item_id: Annotated[
        str,
        Path(
            description="an id of your own: printable, at most 200 characters, without '/'",
            openapi_examples={"new": Example(summary="a new item", value="lantern-tide")},
        ),
    ],
) -> str:
    return item_id_of(item_id)


NewItemId = Annotated[str, Depends(_storable_id)]
