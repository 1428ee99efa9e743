"""Passwords: which are refused, and what checking them may cost."""

import asyncio
import threading

import pytest

from tracking.errors import Invalid
from tracking.people.passwords import Busy, Passwords, generated, refuse_what_is_easily_guessed


@pytest.mark.parametrize(
    "password",
    [
        "kort",
        "elfletters1",
        "x" * 257,
        "aaaaaaaaaaaaaaaa",
        "abababababababab",
        "an.peeters rijdt",
        "Mevrouw PEETERS!",
        "abcdefghijklm",
        "password1234567",
        "azertyuiop123",
    ],
)
def test_what_a_stranger_would_try_early_is_refused(password: str) -> None:
    with pytest.raises(Invalid):
        refuse_what_is_easily_guessed(password, "an.peeters", "An", "Peeters")


@pytest.mark.parametrize("password", ["een goede zin 1830", "Ω≈ç√∫ and a horse", "x7#kQ!m2vLp9"])
def test_a_long_and_unrelated_one_is_fine(password: str) -> None:
    refuse_what_is_easily_guessed(password, "an.peeters", "An", "Peeters")


def test_generated_passwords_differ_and_are_good_enough_themselves() -> None:
    made = {generated() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        refuse_what_is_easily_guessed(password, "an.peeters")


async def test_hashes_are_argon2id_with_the_costs_that_we_state() -> None:
    passwords = Passwords()
    try:
        stored = await passwords.hash("een goede zin 1830")
        assert stored.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
        assert await passwords.match("een goede zin 1830", stored)
        assert not await passwords.match("een goede zin 1831", stored)
        assert not await passwords.match("een goede zin 1830", None)
        assert not await passwords.match("een goede zin 1830", "not a hash")
    finally:
        passwords.close()


async def test_a_flood_waits_in_a_short_queue_and_the_rest_is_refused_at_once() -> None:
    passwords = Passwords(memory_kib=8, waiting=3)
    release = threading.Event()
    try:
        asked = [asyncio.ensure_future(passwords._in_a_thread(release.wait)) for _ in range(6)]
        refused, held = await asyncio.wait(asked, return_when=asyncio.FIRST_EXCEPTION)
        assert [type(one.exception()) for one in refused] == [Busy]
        release.set()
        await asyncio.gather(*held)
        assert not await passwords.match("guess", None)
    finally:
        release.set()
        passwords.close()
