"""Who asks the API server: what a pod finds, and what it says when it finds nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from weirkeeper.kube.errors import NoAccess, Transient
from weirkeeper.kube.login import TOKEN_SECONDS, Access, PodLogin, find_login

WHERE = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "ca.crt").write_text("")
    return tmp_path


async def test_a_pod_asks_as_its_service_account(account: Path) -> None:
    login = await find_login(account, WHERE)
    access = Access("https://10.0.0.1:443", ca_path=str(account / "ca.crt"), authorization="Bearer first")
    assert await login.access() == access


async def test_an_address_of_ipv6_stands_in_brackets(account: Path) -> None:
    login = await find_login(account, {**WHERE, "KUBERNETES_SERVICE_HOST": "fd00::1"})
    assert (await login.access()).server == "https://[fd00::1]:443"


async def test_a_renewed_token_is_taken_within_a_minute(account: Path) -> None:
    now = [0.0]
    login = PodLogin("https://10.0.0.1:443", account, clock=lambda: now[0])
    assert (await login.access()).authorization == "Bearer first"
    (account / "token").write_text("second")
    now[0] = TOKEN_SECONDS - 1
    assert (await login.access()).authorization == "Bearer first"
    now[0] = TOKEN_SECONDS
    assert (await login.access()).authorization == "Bearer second"


@pytest.mark.parametrize("content", [None, " \n"])
async def test_a_token_that_cannot_be_read_is_a_passing_fault(account: Path, content: str | None) -> None:
    login = await find_login(account, WHERE)
    if content is None:
        (account / "token").unlink()
    else:
        (account / "token").write_text(content)
    with pytest.raises(Transient, match="token"):
        await login.access()


async def test_a_pod_that_is_not_told_where_the_api_server_is_says_so(account: Path) -> None:
    with pytest.raises(NoAccess, match="KUBERNETES_SERVICE_HOST"):
        await find_login(account, {})


def test_certificates_that_cannot_be_read_are_named(account: Path) -> None:
    with pytest.raises(NoAccess, match=r"ca\.crt"):
        Access("https://10.0.0.1:443", ca_path=str(account / "ca.crt")).tls()


def test_the_routers_agent_does_without_the_kubernetes_client() -> None:
    code = "import sys, weirkeeper.runtime.agent; sys.exit('kubernetes' in sys.modules or 'kopf' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


WITHOUT = """
import sys
sys.modules["kubernetes"] = None  # what is not installed
import asyncio
from pathlib import Path
from weirkeeper.kube.errors import NoAccess
from weirkeeper.kube.login import find_login
from weirkeeper.runtime import feed, operator
assert feed.registry_of(lambda *_: None)
try:
    asyncio.run(find_login(Path("/nowhere"), {}))
except NoAccess as error:
    print(error)
"""


def test_the_operator_does_without_the_kubernetes_client_until_it_must_read_a_kubeconfig() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], check=True, timeout=300, capture_output=True, text=True)
    assert "pip install 'weirkeeper[kubeconfig]'" in done.stdout


def test_the_operator_s_image_has_no_kubernetes_client() -> None:
    locked = (Path(__file__).parents[3] / "requirements" / "operator.txt").read_text()
    assert "\nkopf==" in locked
    assert "\nkubernetes==" not in locked
