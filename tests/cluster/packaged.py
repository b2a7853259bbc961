"""What tests need beside what they test, and that is no Go module: an emulator, a browser, a list of requests."""

import os
import shutil
import sys
import tarfile
from pathlib import Path

from tests.cluster.errors import MissingProgram
from tests.cluster.places import cache, content_key, locked
from tests.cluster.programs import BINARIES, apt_install
from tests.cluster.shell import long_run, output

INSTALL_TIMEOUT = 900.0
NODE_VERSION = 20


def azurite() -> Path:
    """The path of Azure's emulator of a blob store, installed from npm at locked versions when it is not there."""
    if _node_version() < NODE_VERSION:
        raise MissingProgram(f"install Node.js {NODE_VERSION} or later, with npm: azurite is one of its packages")
    sources = [BINARIES / "azurite" / name for name in ("package.json", "package-lock.json")]
    folder = cache() / f"azurite-{content_key(sources)}"
    if not folder.exists():
        with locked("azurite"):
            if not folder.exists():
                _install(sources, folder)
    return folder / "node_modules" / ".bin" / "azurite-blob"


def _node_version() -> int:
    """The first number of the version of Node.js; 0 where it, or its npm, is not there."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return 0
    return int(output(["node", "--version"]).removeprefix("v").partition(".")[0])


def _install(sources: list[Path], folder: Path) -> None:
    work = folder.parent / ".azurite.installing"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for source in sources:
        shutil.copy(source, work)
    # No package runs a program of its own while it is installed.
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    what = f"installing azurite (first time: about a minute, then kept in {folder})"
    long_run(what, command, timeout=INSTALL_TIMEOUT, cwd=work)
    work.rename(folder)


def gunicorn_requests() -> Path:
    """The folder of the requests, valid and invalid, that gunicorn is tested by, out of its source archive."""
    pinned = BINARIES / "gunicorn" / "requirements.txt"
    folder = cache() / f"gunicorn-requests-{content_key([pinned])}"
    if not folder.exists():
        with locked("gunicorn-requests"):
            if not folder.exists():
                _unpack_requests(pinned, folder)
    return folder


def _unpack_requests(pinned: Path, folder: Path) -> None:
    work = folder.parent / ".gunicorn-requests.fetching"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    # pip asks an archive of sources for its dependencies by building it, which takes the development's setuptools.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", "gunicorn", "--no-build-isolation", "--require-hashes", "--requirement", str(pinned)]
    what = f"fetching the requests that gunicorn is tested by (once, then kept in {folder})"
    long_run(what, [*command, "--dest", str(work)], timeout=INSTALL_TIMEOUT)
    (archive,) = work.glob("gunicorn-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(work, filter="data")
    (requests,) = work.glob("gunicorn-*/tests/requests")
    requests.rename(folder)
    shutil.rmtree(work)


def chromium() -> Path:
    """The path of the browser, installed from Debian's package when it is not there."""
    found = shutil.which("chromium")
    if found is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise MissingProgram("`chromium` is not on PATH; install it: without root and apt-get it is not done here")
        apt_install(["chromium"])
        found = shutil.which("chromium")
    if found is None:
        raise MissingProgram("there is no `chromium` on PATH though Debian's package of that name is installed")
    return Path(found)
