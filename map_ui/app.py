"""The whole web service: the API with our pages in front of it."""

from fastapi import FastAPI

from map_ui import (
    assets,
    devices,
    events,
    imports,
    noise,
    pages,
    profiles,
    quarantine,
    report,
    rule_builder,
    rule_preview,
    rules,
    schedule_form,
    setup,
    zones,
)
from tracking.api.app import create_app as create_api


def create_app() -> FastAPI:
    """What the web server runs. Pages need the npm packages; the API answers without them."""
    return add_pages(create_api())


def add_pages(app: FastAPI) -> FastAPI:
    """Put the pages and their files on an application that has the API."""
    app.include_router(assets.router)
    app.include_router(pages.router)
    # Before the pages of single devices, whose ids would match "import".
    app.include_router(imports.router)
    app.include_router(devices.router)
    app.include_router(setup.router)
    app.include_router(profiles.router)
    app.include_router(schedule_form.router)
    app.include_router(quarantine.router)
    app.include_router(report.router)
    # Before the pages of single rules, whose ids would match "ready" and "noise".
    app.include_router(rules.router)
    app.include_router(events.router)
    app.include_router(noise.router)
    app.include_router(rule_preview.router)
    app.include_router(rule_builder.router)
    app.include_router(zones.router)
    app.include_router(zones.answers)
    return app
