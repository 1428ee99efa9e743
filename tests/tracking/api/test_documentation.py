"""The OpenAPI document and its page: complete, and from nowhere but here."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.tracking.web import Web
from tracking.api.app import create_app
from tracking.settings import Settings

DOCUMENT: dict[str, Any] = create_app(Settings()).openapi()


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


@pytest.mark.parametrize(("name", "operation"), list(operations()))
def test_every_operation_is_explained_with_examples(name: str, operation: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z][a-z_]+", operation["operationId"])
    assert operation["description"]
    assert operation["summary"]
    assert operation.get("tags") or not name.partition(" ")[2].startswith("/api/")
    if "requestBody" in operation:
        assert all(body["example"] for body in operation["requestBody"]["content"].values())
    for status, answer in operation["responses"].items():
        for kind, content in answer.get("content", {}).items():
            if kind != "text/plain":
                assert "example" in content, status


def test_operation_ids_are_unique() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("name", "operation"), list(operations()))
def test_every_error_is_a_problem_document(name: str, operation: dict[str, Any]) -> None:
    if not name.partition(" ")[2].startswith("/api/v1/"):
        return
    for status, answer in operation["responses"].items():
        if status[0] in "45":
            schema = answer["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}, status
    assert name == "POST /api/v1/sessions" or operation["security"] == [
        {"session": []},
        {"token": []},
    ]
    assert {"401", "503"} <= operation["responses"].keys()
    assert "{" not in name or "404" in operation["responses"]


def test_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for found in re.findall(r"'\$ref': '([^']+)'", str(DOCUMENT)):
        assert found.removeprefix("#/components/schemas/") in schemas


async def test_the_page_shows_every_operation_and_loads_nothing_from_outside(web: Web) -> None:
    client = web.client()
    page = await client.get("/api/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for _, operation in operations():
        assert f'id="{operation["operationId"]}"' in page.text
    links = re.findall(r'(?:href|src)="([^"#]+)"', page.text)
    assert sorted(links) == ["/api/docs.css", "/api/v1/openapi.json"]
    assert not re.search(r"<script|<style|style=|\\son[a-z]+=", page.text)
    style = await client.get("/api/docs.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "url(" not in style.text
    assert "@import" not in style.text
    assert (await client.get("/api/v1/openapi.json")).json() == DOCUMENT


async def test_what_people_write_in_the_document_cannot_become_a_page(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {**DOCUMENT, "info": {**DOCUMENT["info"], "title": "<script>alert(1)</script>"}}
    monkeypatch.setattr(web.app, "openapi", lambda: document)
    assert "<script" not in (await web.client().get("/api/docs")).text
