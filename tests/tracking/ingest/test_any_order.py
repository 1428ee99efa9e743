"""Whatever order a day's reports come in, and however often: the tables end up the same."""

import asyncio
import dataclasses
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from protocols.message import Report, Signal
from tests.devices import report
from tests.gateways import register
from tracking import database
from tracking.ingest.arrival import Arrival
from tracking.ingest.figures import Figures
from tracking.ingest.identity import Units
from tracking.ingest.writer import Writer
from tracking.rules.book import Shelf
from tracking.rules.service import rules_of
from tracking.settings import Settings

UNIT = "356938035643809"
NOON = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=12)
HEARD_AT = NOON + timedelta(hours=23)


def record(step: int, *, at: datetime) -> Report:
    said = report(at, step, *([Signal.PANIC] if step == 5 else []), ignition=step % 2 == 0)
    return dataclasses.replace(said, record=b"record %d" % step)


DAY = (
    *(record(step, at=NOON + timedelta(minutes=10 * step)) for step in range(8)),
    # Two records of one second, and two that no clock should have dated.
    record(8, at=NOON + timedelta(minutes=70)),
    record(9, at=datetime(1970, 1, 1, tzinfo=UTC)),
    record(10, at=HEARD_AT + timedelta(days=2)),
)

said_in_any_order = st.tuples(
    st.permutations(range(len(DAY))),
    st.lists(st.integers(0, len(DAY) - 1), max_size=8),
    st.integers(1, 12),
    st.randoms(use_true_random=False),
)


@pytest.fixture
def house(settings: Settings) -> Iterator["House"]:
    house = House(settings)
    yield house
    house.close()


class House:
    """A writer on a database that is emptied between examples; Hypothesis is not asynchronous."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runner = asyncio.Runner()
        self._pool = self._runner.run(database.open_pool(settings, "owner", size=1))
        self._runner.run(register(self._pool, UNIT))
        self.in_order = self.tables_after([DAY])

    def close(self) -> None:
        self._runner.run(self._pool.close())
        self._runner.close()

    def tables_after(self, batches: Sequence[Sequence[Report]]) -> dict[str, object]:
        return self._runner.run(self._tables_after(batches))

    async def _tables_after(self, batches: Sequence[Sequence[Report]]) -> dict[str, object]:
        await self._pool.execute(
            "DELETE FROM changes; DELETE FROM alarm_events; DELETE FROM alarms;"
            " DELETE FROM rule_memory; DELETE FROM unit_sessions; DELETE FROM last_positions;"
            " DELETE FROM misdated_positions; DELETE FROM positions; DELETE FROM frames"
        )
        writer = Writer(
            self._settings,
            gateway="gateway-1",
            units=Units(),
            rules=rules_of(self._settings),
            shelf=Shelf(),
            figures=Figures(),
        )
        for batch in batches:
            arrivals = [
                Arrival(
                    unit_id=UNIT,
                    codec="gt06",
                    address="127.0.0.1",
                    received_at=HEARD_AT,
                    frame=said.record,
                    reports=(said,),
                )
                for said in batch
            ]
            await writer.keep(arrivals)
            assert all(arrival.kept for arrival in arrivals)
        await writer.close()
        # Whether a fix came late is a fact about its coming, not about the day.
        where = "asset_id, at, fingerprint, geom, speed_kmh, ignition, signals, valid"
        return {
            "positions": await self._rows(
                f"SELECT {where} FROM positions ORDER BY at, fingerprint"
            ),
            "misdated": await self._rows(f"SELECT {where} FROM misdated_positions ORDER BY at"),
            "alarms": await self._rows("SELECT id, cause, repeats, at, geom FROM alarms"),
        }

    async def _rows(self, query: str) -> list[asyncpg.Record]:
        return await self._pool.fetch(query)


def test_the_tables_do_not_depend_on_the_order(house: House):
    @examples(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(said=said_in_any_order)
    def holds(said) -> None:
        order, again, size, luck = said
        reports = [DAY[place] for place in order]
        for place in again:
            reports.insert(luck.randint(0, len(reports)), DAY[place])
        batches = [reports[start : start + size] for start in range(0, len(reports), size)]
        assert house.tables_after(batches) == house.in_order

    holds()
    assert len(house.in_order["positions"]) == 9  # type: ignore[arg-type]
    assert len(house.in_order["misdated"]) == 2  # type: ignore[arg-type]


def test_who_tells_equal_records_apart_is_found_out(settings: Settings):
    house = House(settings.model_copy(update={"break_promise": "no-dedupe"}))
    try:
        assert house.tables_after([DAY, DAY]) != house.in_order
    finally:
        house.close()
