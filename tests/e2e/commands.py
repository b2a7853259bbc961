"""Commands as people type them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.e2e.conftest import Team


def typed(team: Team, *words: str) -> str:
    """What a person types, and is answered."""
    kubectl = Path(team.kubectl.command()[0])
    where = (f"--namespace={team.kubectl.namespace}", f"--kubeconfig={team.kubectl.kubeconfig}")
    search = {"PATH": f"{kubectl.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [kubectl, "weirkeeper", *words, *where], env=os.environ | search, capture_output=True, text=True, check=False
    )
    return f"{done.returncode}: {done.stdout}{done.stderr}"
