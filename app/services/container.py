"""The services of one running process, as routes and commands see them."""

from collections.abc import Callable
from dataclasses import dataclass

from app.ports import Embedder, VectorIndex
from app.services.catalogue import Catalogue
from app.services.imports import Imports
from app.services.keys import Keys
from app.services.similar import SimilarItems


@dataclass(frozen=True)
class Limits:
    """Bounds of requests that the settings decide about."""

    max_body_bytes: int
    max_upload_bytes: int
    max_upload_rows: int


@dataclass(frozen=True)
class Services:
    """Everything a request can ask for; close() stops threads and connections."""

    catalogue: Catalogue
    similar: SimilarItems
    imports: Imports
    keys: Keys
    embedder: Embedder
    index: VectorIndex
    limits: Limits
    close: Callable[[], None]
