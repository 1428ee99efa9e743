"""The documentation page: what OpenAPI says, as one page that loads nothing from anywhere else."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import FileResponse, HTMLResponse

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent / "docs_page"
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route as the page shows it; examples are JSON texts, "" where there are none."""

    method: str
    path: str
    name: str
    tag: str
    summary: str
    description: str
    parameters: list[dict[str, Any]]
    request: str
    answer: str
    statuses: list[tuple[str, str]]


@router.get("/api/docs", response_class=HTMLResponse)
async def docs_page(request: Request) -> HTMLResponse:
    """The documentation for people."""
    return HTMLResponse(_page(request.app.openapi_url, _Document(request.app.openapi())))


@router.get("/api/docs.css")
async def docs_style() -> FileResponse:
    """What the documentation looks like."""
    return FileResponse(_FOLDER / "docs.css", media_type="text/css")


class _Document:
    """An OpenAPI document, read for showing."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.title: str = document["info"]["title"]
        self.description: str = document["info"]["description"]
        self._paths: dict[str, Any] = document["paths"]

    def by_tag(self) -> dict[str, list[Operation]]:
        """The operations under their first tag, in the order of the routes."""
        grouped: dict[str, list[Operation]] = {}
        for operation in self._operations():
            grouped.setdefault(operation.tag, []).append(operation)
        return grouped

    def _operations(self) -> Iterator[Operation]:
        for path, methods in self._paths.items():
            for method in _METHODS:
                if method in methods:
                    yield self._operation(method, path, methods[method])

    def _operation(self, method: str, path: str, said: dict[str, Any]) -> Operation:
        answers = said["responses"]
        good: dict[str, Any] = answers[min(answers)]
        return Operation(
            method=method.upper(),
            path=path,
            name=said["operationId"],
            tag=said.get("tags", ["house"])[0],
            summary=said.get("summary", ""),
            description=said.get("description", ""),
            parameters=said.get("parameters", []),
            request=_json(said.get("requestBody", {})),
            answer=_json(good),
            statuses=[(status, answers[status]["description"]) for status in sorted(answers)],
        )


def _json(body: dict[str, Any]) -> str:
    content = body.get("content", {}).get("application/json", {})
    if "example" not in content:
        return ""
    return orjson.dumps(content["example"], option=orjson.OPT_INDENT_2).decode()


def _page(openapi_url: str, document: _Document) -> str:
    return str(_template().render(openapi_url=openapi_url, document=document))


@cache
def _template() -> Any:  # noqa: ANN401 - a Jinja2 template
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("docs.html")
