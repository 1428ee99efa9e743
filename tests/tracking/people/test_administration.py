"""Accounts, clients and tokens, as administrators and their people use them."""

from uuid import uuid4

import httpx
import pytest

from tests.tracking.town import Town
from tests.tracking.web import PASSWORD, Web, add_person, try_to_sign_in
from tracking.database import Pool

ME = "/api/v1/sessions/current"


async def test_a_new_person_signs_in_with_the_password_that_was_shown_once(
    web: Web, town: Town
) -> None:
    administrator = await web.browser("administrator")
    answer = await administrator.post(
        "/api/v1/people",
        json={
            "organisation_id": str(town.centre),
            "sign_in": "Jan.Claes",
            "name": "Jan Claes",
            "role": "operator",
            "language": "fr",
        },
    )
    assert answer.status_code == 201
    made = answer.json()["generated_password"]
    listed = (await administrator.get("/api/v1/people", params={"search": "claes"})).json()
    assert [person["name"] for person in listed["items"]] == ["Jan Claes"]
    assert made not in str(listed)
    signed_in = await try_to_sign_in(web.client(), "jan.claes", made)
    assert signed_in.status_code == 201
    assert signed_in.json()["language"] == "fr"


async def test_a_given_password_is_not_shown_again(web: Web, town: Town) -> None:
    administrator = await web.browser("administrator")
    new = new_person(town, password=PASSWORD)
    answer = await administrator.post("/api/v1/people", json=new)
    assert answer.json()["generated_password"] is None
    assert PASSWORD not in answer.text
    assert (await try_to_sign_in(web.client(), new["sign_in"])).status_code == 201


@pytest.mark.parametrize(
    ("at", "role", "status"),
    [
        ("centre", "operator", 201),
        ("centre", "supervisor", 201),
        ("centre", "administrator", 201),
        ("centre", "client", 422),
        ("client", "client", 201),
        ("client", "operator", 422),
        ("client", "administrator", 422),
    ],
)
async def test_staff_work_at_a_centre_and_clients_at_a_client(
    web: Web, town: Town, at: str, role: str, status: int
) -> None:
    administrator = await web.browser("administrator")
    organisation = town.centre if at == "centre" else await town.add_client("Bakery")
    answer = await administrator.post(
        "/api/v1/people", json=new_person(town, role=role, organisation_id=str(organisation))
    )
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"sign_in": "OPERATOR"}, 409),
        ({"sign_in": "has space"}, 422),
        ({"sign_in": ""}, 422),
        ({"name": " "}, 422),
        ({"name": "two\nlines"}, 422),
        ({"role": "owner"}, 422),
        ({"language": "it"}, 422),
        ({"password": "kort"}, 422),
        ({"organisation_id": str(uuid4())}, 404),
        ({"id": str(uuid4())}, 422),
    ],
)
async def test_what_cannot_be_filed_is_refused_with_a_reason(
    web: Web, town: Town, changed: dict[str, str], status: int
) -> None:
    administrator = await web.browser("administrator")
    answer = await administrator.post("/api/v1/people", json={**new_person(town), **changed})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_who_is_disabled_is_out_at_once_with_all_tokens(
    web: Web, pool: Pool, town: Town
) -> None:
    administrator, operator = await web.browser("administrator"), await web.browser("operator")
    machine = web.client(token=await make_token(operator))
    assert (await machine.get(ME)).status_code == 200
    person = await pool.fetchval("SELECT id FROM people WHERE sign_in = 'operator'")
    answer = await administrator.patch(f"/api/v1/people/{person}", json={"disabled": True})
    assert answer.json()["disabled_at"] is not None
    assert (await operator.get(ME)).status_code == 401
    assert (await machine.get(ME)).status_code == 401
    assert (await try_to_sign_in(web.client(), "operator")).status_code == 401
    await administrator.patch(f"/api/v1/people/{person}", json={"disabled": False})
    assert (await try_to_sign_in(web.client(), "operator")).status_code == 201
    assert (await machine.get(ME)).status_code == 401


@pytest.mark.parametrize(
    ("change", "status"), [({"disabled": True}, 409), ({"role": "operator"}, 409), ({}, 200)]
)
async def test_an_administrator_does_not_lock_themselves_out(
    web: Web, change: dict[str, object], status: int
) -> None:
    administrator = await web.browser("administrator")
    me = (await administrator.get(ME)).json()["id"]
    answer = await administrator.patch(f"/api/v1/people/{me}", json=change)
    assert answer.status_code == status


async def test_a_password_that_was_reset_ends_the_sessions_of_its_owner(
    web: Web, pool: Pool
) -> None:
    administrator, operator = await web.browser("administrator"), await web.browser("operator")
    person = await pool.fetchval("SELECT id FROM people WHERE sign_in = 'operator'")
    answer = await administrator.post(f"/api/v1/people/{person}/password")
    made = answer.json()["generated_password"]
    assert (await operator.get(ME)).status_code == 401
    assert (await try_to_sign_in(web.client(), "operator", PASSWORD)).status_code == 401
    assert (await try_to_sign_in(web.client(), "operator", made)).status_code == 201


