"""An environment for each peer, with versions that work, made once and kept outside the checkout."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HOME = Path("~/.cache/weirkeeper/bench-drift").expanduser()
ROOT = Path(__file__).parents[2]
INSTALL_SECONDS = 900

PACKAGES = {
    # 0.7.23 cannot read pandas 3.
    "evidently": ("evidently==0.7.23", "pandas<3"),
    # 0.13.1 imports statsmodels and does not ask for it.
    "nannyml": ("nannyml==0.13.1", "statsmodels"),
}
QUIET = {
    "DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "ITERATIVE_DO_NOT_TRACK": "1",
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg",
}  # fmt: skip


def python_of(tool: str) -> Path | None:
    """The interpreter of a peer's environment, made where there is none yet; None where that does not succeed."""
    packages = PACKAGES[tool]
    named = hashlib.sha256(repr((packages, sys.version_info[:2])).encode()).hexdigest()[:8]
    folder = HOME / f"{tool}-{named}"
    python, complete = folder / "bin" / "python", folder / ".complete"
    if not complete.exists():
        print(f"bench-drift: installing {', '.join(packages)} into {folder}", file=sys.stderr, flush=True)
        if not _installed(folder, packages):
            return None
        complete.touch()
    return python


def environment() -> dict[str, str]:
    """The variables with which peers run: one thread, no telemetry."""
    return {**os.environ, **QUIET}


def _installed(folder: Path, packages: tuple[str, ...]) -> bool:
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        # uv fetches packages side by side, which matters for half a gigabyte; it does not read the settings of pip.
        uv = [
            str(Path(sys.executable).parent / "uv"),
            "pip",
            "install",
            "--quiet",
            "--python",
            str(folder / "bin/python"),
        ]
        if subprocess.run([*uv, *packages], check=False, timeout=INSTALL_SECONDS).returncode:
            pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, *packages], check=True, timeout=INSTALL_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"bench-drift: {packages[0]} cannot be installed: {error}", file=sys.stderr, flush=True)
        return False
    return True
