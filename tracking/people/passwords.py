"""Passwords: argon2id, in few threads, and as slow for a stranger as for a colleague."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tracking.errors import Invalid, Unavailable

Answer = TypeVar("Answer")

SHORTEST = 12
LONGEST = 256

MEMORY_KIB = 47_104
"""46 MiB, one pass, one lane: what OWASP recommends where memory is dearer than time."""


class Busy(Unavailable):
    """More people sign in at once than we can check; each check costs 46 MiB."""

    retry_after_s = 2


class Passwords:
    """Makes and checks password hashes without ever holding up the event loop.

    Two threads work and ``waiting`` checks may wait; more are refused at once, because a flood of
    sign-ins must cost neither the memory nor the processor that alarms need.
    """

    def __init__(self, *, memory_kib: int = MEMORY_KIB, waiting: int = 16) -> None:
        self._hasher = PasswordHasher(time_cost=1, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")
        self._most = waiting + 2
        self._busy = 0
        self._nobodys_hash = self._hasher.hash(secrets.token_hex())

    async def hash(self, password: str) -> str:
        """The hash to store."""
        return await self._in_a_thread(lambda: self._hasher.hash(password))

    async def match(self, password: str, password_hash: str | None) -> bool:
        """Whether this is the password.

        With None (no such account) the work is done all the same, so that the time an answer
        takes does not tell which accounts exist.
        """
        return await self._in_a_thread(
            lambda: (
                self._verify(password, password_hash or self._nobodys_hash)
                and password_hash is not None
            )
        )

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_a_thread(self, work: Callable[[], Answer]) -> Answer:
        if self._busy >= self._most:
            raise Busy("Many people are signing in at once; try again in a few seconds.")
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._busy -= 1


def refuse_what_is_easily_guessed(password: str, *known: str) -> None:
    """Raise Invalid for a password that a stranger would try early.

    ``known`` are words that belong to the account: the sign-in name, the person's name.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(f"A password has {SHORTEST} to {LONGEST} characters.")
    if len(set(password)) < 6:
        raise Invalid("This password repeats too few characters.")
    lowered = password.lower()
    if any(len(word) >= 4 and word.lower() in lowered for word in known):
        raise Invalid("A password may not contain the name of its owner.")
    runs = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "azertyuiop", "password")
    if any(lowered.startswith(run[:8]) or lowered in run for run in runs):
        raise Invalid("This password is among the first that anybody would try.")


def generated() -> str:
    """A random password of 80 bits that can be read out over the telephone."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))
    return "-".join(groups)
