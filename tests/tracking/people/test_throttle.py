"""Guessing passwords: what is heard, what is not, and who is not locked out by it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.town import Town
from tests.tracking.web import HOME, PASSWORD, Web, add_person, try_to_sign_in
from tracking.database import Pool
from tracking.people.sessions.throttle import LONG_FACTOR, LONG_WINDOW, WINDOW, wait_before_next

ELSEWHERE = "198.51.100.66"
START = datetime(2026, 3, 1, tzinfo=UTC)


@given(
    pauses=st.lists(st.floats(0, 1200), max_size=120),
    most=st.integers(1, 12),
)
def test_no_patience_gets_more_guesses_heard_than_the_windows_allow(
    pauses: list[float], most: int
) -> None:
    now = START
    heard: list[datetime] = []
    for pause_s in pauses:
        now += timedelta(seconds=pause_s)
        if not wait_before_next(heard[::-1], now, most):
            heard.append(now)
    for window, allowed in ((WINDOW, most), (LONG_WINDOW, most * LONG_FACTOR)):
        for first in heard:
            assert sum(first <= at < first + window for at in heard) <= allowed


@given(times=st.lists(st.integers(0, 3600), max_size=40), most=st.integers(1, 12))
def test_who_waits_as_long_as_they_are_told_is_heard(times: list[int], most: int) -> None:
    failed = [START - timedelta(seconds=ago_s) for ago_s in sorted(times)]
    wait = wait_before_next(failed, START, most)
    assert timedelta(0) <= wait <= LONG_WINDOW
    assert not wait_before_next(failed, START + wait, most)


async def test_after_ten_failures_the_right_password_waits_too(web: Web) -> None:
    guesser = web.client(address=ELSEWHERE)
    for _ in range(10):
        assert (await try_to_sign_in(guesser, "operator", "wrong")).status_code == 401
    answer = await try_to_sign_in(guesser, "operator", PASSWORD)
    assert answer.status_code == 429
    assert 14 * 60 < int(answer.headers["retry-after"]) <= 15 * 60


async def test_an_account_that_does_not_exist_waits_the_same(web: Web) -> None:
    guesser = web.client(address=ELSEWHERE)
    statuses = [(await try_to_sign_in(guesser, "nobody", "wrong")).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]


async def test_guesses_from_many_addresses_add_up_for_the_account(web: Web) -> None:
    for number in range(10):
        guesser = web.client(address=f"198.51.100.{number}")
        assert (await try_to_sign_in(guesser, "operator", "wrong")).status_code == 401
    last = web.client(address="198.51.100.200")
    assert (await try_to_sign_in(last, "operator", PASSWORD)).status_code == 429


async def test_guesses_at_many_accounts_add_up_for_the_address(web: Web) -> None:
    guesser = web.client(address=ELSEWHERE)
    for number in range(10):
        assert (await try_to_sign_in(guesser, f"account{number}", "wrong")).status_code == 401
    assert (await try_to_sign_in(guesser, "operator", PASSWORD)).status_code == 429


async def test_a_guesser_elsewhere_does_not_lock_an_operator_out_of_their_desk(web: Web) -> None:
    await web.browser("operator", address=HOME)
    guesser = web.client(address=ELSEWHERE)
    for _ in range(12):
        await try_to_sign_in(guesser, "operator", "wrong")
    assert (await try_to_sign_in(guesser, "operator", PASSWORD)).status_code == 429
    assert (await try_to_sign_in(web.client(address=HOME), "operator")).status_code == 201


async def test_typing_errors_of_one_do_not_lock_out_the_room(web: Web) -> None:
    for role in ("operator", "supervisor"):
        await web.browser(role, address=HOME)
    room = web.client(address=HOME)
    for _ in range(12):
        await try_to_sign_in(room, "operator", "wrong")
    assert (await try_to_sign_in(room, "operator")).status_code == 429
    assert (await try_to_sign_in(room, "supervisor")).status_code == 201


async def test_signing_in_forgives_the_typing_errors_before(web: Web) -> None:
    client = web.client()
    for _ in range(3):
        for _ in range(9):
            assert (await try_to_sign_in(client, "operator", "wrong")).status_code == 401
        assert (await try_to_sign_in(client, "operator")).status_code == 201


async def test_guesses_at_the_same_moment_are_counted_one_by_one(web: Web, pool: Pool) -> None:
    guesser = web.client(address=ELSEWHERE)
    # Fewer at a time than wait for a thread, so that every refusal is the throttle's.
    answers = [
        answer.status_code
        for _ in range(3)
        for answer in await asyncio.gather(
            *(try_to_sign_in(guesser, "operator", f"guess {n}") for n in range(10))
        )
    ]
    assert sorted(answers) == [401] * 10 + [429] * 20


async def test_the_wait_ends(web: Web, pool: Pool) -> None:
    guesser = web.client(address=ELSEWHERE)
    for _ in range(11):
        await try_to_sign_in(guesser, "operator", "wrong")
    await pool.execute("UPDATE sign_in_attempts SET at = at - interval '15 minutes'")
    assert (await try_to_sign_in(guesser, "operator")).status_code == 201


async def test_an_hour_allows_twice_what_a_quarter_does(web: Web, pool: Pool) -> None:
    guesser = web.client(address=ELSEWHERE)
    heard = 0
    for _ in range(4):
        for _ in range(11):
            heard += (await try_to_sign_in(guesser, "operator", "wrong")).status_code == 401
        await pool.execute("UPDATE sign_in_attempts SET at = at - interval '15 minutes'")
    assert heard == 20


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:198.51.100.7", "198.51.100.7", True),
    ],
)
async def test_one_subscriber_counts_once(web: Web, first: str, second: str, same: bool) -> None:
    for number in range(10):
        await try_to_sign_in(web.client(address=first), f"account{number}", "wrong")
    answer = await try_to_sign_in(web.client(address=second), "operator")
    assert answer.status_code == (429 if same else 201)


async def test_a_guess_of_somebody_without_an_address_is_counted_for_the_account(
    web: Web,
) -> None:
    socket_client = web.client(address="")
    statuses = [
        (await try_to_sign_in(socket_client, "operator", "wrong")).status_code for _ in range(11)
    ]
    assert statuses == [401] * 10 + [429]
    assert (await try_to_sign_in(socket_client, "supervisor")).status_code == 201


async def test_changing_a_password_is_no_way_around(web: Web, town: Town, pool: Pool) -> None:
    await add_person(pool, town.centre, "victim", "operator")
    browser = await web.browser("victim")
    change = {"current": "wrong", "new": "een andere zin 1831"}
    statuses = [
        (await browser.put("/api/v1/people/me/password", json=change)).status_code
        for _ in range(11)
    ]
    assert statuses == [403] * 10 + [429]
