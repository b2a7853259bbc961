"""Objects of S3 and of stores that speak like it: boto3 finds credentials and signs, our own client asks.

So hosts, addresses, redirects and sizes are under the same rules as everything else that is downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from typing import Any, Final
from xml.etree import ElementTree as ET

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from yarl import URL

from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.download import Downloader
from weirkeeper_server.fetching.landing import Caps, Landing, safe_name
from weirkeeper_server.fetching.uri import ArtifactUri

LARGEST_LISTING: Final = 16 * 2**20
SIGNED_SECONDS: Final = 3600


async def download_object(uri: ArtifactUri, name: str, landing: Landing, downloader: Downloader) -> None:
    """Bring one object, an archive."""
    await landing.receive(name, downloader.blocks(_Bucket(uri.place).object_url(uri.path)))


async def download_prefix(uri: ArtifactUri, landing: Landing, downloader: Downloader, caps: Caps) -> None:
    """Bring every object below a prefix, as a folder.

    Raises:
        FetchError: besides those of downloads, TooLarge for too many objects and Unreachable for none.
    """
    bucket = _Bucket(uri.place)
    prefix = uri.path.rstrip("/") + "/" if uri.path else ""
    keys: list[str] = []
    following: str | None = ""
    while following is not None:
        found, following = _read_listing(await _text(downloader, bucket.listing_url(prefix, following)))
        keys += [key for key in found if not key.endswith("/")]
        if len(keys) > caps.max_files:
            raise FetchError("TooLarge", f"{uri.text} has more than {caps.max_files} objects; name the bundle's folder")
    if not keys:
        raise FetchError("Unreachable", f"{uri.text} has no objects; check bucket and path")
    for key in keys:
        await landing.receive(safe_name(key.removeprefix(prefix)), downloader.blocks(bucket.object_url(key)))


class _Bucket:
    def __init__(self, name: str) -> None:
        self._name = name
        # The node's own role is not the tenant's: credentials come from the Secret or the service account.
        os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
        style = {"addressing_style": "path"} if os.environ.get("AWS_ENDPOINT_URL") else {}
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        session = boto3.session.Session(region_name=region)
        try:
            self._client = session.client("s3", config=Config(signature_version="s3v4", s3=style))
            known = session.get_credentials()
        except (BotoCoreError, ValueError) as error:
            raise FetchError(
                "AccessDenied", f"the store's settings will not do: {error}; correct the Secret"
            ) from error
        if known is None:
            raise FetchError(
                "AccessDenied", "no credentials for the store; give AWS_… in a Secret and name it: secretRef"
            )

    def object_url(self, key: str) -> URL:
        return self._signed("get_object", {"Bucket": self._name, "Key": key})

    def listing_url(self, prefix: str, following: str) -> URL:
        further = {"ContinuationToken": following} if following else {}
        return self._signed("list_objects_v2", {"Bucket": self._name, "Prefix": prefix, **further})

    def _signed(self, operation: str, parameters: Mapping[str, Any]) -> URL:
        try:
            url = self._client.generate_presigned_url(operation, Params=parameters, ExpiresIn=SIGNED_SECONDS)
        except (BotoCoreError, ValueError) as error:
            raise FetchError("AccessDenied", f"requests to the store cannot be signed: {error}") from error
        return URL(url, encoded=True)


async def _text(downloader: Downloader, url: URL) -> bytes:
    text = b""
    async with aclosing(downloader.blocks(url)) as blocks:
        async for block in blocks:
            text += block
            if len(text) > LARGEST_LISTING:
                raise FetchError("TooLarge", f"the listing has more than {LARGEST_LISTING} bytes")
    return text


def _read_listing(text: bytes) -> tuple[list[str], str | None]:
    """Read keys, and the token of the next page, None on the last."""
    try:
        root = ET.fromstring(text)  # noqa: S314  of bounded size, and expat bounds what entities grow to
    except ET.ParseError as error:
        raise FetchError("Unreachable", f"the store's listing is no XML: {error}; is it an S3 endpoint?") from error
    keys = [element.text or "" for element in _found(root, "Contents/{0}Key")]
    tokens = [element.text for element in _found(root, "NextContinuationToken")]
    return keys, (tokens[0] if tokens else None)


def _found(root: ET.Element, path: str) -> Iterator[ET.Element]:
    namespace = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    return root.iterfind(namespace + path.format(namespace))
