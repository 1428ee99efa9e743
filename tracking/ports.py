"""Which ports the house listens on, settled once before anything starts.

Several gateways share one device port, so a free port must be chosen by who starts them, not by
each of them.
"""

import socket
from collections.abc import Collection
from dataclasses import dataclass

import psutil

import protocols
from protocols.codec import Transport
from tracking.errors import VigilError
from tracking.settings import Settings

OFF = -1
"""The port of a protocol that is switched off."""

_FAMILIES = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


class Taken(VigilError):
    """Somebody else listens there; the text says who and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePort:
    """One protocol's door."""

    codec: str
    transports: tuple[Transport, ...]
    port: int


def device_ports(settings: Settings) -> list[DevicePort]:
    """Every protocol that is not switched off, with a port that is ours to take.

    Raises Taken if a port is in use or given twice, ValueError if a setting names a protocol we do
    not speak. Gateways share ports, so the operating system would let two protocols have one.
    """
    if strangers := set(settings.device_ports) - set(protocols.names()):
        raise ValueError(
            f"VIGIL_DEVICE_PORTS names {', '.join(sorted(strangers))}; "
            f"we speak {', '.join(protocols.names())}"
        )
    settled: list[DevicePort] = []
    given: dict[int, str] = {}
    for name in protocols.names():
        codec = protocols.get(name)
        port = port_of(name, settings)
        if port == OFF or not codec.transports:
            continue  # switched off, or heard through a broker alone
        if port == 0:
            port = _free_port(settings.device_host, codec.transports, given)
        if port in given:
            raise Taken(
                f"Port {port} is given to {given[port]} and to {name}: "
                f"VIGIL_DEVICE_PORTS={name}=PORT moves one of them (0: any free port)."
            )
        given[port] = name
        for transport in codec.transports:
            _refuse_taken(
                settings.device_host,
                port,
                transport,
                f"{name} devices",
                "VIGIL_DEVICE_PORT_OFFSET=10000 moves every device port, "
                f"VIGIL_DEVICE_PORTS={name}=PORT moves this one (0: any free port)",
            )
        settled.append(DevicePort(codec=name, transports=codec.transports, port=port))
    return settled


def port_of(name: str, settings: Settings) -> int:
    """The port that a protocol is given: a number, 0 for any that is free, or OFF."""
    usual = protocols.get(name).port + settings.device_port_offset
    return settings.device_ports.get(name, usual)


def every_protocol() -> list[str]:
    """The names of all protocols, those that are switched off too."""
    return protocols.names()


def listen_for_people(settings: Settings) -> socket.socket:
    """The web server's listening socket. The supervisor holds it while API processes come and go.

    Raises Taken.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise Taken(
            _taken(settings.port, "tcp", "the pages", "`--port PORT` moves it", error)
        ) from None
    listening.listen(2048)
    return listening


def _free_port(host: str, transports: tuple[Transport, ...], given: Collection[int]) -> int:
    """A port that is free for all these transports at once, and not given to another protocol."""
    for _ in range(50):
        port = _any_port(host, transports[0])
        if port not in given and all(
            _refusal(host, port, transport) is None for transport in transports
        ):
            return port
    raise Taken(f"no free port on {host} for {' and '.join(transports)}")


def _any_port(host: str, transport: Transport) -> int:
    """A port that the operating system calls free. Nobody holds it: it may say the same again."""
    with socket.socket(socket.AF_INET, _FAMILIES[transport]) as trial:
        trial.bind((host, 0))
        port: int = trial.getsockname()[1]
        return port


def _refusal(host: str, port: int, transport: Transport) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, _FAMILIES[transport]) as trial:
        if transport == "tcp":
            # Connections of an earlier run that are still saying goodbye are no obstacle.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            return error
    return None


def _refuse_taken(host: str, port: int, transport: Transport, whose: str, cure: str) -> None:
    if error := _refusal(host, port, transport):
        raise Taken(_taken(port, transport, whose, cure, error))


def _taken(port: int, transport: Transport, whose: str, cure: str, error: OSError) -> str:
    holder = _holder_of(port, transport)
    by = f" by {holder}" if holder else ""
    return (
        f"Port {port}/{transport} for {whose} is not ours to take{by} ({error.strerror}): {cure}."
    )


def _holder_of(port: int, transport: Transport) -> str:
    """The program that holds a port, as far as we may see it."""
    try:
        for one in psutil.net_connections(transport):
            if one.laddr and one.laddr.port == port and one.pid and not one.raddr:
                return f"{psutil.Process(one.pid).name()} (process {one.pid})"
    except psutil.Error:
        return ""
    return ""
