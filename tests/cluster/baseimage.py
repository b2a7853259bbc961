"""The base of the project's images where none can be pulled: Debian with Python 3.13, made by debootstrap."""

import os
import shutil
import tempfile
from pathlib import Path

from tests.cluster.images import REGISTRY
from tests.cluster.imagestore import build, is_built
from tests.cluster.places import cache, content_key, locked
from tests.cluster.shell import long_run, output

SUITE = "trixie"
PACKAGES = "python3,python3-venv,ca-certificates"
DISPENSABLE = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/locale", "usr/share/man")
DOCKERFILE = """\
FROM scratch
ADD root.tar /
RUN echo "APT::Sandbox::User \"root\";" > /etc/apt/apt.conf.d/90sandbox
CMD ["python3"]
"""


def _mirror() -> list[str]:
    """The mirror that the environment names; otherwise debootstrap takes its own."""
    named = os.environ.get("DEBIAN_MIRROR")
    return [named] if named else []


def base_image() -> str:
    """The name of the base image, built first when it is not there."""
    image = f"{REGISTRY}/python:3.13-{content_key([], SUITE, PACKAGES, DOCKERFILE, *DISPENSABLE)}"
    if is_built(image):
        return image
    with locked("base-image"):
        if not is_built(image):
            with tempfile.TemporaryDirectory(dir=cache()) as folder:
                _build(image, Path(folder))
    return image


def _build(image: str, context: Path) -> None:
    root = context / "root"
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root), *_mirror()]
    long_run(f"base image: Debian {SUITE} with Python (first time: a minute or two)", command, timeout=1200)
    for name in DISPENSABLE:
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir(parents=True)
    for compiled in root.rglob("__pycache__"):
        shutil.rmtree(compiled)
    output(
        ["tar", "--create", "--numeric-owner", "--one-file-system", "-C", str(root), "-f", f"{root}.tar", "."],
        timeout=300,
    )
    shutil.rmtree(root)
    (context / "Dockerfile").write_text(DOCKERFILE)
    build(image, context / "Dockerfile", context, arguments={})
