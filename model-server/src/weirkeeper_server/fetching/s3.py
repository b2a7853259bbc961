"""Objects of S3 and of stores that speak like it; botocore signs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.download import Ask, Downloader, url_of
from weirkeeper_server.fetching.store import Listing, no_credentials, token_of
from weirkeeper_server.fetching.xml import read_xml

SIGNED_SECONDS: Final = 3600
DEFAULT_REGION: Final = "us-east-1"
SESSION_NAME: Final = "weirkeeper-fetch"
OK: Final = 200


async def open_bucket(name: str, client: Downloader, environment: Mapping[str, str]) -> Bucket:
    """Open a bucket with AWS_ACCESS_KEY_ID and the like, or with the role of the pod's service account.

    The node's own role is not the tenant's: instance metadata is never asked.

    Raises:
        FetchError: AccessDenied.
    """
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    credentials = _keys(environment) or await _assumed(client, environment, region)
    if credentials is None:
        raise no_credentials("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or ""
    return Bucket(bucket_url(name, region, endpoint), region, credentials)


def _keys(environment: Mapping[str, str]) -> Credentials | None:
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        return None
    return Credentials(key.strip(), secret.strip(), environment.get("AWS_SESSION_TOKEN") or None)


def bucket_url(name: str, region: str, endpoint: str) -> str:
    """Where a bucket is asked: below an endpoint that is given, else by its own name at AWS.

    Raises:
        FetchError: HostNotAllowed, the endpoint is no URL.
    """
    if endpoint:
        return f"{str(url_of(endpoint)).rstrip('/')}/{name}"
    host = f"s3.{region}.{_domain(region)}"
    # No certificate of AWS holds for a name with further dots in it.
    return f"https://{host}/{name}" if "." in name else f"https://{name}.{host}"


def _domain(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


class Bucket:
    """One bucket; URLs are signed, so no header carries credentials."""

    def __init__(self, url: str, region: str, credentials: Credentials) -> None:
        self._url = url
        self._region = region
        self._credentials = credentials

    def object(self, key: str) -> Ask:
        """How to ask for an object."""
        return self._signed(f"{self._url}/{quote(key, safe='/~')}")

    def listing(self, prefix: str, following: str) -> Ask:
        """How to ask for a page of a listing (ListObjectsV2)."""
        query = {"list-type": "2", "prefix": prefix} | ({"continuation-token": following} if following else {})
        return self._signed(f"{self._url}?{urlencode(query, quote_via=quote)}")

    def read_listing(self, text: bytes) -> Listing:
        """Understand the answer."""
        document = read_xml(text, "the store's listing")
        sizes = {part.text("Key"): part.number("Size") for part in document.every("Contents")}
        return Listing(sizes, document.text("NextContinuationToken") or None)

    def _signed(self, url: str) -> Ask:
        request = AWSRequest(method="GET", url=url)
        S3SigV4QueryAuth(self._credentials, "s3", self._region, expires=SIGNED_SECONDS).add_auth(request)
        return Ask(url_of(str(request.url)))


async def _assumed(client: Downloader, environment: Mapping[str, str], region: str) -> Credentials | None:
    """Take on the role of the pod's service account, whose token kubelet projects into a file."""
    role, file = environment.get("AWS_ROLE_ARN"), environment.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if not role or not file:
        return None
    endpoint = environment.get("AWS_ENDPOINT_URL_STS") or f"https://sts.{region}.{_domain(region)}"
    query = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": role,
        "RoleSessionName": environment.get("AWS_ROLE_SESSION_NAME") or SESSION_NAME,
        "WebIdentityToken": token_of(file),
    }
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.exchange(Ask(url_of(endpoint), form, "POST", urlencode(query).encode()))
    document = read_xml(answer.body, "the answer of the token service")
    if answer.status != OK:
        code = document.text("Error/Code")[:64]
        raise FetchError("AccessDenied", f"the role {role} is not given to this pod's service account: {code}")
    given = next(document.every("AssumeRoleWithWebIdentityResult/Credentials"), None)
    if given is None:
        raise FetchError("AccessDenied", f"{endpoint} gives no credentials; is it a token service of AWS?")
    return Credentials(given.text("AccessKeyId"), given.text("SecretAccessKey"), given.text("SessionToken"))
