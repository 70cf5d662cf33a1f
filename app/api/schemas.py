"""Request and response bodies, and the one place where an item's fields are checked."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from app.errors import InvalidInput
from app.services.catalogue import Page
from app.services.similar import Similar
from app.types import FieldError, Item, Neighbour, Warned
from model.rows import Row
from model.text import clean

MAX_ID, MAX_TITLE, MAX_TEXT, MAX_ATTRIBUTES = 200, 500, 100_000, 20_000
MAX_DEPTH = 32
MAX_SIMILAR, MAX_PAGE = 100, 500


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not hold a NUL character")
    return text


def _not_blank(text: str) -> str:
    if not clean(text):
        raise ValueError("must hold more than white space")
    return text


def _usable_id(text: str) -> str:
    if text != text.strip() or not text.isprintable() or "/" in text or text in {".", ".."}:
        raise ValueError(
            "must be printable, without '/', without white space at its ends, and not '.' or '..'"
        )
    return text


def _plain_json(attributes: dict[str, Any]) -> dict[str, Any]:
    _check_depth(attributes, MAX_DEPTH)
    try:
        size = len(json.dumps(attributes, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, TypeError) as error:
        raise ValueError(f"must be plain JSON: {error}") from error
    if size > MAX_ATTRIBUTES:
        raise ValueError(f"must be at most {MAX_ATTRIBUTES} bytes as JSON, not {size}")
    return attributes


def _check_depth(value: object, left: int) -> None:
    """Walk a JSON value: deep ones break serialisers, NUL breaks PostgreSQL."""
    if left == 0:
        raise ValueError(f"must be nested at most {MAX_DEPTH} deep")
    if isinstance(value, str):
        _storable(value)
    elif isinstance(value, dict):
        for part in (*value.keys(), *value.values()):
            _check_depth(part, left - 1)
    elif isinstance(value, list):
        for part in value:
            _check_depth(part, left - 1)


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


ItemId = Annotated[str, Field(min_length=1, max_length=MAX_ID), AfterValidator(_usable_id)]
Title = Annotated[
    str,
    Field(min_length=1, max_length=MAX_TITLE, examples=["Lantern Tide"]),
    AfterValidator(_storable),
    AfterValidator(_not_blank),
]
Description = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_storable)]
Attributes = Annotated[dict[str, Any], AfterValidator(_plain_json)]


class Body(BaseModel):
    """A request body: unknown fields and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ItemIn(Body):
    """An item to store. Title and description are embedded; attributes are kept as they are."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "title": "Lantern Tide",
                "description": "A lighthouse keeper bends beams of light with mirrors to guide "
                "ships through fog. Each night is a small first-person puzzle about angles.",
                "attributes": {"genres": ["puzzle"], "year": 2024},
            }
        }
    )

    title: Title
    description: Description = ""
    attributes: Attributes = Field(default_factory=dict)

    def to_item(self, item_id: str) -> Item:
        """Return the item to store under an id."""
        return Item(item_id, self.title, self.description, self.attributes)


class ImportedItem(ItemIn):
    """A row of an imported file; columns it does not know become attributes."""

    id: Annotated[ItemId, BeforeValidator(_number_as_text)]


class TextQuery(Body):
    """A query by free text."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "text": "first-person puzzles about bending space in an empty laboratory",
                "limit": 5,
            }
        }
    )

    text: Annotated[
        str,
        Field(min_length=1, max_length=MAX_TEXT),
        AfterValidator(_storable),
        AfterValidator(_not_blank),
    ]
    limit: int = Field(10, ge=1, le=MAX_SIMILAR)


class SimilarParams(BaseModel):
    """Query parameters of a similar-items request."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(10, ge=1, le=MAX_SIMILAR, description="most neighbours to return")


class PageParams(BaseModel):
    """Query parameters of a listing."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=MAX_PAGE, description="most items to return")
    after: Annotated[str, AfterValidator(_storable)] | None = Field(
        None, max_length=MAX_ID, description="`next_after` of the page before"
    )


class ItemOut(BaseModel):
    """An item as it is stored."""

    id: str
    title: str
    description: str
    attributes: dict[str, Any]

    @classmethod
    def of(cls, item: Item) -> Self:
        """Return the item as a response."""
        return cls(
            id=item.id,
            title=item.title,
            description=item.description,
            attributes=dict(item.attributes),
        )


