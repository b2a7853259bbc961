"""The archive for krew: what the script makes, krew installs, and what krew installed runs by itself."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

import pytest
import yaml

from scripts.krew_archive import main
from tests.cluster.places import CHECKOUT
from tests.cluster.programs import KREW, built
from tests.harness.programs import or_skip

ROLLOUT = """
apiVersion: weirkeeper.dev/v1alpha1
kind: Rollout
metadata: {name: churn}
spec: {modelRef: {name: churn}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the script wrote archive and manifest."""
    made = tmp_path_factory.mktemp("dist")
    assert main(["--uri", "https://releases.example/weirkeeper/", "--folder", str(made), "--level", "1"]) == 0
    return made


@pytest.fixture(scope="module")
def installed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command as krew put it on the PATH."""
    krew, root = or_skip(partial(built, KREW)), tmp_path_factory.mktemp("krew")
    (archive,) = folder.glob("*.tar.gz")
    command = [str(krew), "install", "--manifest", str(folder / "weirkeeper.yaml"), "--archive", str(archive)]
    subprocess.run(command, check=True, env={**os.environ, "KREW_ROOT": str(root)}, timeout=120)
    return root / "bin" / "kubectl-weirkeeper"


def run(command: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run it with nothing of this environment but the Python."""
    python = Path(sys.executable).resolve().parent
    return subprocess.run(
        [command, *arguments], input=given, capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": f"{python}:/usr/bin:/bin"},
    )  # fmt: skip


def test_the_manifest_names_the_archive_and_its_digest(folder: Path) -> None:
    (archive,) = folder.glob("*.tar.gz")
    (platform,) = yaml.safe_load((folder / "weirkeeper.yaml").read_text())["spec"]["platforms"]
    assert platform["uri"] == f"https://releases.example/weirkeeper/{archive.name}"
    assert platform["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()


def test_what_krew_installed_runs_by_itself(installed: Path) -> None:
    linted = run(installed, "lint", "-", "--rate", "50", given=ROLLOUT)
    assert linted.returncode == 0, linted.stderr
    assert "at 50 requests/s an attempt takes about" in linted.stdout
    digest = run(installed, "digest", "-")
    assert (digest.returncode, digest.stderr) == (
        2,
        "kubectl weirkeeper: - cannot be read: No such file or directory\n",
    )
    refused = run(installed, "lint", "-", given=ROLLOUT.replace("modelRef", "model"))
    assert refused.returncode == 1
    assert "error: Rollout churn" in refused.stdout


def test_another_python_is_told(installed: Path, tmp_path: Path) -> None:
    text = installed.resolve().read_text()
    other = tmp_path / "kubectl-weirkeeper"
    other.write_text(text.replace(str(sys.version_info[:2]), "(3, 1)"))
    other.chmod(0o755)
    done = run(other, "lint", "-")
    assert done.returncode == 1
    assert "pip install 'weirkeeper[plugin]'" in done.stderr


def test_the_lock_has_what_the_command_needs_and_no_more() -> None:
    locked = (CHECKOUT / "requirements" / "plugin.txt").read_text()
    names = {line.partition("==")[0] for line in locked.splitlines() if "==" in line}
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["plugin"]]
    assert {re.split("[<>=~!]", requirement)[0] for requirement in needed} <= names
    assert not names & {"kopf", "kubernetes", "kubernetes-asyncio", "scikit-learn"}
