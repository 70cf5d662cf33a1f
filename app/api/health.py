"""Alive, ready, and what is running."""

from importlib.metadata import version

from fastapi import APIRouter

from app.api.deps import ServicesDep, StartDep
from app.api.errors import answers
from app.api.schemas import (
    MAX_ATTRIBUTES,
    MAX_ID,
    MAX_PAGE,
    MAX_SIMILAR,
    MAX_TEXT,
    MAX_TITLE,
    IndexOut,
    InfoOut,
    StatusOut,
)
from app.errors import NotReady, StoreUnavailable

router = APIRouter(tags=["service"])


@router.get("/livez", summary="Is the process alive?")
async def livez() -> StatusOut:
    """Answer 200 as long as the process serves requests at all."""
    # async: a probe must not queue behind requests that wait for the database
    return StatusOut(status="alive")


@router.get("/readyz", summary="Does the service answer queries?", responses=answers(NotReady))
def readyz(start: StartDep) -> StatusOut:
    """Answer 200 when a real query, from text to neighbours, works; 503 with the reason before."""
    start.check()
    return StatusOut(status="ready")


@router.get("/v1/info", summary="What is running", responses=answers(NotReady, StoreUnavailable))
def info(services: ServicesDep) -> InfoOut:
    """Return model, dimension, index generation, counts and limits."""
    status = services.index.status()
    return InfoOut(
        version=version("metricbert"),
        model=services.embedder.encoder_id,
        dimension=services.embedder.dimension,
        max_tokens=services.embedder.max_tokens,
        items=services.catalogue.count(),
        items_not_embedded=status.not_embedded,
        index=IndexOut(
            generation=status.generation,
            generation_items=status.generation_items,
            generation_recall_at_10=status.generation_recall,
            delta_items=status.delta_items,
            sequence=status.sequence,
        ),
        limits={
            "similar": MAX_SIMILAR,
            "page": MAX_PAGE,
            "id_characters": MAX_ID,
            "title_characters": MAX_TITLE,
            "text_characters": MAX_TEXT,
            "attributes_bytes": MAX_ATTRIBUTES,
            **vars(services.limits),
        },
    )