class WarningOut(BaseModel):
    """Something to know about an answer that was given all the same."""

    code: str = Field(examples=["text_truncated"])
    detail: str

    @classmethod
    def all_of(cls, warnings: Sequence[Warned]) -> list[Self]:
        """Return the warnings as a response."""
        return [cls(code=warning.code, detail=warning.detail) for warning in warnings]


class WrittenOut(BaseModel):
    """What a PUT did. It is durable, and the next query finds it."""

    outcome: str = Field(examples=["created"], description="created, updated or unchanged")
    item: ItemOut
    warnings: list[WarningOut]


class PageOut(BaseModel):
    """Items in id order; next_after is null on the last page."""

    items: list[ItemOut]
    next_after: str | None

    @classmethod
    def of(cls, page: Page) -> Self:
        """Return the page as a response."""
        return cls(items=[ItemOut.of(item) for item in page.items], next_after=page.after)


class NeighbourOut(BaseModel):
    """A similar item. score = 1 - angle / pi, in [0, 1], higher is closer; rank counts from 1."""

    rank: int
    score: float
    item: ItemOut

    @classmethod
    def of(cls, neighbour: Neighbour) -> Self:
        """Return the neighbour as a response."""
        return cls(
            rank=neighbour.rank,
            score=round(neighbour.score, 6),
            item=ItemOut.of(neighbour.item),
        )


class SimilarOut(BaseModel):
    """Similar items, nearest first."""

    neighbours: list[NeighbourOut]
    warnings: list[WarningOut]

    @classmethod
    def of(cls, similar: Similar) -> Self:
        """Return the neighbours as a response."""
        return cls(
            neighbours=[NeighbourOut.of(n) for n in similar.neighbours],
            warnings=WarningOut.all_of(similar.warnings),
        )


class FieldErrorOut(BaseModel):
    """One thing wrong with an input."""

    field: str
    message: str


class LineOut(BaseModel):
    """What became of one line of an imported file."""

    line: int
    id: str | None
    outcome: str = Field(description="created, updated, unchanged or refused")
    errors: list[FieldErrorOut] = []


class ImportOut(BaseModel):
    """The result of an import, line by line."""

    created: int
    updated: int
    unchanged: int
    refused: int
    lines: list[LineOut]


class IndexOut(BaseModel):
    """The index: a published generation (approximate) and a delta (exact)."""

    generation: str | None
    generation_items: int
    generation_recall_at_10: float | None
    delta_items: int
    sequence: int


class InfoOut(BaseModel):
    """What is running: model, counts, limits."""

    version: str
    model: str
    dimension: int
    max_tokens: int = Field(
        description="tokens of a text that are read; a longer text is answered with a warning"
    )
    items: int
    items_not_embedded: int
    index: IndexOut
    limits: dict[str, int]


class StatusOut(BaseModel):
    """State of the process."""

    status: str


class ProblemOut(BaseModel):
    """An error, RFC 9457 (`application/problem+json`)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldErrorOut]
    request_id: str


def item_of_row(row: Row) -> Item:
    """Return the item a file's row describes. Raises `InvalidInput` naming fields and bounds."""
    if row.fields is None:
        raise InvalidInput([FieldError("line", row.problem or "cannot be read")])
    known = {
        name: row.fields[name] for name in ("id", "title", "description") if name in row.fields
    }
    extra = {k: v for k, v in row.fields.items() if k not in known and k != "attributes"}
    given = row.fields.get("attributes", {})
    attributes = {**given, **extra} if isinstance(given, dict) else {**extra, "attributes": given}
    try:
        parsed = ImportedItem.model_validate({**known, "attributes": attributes})
    except ValidationError as error:
        raise InvalidInput(field_errors(error.errors())) from error
    return parsed.to_item(parsed.id)


def item_id_of(text: str) -> str:
    """Return an id from a path if it may be stored. Raises `InvalidInput`."""
    return item_of_row(Row(0, {"id": text, "title": "-"})).id


def field_errors(errors: Sequence[Any]) -> list[FieldError]:
    """Return pydantic's error list as (field, message); the input itself is not repeated."""
    return [
        FieldError(
            # a field's name is the caller's: it may hold what no answer can be written with
            ".".join(str(part) for part in error["loc"]).encode(errors="replace").decode()
            or "body",
            error["msg"].removeprefix("Value error, "),
        )
        for error in errors
    ]
