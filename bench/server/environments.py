"""Virtual environments of the peers and of the server's image: made once at pinned versions, kept in the cache."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from bench.server.errors import Missing
from bench.server.places import CHECKOUT, HERE, cache, content_key

MOST_SECONDS: Final = 900
BYTES_PER_MEGABYTE: Final = 1_000_000
UV: Final = str(Path(sys.executable).parent / "uv")


@dataclass(frozen=True)
class Environment:
    """A virtual environment with what `requirements` pins, and after that what the command `trim` leaves of it."""

    name: str
    requirements: Path
    trim: Sequence[str] = ()

    @cached_property
    def folder(self) -> Path:
        """Where it is; the name says what is in it. It stays the same for a whole run."""
        programs = [CHECKOUT / part for part in self.trim if (CHECKOUT / part).is_file()]
        version = ".".join(map(str, sys.version_info[:2]))
        return cache() / f"{self.name}-{content_key([self.requirements, *programs], version)}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Its folder of installed packages."""
        return next((self.folder / "lib").glob("python*/site-packages"))

    def make(self) -> None:
        """Install it, unless that was done before.

        Raises:
            Missing: it is not there and cannot be installed; the message has the installer's last words.
        """
        done = self.folder / ".complete"
        if done.exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        _say(f"installing {self.name} into {self.folder}")
        self._run([sys.executable, "-m", "venv", str(self.folder)])
        # Compiled as pip does in the image, so that a start is no first start and the size is the image's.
        install = [UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(self.python)]
        self._run([*install, "--requirement", str(self.requirements)])
        if self.trim:
            self._run([*self.trim, str(self.packages)])
        done.touch()

    def install(self, source: Path) -> None:
        """Build the distribution of a checkout and install it, as the image has it.

        Raises:
            Missing: it cannot be built.
        """
        with tempfile.TemporaryDirectory() as folder:
            build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
            self._run([*build, "--wheel-dir", folder, str(source)])
            wheel = next(Path(folder).glob("*.whl"))
            again = ["--quiet", "--no-deps", "--no-index", "--reinstall", "--compile-bytecode", str(wheel)]
            self._run([UV, "pip", "install", "--python", str(self.python), *again])

    def versions(self, *names: str) -> dict[str, str]:
        """Tell the installed versions of packages."""
        program = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
        found = subprocess.run([self.python, "-c", program, *names], check=True, capture_output=True, text=True)
        return dict(zip(names, found.stdout.split(), strict=True))

    def megabytes(self) -> float:
        """Give the size of its packages in megabytes (10^6 bytes), as the files are long."""
        files = (path for path in self.packages.rglob("*") if path.is_file() and not path.is_symlink())
        return sum(path.stat().st_size for path in files) / BYTES_PER_MEGABYTE

    def _run(self, command: Sequence[str]) -> None:
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=MOST_SECONDS, cwd=CHECKOUT)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            words = str(error.stderr or error).strip().splitlines()[-3:]
            raise Missing(f"{self.name} is not installed, and this failed: {' '.join(command)}: {words}") from None


MLSERVER: Final = Environment("mlserver", HERE / "peers" / "mlserver.txt")
KSERVE: Final = Environment("kserve", HERE / "peers" / "kserve.txt")
IMAGE: Final = Environment(
    "image", CHECKOUT / "requirements" / "server.txt", (sys.executable, "model-server/trim_packages.py")
)
"""What the server's image has, by the same steps as in its Dockerfile."""
PROFILER: Final = Environment("profiler", HERE / "peers" / "profiler.txt")


def _say(text: str) -> None:
    print(f"bench-server: {text}", file=sys.stderr, flush=True)
