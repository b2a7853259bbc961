"""Images without a registry: built with buildah in a store of ours, handed to containerd as archives."""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.images import REGISTRY
from tests.cluster.places import Place, cache
from tests.cluster.programs import PAUSE, built
from tests.cluster.shell import long_run, output, say, succeeds

BUILD_TIMEOUT = 1800.0


def _buildah(*arguments: str) -> list[str]:
    store = cache() / "images"
    run = Path("/run") / f"weirkeeper-images-{hashlib.sha256(str(store).encode()).hexdigest()[:8]}"
    return ["buildah", "--root", str(store), "--runroot", str(run), *arguments]


def is_built(image: str) -> bool:
    return succeeds(_buildah("inspect", "--type", "image", image))


def build(image: str, dockerfile: Path, context: Path, *, target: str = "", arguments: Mapping[str, str]) -> None:
    """Build an ordinary Dockerfile; layers of former builds are used again."""
    options = ["--isolation", "chroot", "--layers", "--tag", image, "--file", str(dockerfile)]
    # The machine's own certificate authorities, where it reaches package registries through them.
    options += ["--volume", "/etc/ssl/certs:/etc/ssl/certs:ro"] if Path("/etc/ssl/certs").is_dir() else []
    options += ["--target", target] if target else []
    for name, value in arguments.items():
        options += ["--build-arg", f"{name}={value}"]
    long_run(f"building image {image}", _buildah("bud", *options, str(context)), timeout=BUILD_TIMEOUT)


def export(image: str, archive: Path) -> None:
    """Write an image as an archive that containerd and Docker can load."""
    output(_buildah("push", "--quiet", image, f"docker-archive:{archive}:{image}"), timeout=600)


def _containerd(place: Place, *arguments: str) -> list[str]:
    return ["ctr", "--address", str(place.containerd_socket), "--namespace", "k8s.io", *arguments]


def is_loaded(place: Place, image: str) -> bool:
    return image in output(_containerd(place, "images", "list", "--quiet")).split()


def load(place: Place, image: str) -> None:
    """Give a built image to the cluster's containerd; nothing happens when it is there already."""
    if is_loaded(place, image):
        return
    say(f"loading image {image}")
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        archive = Path(folder) / "image.tar"
        export(image, archive)
        load_archive(place, archive)


def load_archive(place: Place, archive: Path) -> None:
    """Give an archive's images to the cluster's containerd."""
    output(_containerd(place, "images", "import", str(archive)), timeout=600)


def pause_image() -> str:
    """The name of the image that holds pods' namespaces open, built first when it is not there."""
    image = f"{REGISTRY}/pause:{PAUSE.key}"
    program = built(PAUSE)
    if not is_built(image):
        with tempfile.TemporaryDirectory(dir=cache()) as folder:
            context = Path(folder)
            shutil.copy2(program, context / "pause")
            (context / "Dockerfile").write_text('FROM scratch\nCOPY pause /pause\nUSER 65535\nENTRYPOINT ["/pause"]\n')
            build(image, context / "Dockerfile", context, arguments={})
    return image
