"""Secrets that we hand out: long, random, and kept only as a hash."""

import hashlib
import secrets

TOKEN_PREFIX = "vigil_"  # noqa: S105 - it marks a token as ours, for programs that look for leaks


def new_secret() -> str:
    """A secret of 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes:
    """What we keep of a secret. It is random and long, so a plain SHA-256 cannot be undone."""
    return hashlib.sha256(secret.encode()).digest()
