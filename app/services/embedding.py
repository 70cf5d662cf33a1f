"""Items to writes and vectors: the texts that the encoder has not seen yet are embedded."""

from collections.abc import Mapping, Sequence

from app.ports import Embedder, ItemStore
from app.types import Item, Vector, Warned, Write
from model.text import item_text, text_hash


class ItemEmbedding:
    """Knows which string stands for an item and which strings still need a vector."""

    def __init__(self, store: ItemStore, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder

    @property
    def encoder_id(self) -> str:
        """The encoder whose vectors these are."""
        return self._embedder.encoder_id

    def prepare(self, items: Sequence[Item]) -> tuple[list[Write], Mapping[str, Vector]]:
        """Return the writes for `items` and the new vectors by text hash. Raises `Overloaded`."""
        texts = {item.id: item_text(item.title, item.description) for item in items}
        writes = [Write(item, text_hash(texts[item.id])) for item in items]
        by_hash = {write.text_hash: texts[write.item.id] for write in writes}
        known = self._store.embedded(self.encoder_id, list(by_hash))
        new = {key: text for key, text in by_hash.items() if key not in known}
        if not new:
            return writes, {}
        return writes, dict(zip(new, self._embedder.embed(list(new.values())), strict=True))

    def embed_text(self, text: str) -> Vector:
        """Return the vector of one text. Raises `Overloaded`."""
        vector: Vector = self._embedder.embed([text])[0]
        return vector

    def truncation(self, text: str) -> list[Warned]:
        """Return a warning if the encoder reads only the beginning of a text."""
        used, total = self._embedder.max_tokens, self._embedder.count_tokens(text)
        if total <= used:
            return []
        return [
            Warned(
                "text_truncated",
                f"the first {used} of {total} tokens were used; the rest was not read",
            )
        ]
