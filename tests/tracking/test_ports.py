"""Ports are settled before anything starts, and a taken one is explained."""

import socket

import pytest

import protocols
from tracking import ports
from tracking.settings import Settings


@pytest.fixture
def taken():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def _settings(**others):
    free = dict.fromkeys(protocols.names(), 0)
    return Settings(**{"device_host": "127.0.0.1", "device_ports": free, **others})


def test_zero_takes_a_free_port_for_all_transports_of_a_protocol():
    found = ports.device_ports(_settings())
    # What is heard through a broker alone has no port.
    assert [one.codec for one in found] == [
        name for name in protocols.names() if protocols.get(name).transports
    ]
    assert len({one.port for one in found}) == len(found)
    assert all(one.port > 0 for one in found)


def test_a_protocol_can_be_switched_off():
    off = dict.fromkeys(protocols.names(), ports.OFF)
    assert ports.device_ports(_settings(device_ports=off)) == []


def test_the_offset_moves_usual_ports_only():
    usual = {name: ports.OFF for name in protocols.names() if name != "gt06"}
    (moved,) = ports.device_ports(_settings(device_ports=usual, device_port_offset=31_000))
    assert moved.port == protocols.get("gt06").port + 31_000


def test_a_taken_device_port_names_its_holder_and_the_cure(taken):
    chosen = {**dict.fromkeys(protocols.names(), ports.OFF), "gt06": taken}
    with pytest.raises(ports.Taken) as refused:
        ports.device_ports(_settings(device_ports=chosen))
    assert f"Port {taken}/tcp for gt06 devices" in str(refused.value)
    assert "process" in str(refused.value)
    assert "VIGIL_DEVICE_PORT_OFFSET" in str(refused.value)


def test_a_taken_page_port_names_the_cure(taken):
    with pytest.raises(ports.Taken, match="--port PORT"):
        ports.listen_for_people(_settings(port=taken))


def test_a_protocol_that_we_do_not_speak_is_refused():
    with pytest.raises(ValueError, match="morse"):
        ports.device_ports(_settings(device_ports={"morse": 1}))


def test_the_same_free_port_is_not_given_twice(monkeypatch: pytest.MonkeyPatch):
    right = ports._any_port
    said: list[int] = []

    def forgetful(host, transport):
        """As an operating system may: nobody holds what it called free."""
        said.append(said[-1] if len(said) % 2 else right(host, transport))
        return said[-1]

    monkeypatch.setattr(ports, "_any_port", forgetful)
    found = ports.device_ports(_settings())
    assert len({one.port for one in found}) == len(found)


def test_a_port_given_to_two_protocols_is_refused():
    free = dict.fromkeys(protocols.names(), ports.OFF)
    both = _settings(device_ports={**free, "gt06": 47_123, "watch": 47_123})
    with pytest.raises(ports.Taken, match="given to gt06 and to watch"):
        ports.device_ports(both)
