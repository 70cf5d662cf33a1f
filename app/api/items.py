"""Items: list, read, create or replace, delete."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.api.deps import Admin, JsonBody, KnownId, NewItemId, ServicesDep, UnwantedId
from app.api.errors import answers
from app.api.schemas import ItemIn, ItemOut, PageOut, PageParams, WarningOut, WrittenOut
from app.errors import (
    InvalidInput,
    ItemNotFound,
    NotReady,
    Overloaded,
    StoreUnavailable,
    TooLarge,
    Unauthorized,
    UnsupportedType,
)
from app.types import Outcome

router = APIRouter(prefix="/v1/items", tags=["items"])

_ALWAYS = (NotReady, StoreUnavailable)


@router.get(
    "",
    summary="List items",
    responses=answers(InvalidInput, *_ALWAYS),
)
def list_items(services: ServicesDep, params: Annotated[PageParams, Query()]) -> PageOut:
    """Return items in id order. Pass `next_after` of one page as `after` to get the next."""
    return PageOut.of(services.catalogue.page(params.after, params.limit))


@router.get(
    "/{item_id}",
    summary="Read an item",
    responses=answers(ItemNotFound, *_ALWAYS),
)
def get_item(services: ServicesDep, item_id: KnownId) -> ItemOut:
    """Return one item as it was stored."""
    return ItemOut.of(services.catalogue.get(item_id))


@router.put(
    "/{item_id}",
    summary="Create or replace an item",
    dependencies=[Admin, JsonBody],
    responses={
        HTTPStatus.CREATED.value: {"model": WrittenOut, "description": "created"},
        **answers(Unauthorized, TooLarge, UnsupportedType, InvalidInput, Overloaded, *_ALWAYS),
    },
)
def put_item(
    services: ServicesDep, item_id: NewItemId, item: ItemIn, response: Response
) -> WrittenOut:
    """Store an item under an id of your own; it replaces the item that has the id.

    When this answers, the item is durable and the next query finds it. 201: created, 200:
    updated or unchanged. Needs an admin API key.
    """
    wanted = item.to_item(item_id)
    outcome, warnings = services.catalogue.put(wanted)
    if outcome is Outcome.CREATED:
        response.status_code = HTTPStatus.CREATED
    return WrittenOut(
        outcome=outcome, item=ItemOut.of(wanted), warnings=WarningOut.all_of(warnings)
    )


@router.delete(
    "/{item_id}",
    summary="Delete an item",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=[Admin],
    responses=answers(Unauthorized, ItemNotFound, *_ALWAYS),
)
def delete_item(services: ServicesDep, item_id: UnwantedId) -> None:
    """Remove an item; no query returns it from now on. Needs an admin API key.

    The example removes the item that the example of PUT makes.
    """
    services.catalogue.delete(item_id)
