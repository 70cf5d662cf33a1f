"""API keys: made once, shown once, kept as hashes."""

import hashlib
import secrets

from app.errors import InvalidInput, Unauthorized
from app.ports import KeyStore
from app.types import FieldError

_MARK = "mb_"
"""Every key begins with it, so that a leaked one is recognised by secret scanners."""

_LONGEST_NAME = 100


class Keys:
    """Makes, checks and revokes admin keys."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    def create(self, name: str) -> str:
        """Return a new key; it cannot be shown again. Raises `InvalidInput` for a name in use."""
        if not 1 <= len(name.strip()) <= _LONGEST_NAME or not name.isprintable():
            raise InvalidInput(
                [FieldError("name", f"must be 1 to {_LONGEST_NAME} printable characters")]
            )
        key = _MARK + secrets.token_urlsafe(32)
        self._store.add(name.strip(), _digest(key))
        return key

    def check(self, key: str | None) -> None:
        """Raise `Unauthorized` unless the key is an active one.

        The look-up is by SHA-256 of 32 random bytes: its timing tells nothing about a key.
        """
        if not key or not self._store.active(_digest(key)):
            raise Unauthorized

    def names(self) -> list[str]:
        """Return the names of the active keys."""
        return self._store.names()

    def revoke(self, name: str) -> bool:
        """Revoke a key by name; False if no active key has it."""
        return self._store.revoke(name)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
