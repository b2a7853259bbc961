"""The project's images: which Dockerfile makes each, and a tag that changes exactly when an input does."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.places import CHECKOUT, content_key

COMPILED = {".pyc", ".so"}  # what is made of other files; .dockerignore leaves it out of a build, too
REGISTRY = "weirkeeper.local"  # no such host: a name that nothing can be pulled from


@dataclass(frozen=True)
class Image:
    """An image by its short name."""

    name: str
    dockerfile: str
    target: str

    @property
    def path(self) -> Path:
        return CHECKOUT / self.dockerfile


IMAGES = {
    image.name: image
    for image in (
        Image("envoy", "operator/Dockerfile", "envoy"),
        Image("operator", "operator/Dockerfile", "operator"),
        Image("server", "model-server/Dockerfile", "server"),
        Image("prometheus", "tests/images/prometheus/Dockerfile", "prometheus"),
        Image("kserve", "tests/images/kserve/Dockerfile", "kserve"),
    )
}


def tag(image: Image, base: str) -> str:
    """The image's full name: its tag is a hash of the base, of its stages' instructions and of what they copy."""
    instructions = list(_instructions(image))
    files = sorted({file for line in instructions for file in _copied(line)})
    return f"{REGISTRY}/{image.name}:{content_key(files, base, *instructions)}"


def _instructions(image: Image) -> Iterator[str]:
    """The instructions of the target and of every stage it is made from."""
    stages = _stages(image.path)
    wanted, seen = [image.target], set[str]()
    while wanted:
        name = wanted.pop()
        if name not in stages or name in seen:
            continue
        seen.add(name)
        for line in stages[name]:
            yield line
            wanted += [name for name in stages if line.startswith(f"FROM {name} ") or f"--from={name} " in line]


def _stages(dockerfile: Path) -> dict[str, list[str]]:
    stages: dict[str, list[str]] = {}
    current: list[str] = []
    for line in _logical_lines(dockerfile.read_text()):
        if line.startswith("FROM "):
            current = stages.setdefault(line.split()[-1], [])
        current.append(line)
    return stages


def _logical_lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            yield " ".join(line.split())


def _copied(instruction: str) -> Iterator[Path]:
    """The files that a COPY takes from the checkout."""
    words = shlex.split(instruction)
    if words[0] != "COPY" or words[1].startswith("--from="):
        return
    for word in words[1:-1]:
        source = CHECKOUT / word
        if not source.exists():
            raise ClusterError(f"`{instruction}`: there is no {word} in {CHECKOUT}")
        for path in [source] if source.is_file() else source.rglob("*"):
            if path.is_file() and path.suffix not in COMPILED:
                yield path
