"""Add, change, read and remove items; keeps store and index in step."""

from dataclasses import dataclass

from app.errors import ItemNotFound
from app.ports import ItemStore, VectorIndex
from app.services.embedding import ItemEmbedding
from app.types import Item, Outcome, Warned
from model.text import item_text

_CATCH_UP = 256
"""Items embedded and stored at a time when a new model catches up."""


@dataclass(frozen=True)
class Page:
    """Items in id order; after: where the next page starts, None at the end."""

    items: list[Item]
    after: str | None


class Catalogue:
    """The items of the service. What it acknowledged is durable and searchable at once."""

    def __init__(self, store: ItemStore, embedding: ItemEmbedding, index: VectorIndex) -> None:
        self._store = store
        self._embedding = embedding
        self._index = index

    def get(self, item_id: str) -> Item:
        """Return one item. Raises `ItemNotFound`."""
        item = self._store.get(item_id)
        if item is None:
            raise ItemNotFound(item_id)
        return item

    def page(self, after: str | None, limit: int) -> Page:
        """Return up to `limit` items behind the id `after`."""
        items = self._store.page(after, limit + 1)
        more = len(items) > limit
        return Page(items[:limit], items[limit - 1].id if more else None)

    def count(self) -> int:
        """Return the number of items."""
        return self._store.count()

    def put(self, item: Item) -> tuple[Outcome, list[Warned]]:
        """Create or replace an item."""
        writes, vectors = self._embedding.prepare([item])
        (outcome,) = self._store.write(self._embedding.encoder_id, writes, vectors)
        self._index.refresh()
        return outcome, self._embedding.truncation(item_text(item.title, item.description))

    def delete(self, item_id: str) -> None:
        """Delete an item. Raises `ItemNotFound`."""
        if not self._store.delete(item_id):
            raise ItemNotFound(item_id)
        self._index.refresh()

    def embed_some(self) -> int:
        """Embed a few of the items that the running encoder has not seen; return how many.

        Items are in that state after the checkpoint was changed. 0: all are done.
        """
        items = self._store.not_embedded(self._embedding.encoder_id, _CATCH_UP)
        if items:
            _, vectors = self._embedding.prepare(items)
            self._store.add_vectors(self._embedding.encoder_id, vectors)
            self._index.refresh()
        return len(items)
