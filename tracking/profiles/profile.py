"""How the devices of one model are set up, and how one unit differs from them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from protocols.settings import AS_USUAL, DeviceSettings, settings_from

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One version of a profile. ``model`` is in lower case; "" is for all models of the codec.

    ``category`` is the one of EN 50136-1 that the reporting time was chosen by, if it was.
    """

    id: UUID
    codec: str
    model: str
    version: int
    settings: Mapping[str, object]
    category: str | None
    reporting_time_s: int | None
    note: str
    created_at: datetime
    created_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProfile:
    """A version to be filed."""

    codec: str
    model: str
    settings: Mapping[str, object]
    category: str | None
    reporting_time_s: int | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One unit: what is shared by its protocol's models, what its model has, what it has itself."""

    unit_id: str
    model: str
    shared: Mapping[str, object] | None
    of_model: Mapping[str, object] | None
    of_unit: Mapping[str, object]
    secret: str = ""

    def in_force(self) -> DeviceSettings:
        """The three laid over each other.

        What was stored by an older Vigil and says nothing any more is left out: a setting must
        not keep a unit from being heard.
        """
        settings = AS_USUAL
        for layer in (self.shared, self.of_model, self.of_unit):
            try:
                settings = settings_from(layer or {}, settings)
            except ValueError as error:
                _log.error(
                    "stored settings cannot be read",
                    extra={"unit": self.unit_id, "error": str(error)},
                )
        return replace(settings, model=self.model or settings.model, secret=self.secret)
