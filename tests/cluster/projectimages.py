"""Building the project's images on this machine and giving them to its cluster."""

from collections.abc import Iterable

from tests.cluster import imagestore
from tests.cluster.baseimage import base_image
from tests.cluster.images import IMAGES, Image, tag
from tests.cluster.places import CHECKOUT, Place, locked


def build(image: Image) -> str:
    """Build an image unless one of the same inputs is there; its full name."""
    base = base_image()
    name = tag(image, base)
    if not imagestore.is_built(name):
        with locked(f"image-{image.name}"):
            if not imagestore.is_built(name):
                arguments = {"BASE_IMAGE": base}
                imagestore.build(name, image.path, CHECKOUT, target=image.target, arguments=arguments)
    return name


def load_all(place: Place, names: Iterable[str] = tuple(IMAGES)) -> dict[str, str]:
    """Build and load images: their full names by short name."""
    tags = {name: build(IMAGES[name]) for name in names}
    for full_name in tags.values():
        imagestore.load(place, full_name)
    return tags
