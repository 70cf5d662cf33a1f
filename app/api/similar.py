"""Similar items: of an item, of a text."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

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
from app.services.similar import Similar

router = APIRouter(prefix="/v1", tags=["similar"])


@router.get(
    "/items/{item_id}/similar",
    response_model=SimilarOut,
    summary="Items similar to an item",
    responses=answers(ItemNotFound, ItemNotEmbedded, InvalidInput, NotReady, StoreUnavailable),
)
def similar_to_item(
    services: ServicesDep,
    item_id: KnownId,
    params: Annotated[SimilarParams, Query()],
) -> Response:
    """Return the nearest items, never the item itself, by falling score.

    `score` is 1 - angle / pi: 1.0 is the same text, unrelated texts lie near 0.5.
    """
    return _rendered(services.similar.by_item(item_id, params.limit))


@router.post(
    "/similar",
    response_model=SimilarOut,
    summary="Items similar to a text",
    dependencies=[JsonBody],
    responses=answers(
        TooLarge, UnsupportedType, InvalidInput, Overloaded, NotReady, StoreUnavailable
    ),
)
def similar_to_text(services: ServicesDep, query: TextQuery) -> Response:
    """Embed a free text and return the nearest items, by falling score.

    A text longer than the model reads is answered; `warnings` says how much of it was used.
    """
    return _rendered(services.similar.by_text(query.text, query.limit))


def _rendered(similar: Similar) -> Response:
    # written out here: the framework would check the model that was just built once more, in
    # another thread, which is a fifth of the time of an answer
    return Response(SimilarOut.of(similar).model_dump_json(), media_type="application/json")
