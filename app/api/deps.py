"""What routes ask for, taken from the state of the app.

Those that only look something up are `async`: a plain one costs a trip to a thread, and a request
has several.
"""

from typing import Annotated, Any

from fastapi import Depends, Path, Request, Security
from fastapi.openapi.models import Example
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from app.api.schemas import item_id_of
from app.errors import InvalidInput, ItemNotFound, UnsupportedType
from app.services.container import Services
from app.start import Start

_KEY = "an admin API key; one of the two fields is enough"
_BEARER = HTTPBearer(auto_error=False, description=_KEY)
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description=_KEY)


async def _start(request: Request) -> Start:
    start: Start = request.app.state.start
    return start


StartDep = Annotated[Start, Depends(_start)]


async def _services(start: StartDep) -> Services:
    return start.services()


ServicesDep = Annotated[Services, Depends(_services)]


def _admin(
    services: ServicesDep,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    header: Annotated[str | None, Security(_HEADER)],
) -> None:
    services.keys.check(bearer.credentials if bearer else header)


Admin = Depends(_admin)


async def _json_body(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedType(f"Content-Type is {kind or 'missing'!r}; send application/json")


JsonBody = Depends(_json_body)


def _id_parameter(description: str, summary: str, value: str) -> Any:
    return Path(
        description=description,
        openapi_examples={"example": Example(summary=summary, value=value)},
    )


_CALLERS = "the caller's id of an item"
_OWN = "an id of your own: printable, at most 200 characters, without '/'"
_DEMO = ("in the demo catalogue", "portal")
_NEW = ("the item that the example of PUT makes", "lantern-tide")


def _existing(item_id: str) -> str:
    try:
        return item_id_of(item_id)
    except InvalidInput as error:  # what cannot be stored is not there
        raise ItemNotFound(item_id) from error


async def _known_id(item_id: Annotated[str, _id_parameter(_CALLERS, *_DEMO)]) -> str:
    return _existing(item_id)


async def _unwanted_id(item_id: Annotated[str, _id_parameter(_CALLERS, *_NEW)]) -> str:
    return _existing(item_id)


async def _new_id(item_id: Annotated[str, _id_parameter(_OWN, *_NEW)]) -> str:
    return item_id_of(item_id)


KnownId = Annotated[str, Depends(_known_id)]
UnwantedId = Annotated[str, Depends(_unwanted_id)]
NewItemId = Annotated[str, Depends(_new_id)]
