"""Examples for the OpenAPI document: a body for every route, made of the examples of its fields."""

from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

DEEPEST = 6
"""Schemas that contain themselves end here."""


def give_examples(document: Schema) -> None:
    """Add an example to every body in this document that has none."""
    schemas = document["components"]["schemas"]
    for methods in document["paths"].values():
        for operation in methods.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                for kind in ("application/json", "text/csv"):
                    content = body.get("content", {}).get(kind, {})
                    if content.get("schema") and not content.keys() & {"example", "examples"}:
                        content["example"] = example(content["schema"], schemas)


def example(schema: Schema, schemas: Schema, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
    """A value that fits the schema. ``schemas`` are the named ones that it may refer to."""
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rpartition("/")[2]], schemas, depth)
    if schema.get("examples"):
        return schema["examples"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return example(schema[choice][0], schemas, depth)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    return _made(schema, schemas, depth + 1)


def _made(schema: Schema, schemas: Schema, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    kind = str(schema.get("type"))
    if kind == "object":
        fields: Schema = schema.get("properties", {}) if depth < DEEPEST else {}
        return {name: example(field, schemas, depth) for name, field in fields.items()}
    if kind == "array":
        return [example(schema.get("items", {}), schemas, depth)] if depth < DEEPEST else []
    return _PLAIN.get(str(schema.get("format")), _PLAIN.get(kind))


_PLAIN: dict[str, Any] = {
    "string": "…",
    "uuid": "3f2c8f7e-0a55-4c2b-9a41-6f0d5b7c1e90",
    "date-time": "2026-03-01T08:30:00Z",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
}
"""What stands for a value without an example of its own."""
