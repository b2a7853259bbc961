"""Programs that tests run beside what they test, and that are no Go modules: a store's emulator, a browser."""

import os
import shutil
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
