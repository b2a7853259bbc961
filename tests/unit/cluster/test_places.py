import ipaddress
from pathlib import Path

import pytest

from tests.cluster.places import Place, content_key, place_of_checkout

NAMES = [f"weirkeeper-{number:08x}" for number in range(50)]


def test_two_clusters_share_nothing() -> None:
    places = [Place(name) for name in NAMES]
    for attribute in ("state", "namespace", "link", "control_group", "api_address", "host_address"):
        assert len({getattr(place, attribute) for place in places}) == len(places), attribute


@pytest.mark.parametrize("name", NAMES)
def test_addresses_are_the_two_of_one_small_network_set_aside_for_tests(name: str) -> None:
    place = Place(name)
    network = ipaddress.IPv4Interface(f"{place.api_address}/30").network
    assert ipaddress.IPv4Address(place.host_address) in list(network.hosts())
    assert network.subnet_of(ipaddress.IPv4Network("198.18.0.0/15"))


def test_interface_names_fit_the_kernel() -> None:
    assert len(Place("a-name-much-longer-than-an-interface-may-have").link) <= 15


def test_the_environment_names_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLUSTER_NAME", raising=False)
    usual = place_of_checkout()
    monkeypatch.setenv("CLUSTER_NAME", "mine")
    assert place_of_checkout() == Place("mine") != usual


def test_content_key_changes_with_name_content_and_extra(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("text")
    other.write_text("text")
    keys = [content_key([one]), content_key([other]), content_key([one, other]), content_key([one], "extra")]
    one.write_text("another text")
    keys.append(content_key([one]))
    assert len(set(keys)) == len(keys)
