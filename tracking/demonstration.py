"""An invented centre: its people, three clients, 200 assets and the devices that speak for them.

The same every time, so that the simulated devices find themselves registered. Nobody here exists;
passwords are not here either (``seed`` makes them up).
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from tracking.fleet.fleet import AssetKind, DeviceKind
from tracking.people.account import Language
from tracking.people.person import Role

CENTRE = "Meldkamer Noordster"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemonstrationPerson:
    """Somebody who will be able to sign in."""

    name: str
    role: Role
    language: Language

    @property
    def sign_in(self) -> str:
        """Their name as they type it."""
        return self.name.lower().replace(" ", ".").replace("é", "e").replace("ü", "u")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemonstrationAsset:
    """An asset and the one device on it."""

    kind: AssetKind
    name: str
    plate: str | None
    phone: str | None
    unit_id: str
    codec: str
    model: str
    reporting_time_s: int

    @property
    def device_kind(self) -> DeviceKind:
        """Fitted to a vehicle, or carried by a person."""
        return DeviceKind.TRACKER if self.kind is AssetKind.VEHICLE else DeviceKind.PANIC_DEVICE


@dataclass(frozen=True, slots=True, kw_only=True)
class DemonstrationClient:
    """A client, the person who signs in for it, and what it has."""

    name: str
    language: Language
    person: DemonstrationPerson
    assets: tuple[DemonstrationAsset, ...]


ADMINISTRATOR = DemonstrationPerson(name="Katrien Wouters", role=Role.ADMINISTRATOR, language="nl")

STAFF = (
    DemonstrationPerson(name="An Peeters", role=Role.OPERATOR, language="nl"),
    DemonstrationPerson(name="Luc Lambert", role=Role.OPERATOR, language="fr"),
    DemonstrationPerson(name="Sofie Maes", role=Role.SUPERVISOR, language="nl"),
    ADMINISTRATOR,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """So many assets of one kind with one model of device."""

    number: int
    kind: AssetKind
    codec: str
    model: str
    reporting_time_s: int


_V, _L, _S = AssetKind.VEHICLE, AssetKind.LONE_WORKER, AssetKind.SENIOR
_VEHICLE_S, _WORKER_S, _SENIOR_S = 6 * 3600, 1800, 3600


def _share(number: int, kind: AssetKind, codec: str, model: str) -> _Share:
    promised = {_V: _VEHICLE_S, _L: _WORKER_S, _S: _SENIOR_S}[kind]
    return _Share(number=number, kind=kind, codec=codec, model=model, reporting_time_s=promised)


_HAULIER = (
    _share(30, _V, "teltonika", "FMC130"),
    _share(15, _V, "teltonika", "FMB920"),
    _share(30, _V, "gt06", "GT06N"),
    _share(3, _V, "osmand", "Traccar Client"),
    _share(2, _V, "owntracks", "OwnTracks"),
)
_GUARDS = (
    _share(17, _V, "teltonika", "FMB920"),
    _share(18, _V, "gt06", "GT06N"),
    _share(3, _V, "osmand", "Traccar Client"),
    _share(2, _V, "owntracks", "OwnTracks"),
    _share(16, _L, "minifinder2", "EV-07B"),
    _share(9, _L, "teltonika", "TMT250"),
    _share(8, _L, "owntracks", "OwnTracks"),
    _share(6, _L, "osmand", "Traccar Client"),
    _share(6, _L, "watch", "3G watch"),
)
_CARERS = (
    _share(19, _S, "watch", "3G watch"),
    _share(16, _S, "minifinder2", "EV-07B"),
)

_FIRST_NAMES: dict[Language, Sequence[str]] = {
    "nl": ("Bart", "Els", "Jan", "Lies", "Pieter", "Greet", "Tom", "Hilde", "Wim", "Nele"),
    "fr": ("Claire", "Didier", "Élodie", "Fabrice", "Inès", "Julien", "Manon", "Yves", "Zoé"),
    "de": (
        "Anneliese",
        "Bernd",
        "Christa",
        "Dieter",
        "Erika",
        "Gerda",
        "Heinz",
        "Jürgen",
        "Ursula",
    ),
}
_SURNAMES: dict[Language, Sequence[str]] = {
    "nl": ("Claes", "De Smet", "Goossens", "Jacobs", "Mertens", "Van den Broeck", "Willems"),
    "fr": ("Collard", "Delvaux", "Fontaine", "Lejeune", "Noël", "Renard", "Simonis", "Thiry"),
    "de": ("Backes", "Heinen", "Kessler", "Lentz", "Müller", "Pauels", "Schröder", "Theissen"),
}
_VEHICLES: dict[Language, Sequence[str]] = {
    "nl": ("Bestelwagen", "Vrachtwagen", "Koelwagen", "Oplegger"),
    "fr": ("Camionnette", "Patrouille", "Transport de fonds"),
    "de": ("Lieferwagen", "Pflegewagen"),
}


@dataclass(slots=True)
class _Names:
    """Names that have not been given yet, drawn by a lot that falls the same way every time."""

    lot: random.Random = field(default_factory=lambda: random.Random(1060))  # noqa: S311 - no secret
    given: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def person(self, language: Language) -> str:
        while True:
            name = (
                f"{self.lot.choice(_FIRST_NAMES[language])} {self.lot.choice(_SURNAMES[language])}"
            )
            if name not in self.given:
                self.given.add(name)
                return name

    def plate(self) -> str:
        letters = "".join(self.lot.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(3))
        return f"{self.lot.choice((1, 2))}-{letters}-{self.lot.randrange(1000):03}"

    def phone(self) -> str:
        return f"+32{self.lot.choice((468, 470, 472, 485, 493))}{self.lot.randrange(10**6):06}"


def clients() -> list[DemonstrationClient]:
    """The three clients with all that they have."""
    names = _Names()
    return [
        _client(names, "Transport Verhaegen", "nl", "Dirk Verhaegen", _HAULIER),
        _client(names, "Ardennes Gardiennage", "fr", "Nathalie Renson", _GUARDS),
        _client(names, "Seniorenhilfe Ostbelgien", "de", "Monika Schmitz", _CARERS),
    ]


def _client(
    names: _Names, name: str, language: Language, person: str, shares: Sequence[_Share]
) -> DemonstrationClient:
    vehicle_number = count(1)
    assets = [
        _asset(names, language, share, vehicle_number)
        for share in shares
        for _ in range(share.number)
    ]
    return DemonstrationClient(
        name=name,
        language=language,
        person=DemonstrationPerson(name=person, role=Role.CLIENT, language=language),
        assets=tuple(assets),
    )


def _asset(
    names: _Names, language: Language, share: _Share, vehicle_number: Iterator[int]
) -> DemonstrationAsset:
    vehicle = share.kind is AssetKind.VEHICLE
    number = next(names.numbers)
    return DemonstrationAsset(
        kind=share.kind,
        name=(
            f"{names.lot.choice(_VEHICLES[language])} {next(vehicle_number)}"
            if vehicle
            else names.person(language)
        ),
        plate=names.plate() if vehicle else None,
        phone=None if vehicle else names.phone(),
        unit_id=_unit_id(share.codec, number),
        codec=share.codec,
        model=share.model,
        reporting_time_s=share.reporting_time_s,
    )


def _unit_id(codec: str, number: int) -> str:
    """How a device of this protocol calls itself."""
    match codec:
        case "watch":
            return f"{4_500_000_000 + number}"
        case "osmand":
            return f"{730_000 + number}"
        case "owntracks":
            return f"demonstration/phone{number:03}"
        case _:
            # The first eight digits, a maker's type allocation code, are invented.
            return _with_check_digit(f"35999900{number:06}")


def _with_check_digit(digits: str) -> str:
    """An IMEI: fourteen digits and the one that Luhn's sum makes of them."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(digits))
    total = sum(value // 10 + value % 10 for value in doubled)
    return f"{digits}{-total % 10}"
