"""What can go wrong in a service: plain Python, no status codes (those are in `app.api.errors`)."""

from collections.abc import Sequence

from app.types import FieldError


class ServiceError(Exception):
    """Base of every expected error. code: stable, for programs; str(error): for people."""

    code = "error"
    errors: Sequence[FieldError] = ()


class ItemNotFound(ServiceError):
    """No item has this id."""

    code = "item_not_found"

    def __init__(self, item_id: str) -> None:
        super().__init__(f"no item with id {item_id!r}")


class ItemNotEmbedded(ServiceError):
    """The item is stored, but the running model has not embedded it yet."""

    code = "item_not_embedded"

    def __init__(self, item_id: str) -> None:
        super().__init__(
            f"item {item_id!r} is not embedded by the running model yet; try again shortly"
        )


class InvalidInput(ServiceError):
    """An input that breaks a rule; `errors` names the fields and the bounds."""

    code = "invalid_input"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = tuple(errors)


class UnsupportedType(ServiceError):
    """A body or file of a type that is not read."""

    code = "unsupported_type"


class TooLarge(ServiceError):
    """A body or file beyond its limit."""

    code = "too_large"


class Unauthorized(ServiceError):
    """No API key, or one that is unknown or revoked."""

    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__(
            "this operation needs an admin API key: send it as 'Authorization: Bearer KEY' or "
            "'X-API-Key: KEY'; `metricbert key create NAME` makes one"
        )


class ImportConflict(ServiceError):
    """Another process is importing the same file at this moment."""

    code = "import_conflict"


class Overloaded(ServiceError):
    """The queue before the encoder is full."""

    code = "overloaded"
    retry_after_s = 1

    def __init__(self) -> None:
        super().__init__("too many texts are waiting to be encoded; try again in a second")


class NotReady(ServiceError):
    """The service is still starting, or cannot answer."""

    code = "not_ready"


class StoreUnavailable(ServiceError):
    """The database refused: down, locked for too long, or out of disk."""

    code = "store_unavailable"


class StartupError(ServiceError):
    """The service cannot start; the message names the part and the remedy."""

    code = "startup"
