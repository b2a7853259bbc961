"""Where a Model's bundle lies: the grammar of its URI, and what else belongs to the artifact."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from weirkeeper.api.record import ATOMIC_MAP, SET_LIST, Record, checked, rule, rules

SCHEMES: Final = ("configmap", "pvc", "https", "s3", "gs", "az")

_NAME: Final = "[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_HOST: Final = "[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?"
_BUCKET: Final = "[a-z0-9][-a-z0-9.]{1,61}[a-z0-9]"
_GOOGLE_BUCKET: Final = "[a-z0-9][-a-z0-9_.]{1,220}[a-z0-9]"
_CONTAINER: Final = "[a-z0-9][-a-z0-9]{1,61}[a-z0-9]"
_SHA256: Final = "^[0-9a-f]{64}$"
_TYPE: Final = "^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)+$"
_PRINTABLE: Final = "^[!-~]+$"
_CLIMBING: Final = "(^|/)[.][.](/|$)"
_REMOTE: Final = "^(https|s3|gs|az)://"

SCHEME: Final = f"uri must begin with one of {', '.join(f'{scheme}://' for scheme in SCHEMES)}: put the bundle there"
PRINTABLE: Final = "uri must not hold spaces or letters beyond ASCII: write them as %20 and the like"
CLIMBING: Final = 'uri must not hold "..": write the path without it'
FORMS: Final = {
    "configmap": (f"^configmap://{_NAME}$", "write uri as configmap://NAME, with the name of a ConfigMap here"),
    "pvc": (f"^pvc://{_NAME}(/.*)?$", "write uri as pvc://CLAIM/PATH, with the name of a PersistentVolumeClaim here"),
    "https": (f"^https://{_HOST}/[^#]+$", "write uri as https://HOST/PATH; user names go into the Secret of secretRef"),
    "s3": (f"^s3://{_BUCKET}/.+$", "write uri as s3://BUCKET/KEY, where a folder's KEY ends with /"),
    "gs": (f"^gs://{_GOOGLE_BUCKET}/.+$", "write uri as gs://BUCKET/KEY, where a folder's KEY ends with /"),
    "az": (f"^az://{_CONTAINER}/.+$", "write uri as az://CONTAINER/KEY; the account goes into the Secret of secretRef"),
}
SHA256: Final = "sha256 must be 64 hexadecimal digits in lower case, as `weirkeeper digest` prints them"
REMOTE_ONLY: Final = "secretRef is for https://, s3://, gs:// and az:// only: leave it out"
TYPES: Final = "trustedTypes are full names of Python types, such as mypackage.encoders.ZipEncoder"

TypeName = Annotated[str, Field(max_length=256)]


class SecretReference(Record):
    """Which Secret is meant."""

    model_config = ConfigDict(json_schema_extra=ATOMIC_MAP)

    name: str = Field(description="Name of a Secret in the same namespace.", min_length=1, max_length=253)


_FORM_RULES: Final = tuple(
    rule(f"!self.uri.startsWith('{scheme}://') || self.uri.matches('{pattern}')", message, ".uri")
    for scheme, (pattern, message) in FORMS.items()
)


def _follows_the_grammar(uri: str) -> str:
    """Give `uri` back.

    Raises:
        ValueError: it is none of ours; the message says what would do.
    """
    scheme = uri.partition("://")[0]
    if scheme not in FORMS:
        raise ValueError(SCHEME)
    if not re.fullmatch(_PRINTABLE, uri):
        raise ValueError(PRINTABLE)
    if re.search(_CLIMBING, uri):
        raise ValueError(CLIMBING)
    pattern, message = FORMS[scheme]
    if not re.fullmatch(pattern, uri):
        raise ValueError(message)
    return uri


def _are_types(given: Sequence[str]) -> bool:
    return all(re.fullmatch(_TYPE, name) for name in given)


class Artifact(Record):
    """The bundle that is served."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(f"self.uri.matches('^({'|'.join(SCHEMES)})://')", SCHEME, ".uri"),
            rule(f"self.uri.matches('{_PRINTABLE}')", PRINTABLE, ".uri"),
            rule(f"!self.uri.matches('{_CLIMBING}')", CLIMBING, ".uri"),
            *_FORM_RULES,
            rule(f"!has(self.sha256) || self.sha256.matches('{_SHA256}')", SHA256, ".sha256"),
            rule(f"!has(self.secretRef) || self.uri.matches('{_REMOTE}')", REMOTE_ONLY, ".secretRef"),
            rule(f"!has(self.trustedTypes) || self.trustedTypes.all(t, t.matches('{_TYPE}'))", TYPES, ".trustedTypes"),
        ),
    )

    uri: Annotated[str, AfterValidator(_follows_the_grammar)] = Field(
        description="Where the bundle lies: configmap://NAME, pvc://CLAIM/PATH, https://HOST/PATH, s3://BUCKET/KEY, gs://BUCKET/KEY"
        " or az://CONTAINER/KEY.",
        min_length=1,
        max_length=2048,
    )
    sha256: Annotated[str, Field(max_length=64), checked(re.compile(_SHA256).fullmatch, SHA256)] | None = Field(
        default=None,
        description="What the bundle's digest must be (`weirkeeper digest`); without it the first download counts.",
    )
    secret_ref: SecretReference | None = Field(
        default=None,
        description="A Secret with the environment variables of the download: AWS_ACCESS_KEY_ID and the like,"
        " GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT and the like.",
    )
    trusted_types: Annotated[tuple[TypeName, ...], Field(max_length=64), checked(_are_types, TYPES)] | None = Field(
        default=None,
        description="skops types beyond scikit-learn's own that may be loaded, within the platform's bounds.",
        json_schema_extra=SET_LIST,
    )

    @model_validator(mode="after")
    def _secret_is_of_use(self) -> Self:
        if self.secret_ref and not re.match(_REMOTE, self.uri):
            raise ValueError(REMOTE_ONLY)
        return self
