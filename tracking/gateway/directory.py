"""How each unit is set up, read before the first of its frames is understood.

A clock on the wire, an input that is a panic button, a key: a frame read without them can be read
wrongly, so its connection waits for the answer, but never for long. Whoever calls for help while
PostgreSQL is away is understood as usual.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from protocols.errors import Locked, Malformed
from protocols.settings import AS_USUAL, DeviceSettings
from tracking import database
from tracking.database import AWAY
from tracking.gateway.names import clean
from tracking.profiles import store
from tracking.settings import Settings

_log = logging.getLogger(__name__)

_AT_ONCE = 1_000
_MOST_ASKED = 10_000
"""Names that wait for an answer; a flood of made-up ones is understood as usual."""
_MOST = 200_000
_STRANGER_S = 10.0
_PAUSE_S = 0.2


class Directory:
    """What PostgreSQL said of the units that spoke here. Run ``run()`` as a task."""

    def __init__(self, settings: Settings) -> None:
        self.version = 0
        """Changes whenever something else may be known of a unit than before."""
        self._settings = settings
        self._patience_s = settings.provisional_after_ms / 1000.0
        self._known: dict[str, DeviceSettings] = {}
        self._passing: dict[str, float] = {}
        """Names we go on with as usual, each until when on the loop's clock."""
        self._asked: dict[str, list[Callable[[], None]]] = {}
        self._wake = asyncio.Event()
        self._away = False

    def of(self, unit_id: str) -> DeviceSettings | None:
        """How this unit is set up, by its name on the wire; None: not known yet, so ask."""
        unit_id = clean(unit_id)
        found = self._known.get(unit_id)
        if found is not None:
            return found
        if self._away or len(self._asked) >= _MOST_ASKED:
            return AS_USUAL
        return AS_USUAL if self._passing.get(unit_id, 0.0) > _now() else None

    def knows(self, unit_id: str) -> bool:
        """Whether this unit is registered, as far as has been read."""
        return unit_id in self._known

    def answer_to(self, error: Malformed, unit_id: str) -> bytes:
        """What to say to a frame that could not be read.

        Nothing, if that is for want of a key that we have not been able to look up: a refusal
        would send a cry for help elsewhere, and said again it will be understood.
        """
        waits = self._away or unit_id in self._asked or len(self._asked) >= _MOST_ASKED
        if isinstance(error, Locked) and waits and unit_id not in self._known:
            return b""
        return error.answer

    def ask(self, unit_id: str, then: Callable[[], None] | None = None) -> None:
        """Look a unit up; ``then`` is called once, when ``of`` has something to say of it."""
        unit_id = clean(unit_id)
        waiting = self._asked.setdefault(unit_id, [])
        if then is not None:
            waiting.append(then)
            asyncio.get_running_loop().call_later(self._patience_s, self._in_time, unit_id)
        self._wake.set()

    def forget(self, unit_id: str) -> None:
        """Somebody changed this unit; "" for many at once."""
        if not unit_id:
            self.forget_all()
            return
        self._known.pop(unit_id, None)
        self._passing.pop(unit_id, None)
        self.version += 1

    def forget_all(self) -> None:
        """After news may have been missed."""
        self._known.clear()
        self._passing.clear()
        self.version += 1

    async def run(self) -> None:
        """Answer what is asked, until cancelled, over a connection of its own."""
        while True:
            try:
                async with asyncio.timeout(5.0):
                    connection = await database.connect(self._settings, "ingest")
                try:
                    if self._away:
                        # Who spoke meanwhile was understood as usual.
                        self._away = False
                        self.version += 1
                    while True:
                        await self._answer(connection)
                finally:
                    connection.terminate()
            except AWAY as error:
                if not self._away:
                    _log.warning("units cannot be looked up", extra={"error": repr(error)})
                self._away = True
                for unit_id in list(self._asked):
                    self._say(unit_id)
                await asyncio.sleep(_PAUSE_S)

    async def _answer(self, connection: database.Connection) -> None:
        while not self._asked:
            self._wake.clear()
            await self._wake.wait()
        names = list(self._asked)[:_AT_ONCE]
        version = self.version
        async with asyncio.timeout(5.0):
            found = await store.settings_of_units(connection, names)
        if version != self.version:
            return  # what was read may be older than the change that we heard of
        self._learn(names, found)
        for unit_id in names:
            self._say(unit_id)

    def _learn(self, names: Sequence[str], found: dict[str, DeviceSettings]) -> None:
        if len(self._known) + len(self._passing) > _MOST:
            self._known.clear()
            self._passing.clear()
        until = _now() + _STRANGER_S
        for unit_id in names:
            if unit_id in found:
                self._known[unit_id] = found[unit_id]
                # Whoever did not wait has gone on as usual.
                self.version += unit_id in self._passing
            else:
                self._passing[unit_id] = until

    def _in_time(self, unit_id: str) -> None:
        """It has taken too long: go on as usual, and learn it when the answer comes."""
        if unit_id in self._asked:
            self._passing[unit_id] = _now() + self._patience_s
            waiting, self._asked[unit_id] = self._asked[unit_id], []
            for then in waiting:
                then()

    def _say(self, unit_id: str) -> None:
        for then in self._asked.pop(unit_id, ()):
            then()


def _now() -> float:
    return asyncio.get_running_loop().time()