async def test_my_own_new_password_keeps_me_here_and_ends_my_other_sessions(web: Web) -> None:
    here, elsewhere = await web.browser("operator"), await web.browser("operator")
    change = {"current": PASSWORD, "new": "een andere zin 1831"}
    assert (await here.put("/api/v1/people/me/password", json=change)).status_code == 204
    assert (await here.get(ME)).status_code == 200
    assert (await elsewhere.get(ME)).status_code == 401
    assert (await try_to_sign_in(web.client(), "operator", change["new"])).status_code == 201


async def test_a_person_chooses_their_own_language(web: Web) -> None:
    operator = await web.browser("operator")
    assert (await operator.patch("/api/v1/people/me", json={"language": "de"})).status_code == 200
    assert (await operator.get(ME)).json()["language"] == "de"


async def test_a_client_is_added_and_renamed_and_then_has_people(web: Web, town: Town) -> None:
    administrator = await web.browser("administrator")
    added = await administrator.post(
        "/api/v1/organisations", json={"name": "Bakery", "language": "fr"}
    )
    assert added.status_code == 201
    client = added.json()
    assert client["centre_id"] == str(town.centre)
    where = f"/api/v1/organisations/{client['id']}"
    await administrator.patch(where, json={"name": "Boulangerie"})
    found = (await administrator.get(where)).json()
    assert found == {**client, "name": "Boulangerie"}
    listed = (await administrator.get("/api/v1/organisations")).json()["items"]
    assert {one["name"] for one in listed} == {"Boulangerie", "Centre"}


async def test_a_token_speaks_for_its_maker_until_it_is_revoked(web: Web, pool: Pool) -> None:
    operator = await web.browser("operator")
    made = (await operator.post("/api/v1/tokens", json={"name": "Dispatch", "days": 30})).json()
    machine = web.client(token=made["secret"])
    me = (await machine.get(ME)).json()
    assert (me["sign_in"], me["csrf"]) == ("operator", None)
    listed = (await operator.get("/api/v1/tokens")).json()["items"]
    assert [token["name"] for token in listed] == ["Dispatch"]
    assert listed[0]["used_at"] is not None
    assert made["secret"] not in str(listed)
    assert made["secret"] not in str(await pool.fetchval("SELECT t::text FROM api_tokens t"))
    assert (await operator.delete(f"/api/v1/tokens/{made['id']}")).status_code == 204
    assert (await machine.get(ME)).status_code == 401


async def test_a_token_ends_by_the_clock_of_the_database(web: Web, pool: Pool) -> None:
    machine = web.client(token=await make_token(await web.browser("operator")))
    await pool.execute("UPDATE api_tokens SET expires_at = now()")
    assert (await machine.get(ME)).status_code == 401


async def test_a_stolen_token_makes_no_tokens_and_changes_no_password(web: Web) -> None:
    machine = web.client(token=await make_token(await web.browser("operator")))
    assert (await machine.post("/api/v1/tokens", json={"name": "More"})).status_code == 403
    change = {"current": PASSWORD, "new": "een andere zin 1831"}
    assert (await machine.put("/api/v1/people/me/password", json=change)).status_code == 403


async def test_a_token_is_its_owners_and_the_administrators_business(web: Web) -> None:
    operator, supervisor = await web.browser("operator"), await web.browser("supervisor")
    token = (await operator.post("/api/v1/tokens", json={"name": "Mine"})).json()["id"]
    assert (await supervisor.get("/api/v1/tokens")).json()["items"] == []
    assert (await supervisor.delete(f"/api/v1/tokens/{token}")).status_code == 404
    administrator = await web.browser("administrator")
    listed = (await administrator.get("/api/v1/tokens")).json()["items"]
    assert [(one["name"], one["person"]) for one in listed] == [("Mine", "operator")]
    assert (await administrator.delete(f"/api/v1/tokens/{token}")).status_code == 204


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Bearer x", "bearer vigil_x"])
async def test_a_bad_token_is_not_helped_by_a_good_cookie(web: Web, authorization: str) -> None:
    operator = await web.browser("operator")
    answer = await operator.get(ME, headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_people_are_listed_a_page_at_a_time_in_the_order_of_their_names(
    web: Web, pool: Pool, town: Town
) -> None:
    for name in ("émile", "Zoë", "an", "An", "Élise", "Ümit", "bart", "'; DROP TABLE people"):
        await add_person(pool, town.centre, uuid4().hex, "operator", name=name)
    administrator = await web.browser("administrator")
    all_at_once = (await administrator.get("/api/v1/people")).json()["items"]
    assert len(all_at_once) == 11
    answer = (await administrator.get("/api/v1/people", params={"limit": 3})).json()
    found = answer["items"]
    while answer["next"]:
        params = {"limit": 3, "cursor": answer["next"]}
        answer = (await administrator.get("/api/v1/people", params=params)).json()
        found += answer["items"]
    assert found == all_at_once


def new_person(town: Town, **other: str) -> dict[str, str]:
    return {
        "organisation_id": str(town.centre),
        "sign_in": "new.person",
        "name": "Somebody New",
        "role": "operator",
        **other,
    }


async def make_token(browser: httpx.AsyncClient) -> str:
    answer = await browser.post("/api/v1/tokens", json={"name": "Machine"})
    assert answer.status_code == 201, answer.text
    secret: str = answer.json()["secret"]
    return secret
