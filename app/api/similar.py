"""Similar items: of an item, of a text."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.deps import JsonBody, KnownId, ServicesDep
from app.api.errors import answers
from app.api.schemas import SimilarOut, SimilarParams, TextQuery
from app.errors import (
    InvalidInput,
    ItemNotEmbedded,
    ItemNotFound,
    NotReady,
    Overloaded,
    StoreUnavailable,
    TooLarge,
    UnsupportedType,
)

router = APIRouter(prefix="/v1", tags=["similar"])


@router.get(
    "/items/{item_id}/similar",
    summary="Items similar to an item",
    responses=answers(ItemNotFound, ItemNotEmbedded, InvalidInput, NotReady, StoreUnavailable),
)
def similar_to_item(
    services: ServicesDep,
    item_id: KnownId,
    params: Annotated[SimilarParams, Query()],
) -> SimilarOut:
    """Return the nearest items, never the item itself, by falling score.

    `score` is 1 - angle / pi: 1.0 is the same text, unrelated texts lie near 0.5.
    """
    return SimilarOut.of(services.similar.by_item(item_id, params.limit))


@router.post(
    "/similar",
    summary="Items similar to a text",
    dependencies=[JsonBody],
    responses=answers(
        TooLarge, UnsupportedType, InvalidInput, Overloaded, NotReady, StoreUnavailable
    ),
)
def similar_to_text(services: ServicesDep, query: TextQuery) -> SimilarOut:
    """Embed a free text and return the nearest items, by falling score.

    A text longer than the model reads is answered; `warnings` says how much of it was used.
    """
    return SimilarOut.of(services.similar.by_text(query.text, query.limit))
