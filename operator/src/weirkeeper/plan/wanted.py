"""What a Model's author and its platform ask for: a revision, a policy, verbs. Or why it cannot be used."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args
from urllib.parse import urlsplit

from weirkeeper.api import names
from weirkeeper.api.conditions import unix_seconds
from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.model import parse_model
from weirkeeper.api.rollout import parse_rollout
from weirkeeper.delivery.policy import Policy, StepPolicy
from weirkeeper.delivery.revision import config_map_digest, content_digest, content_of, is_container, revision_name
from weirkeeper.delivery.turn import Obstacle, Verb, VerbName
from weirkeeper.render import container, server
from weirkeeper.render.front import Record, read_record

if TYPE_CHECKING:
    from weirkeeper.api.rollout import RolloutPolicy
    from weirkeeper.api.steps import Step
    from weirkeeper.plan.snapshot import Object, Snapshot


LONGEST_REASON = 160
"""Characters that are kept of what somebody says with a verb."""
LONGEST_ACTOR = 253
"""Characters that are kept of who gave it."""
LONGEST_GIVEN = 288
"""Characters from which an annotation's digest stands for it among the tokens that were handled."""


@dataclass(frozen=True)
class Wanted:
    """The revision asked for, as its record says or would say; None with the obstacle where there is none."""

    record: Record | None
    obstacle: Obstacle | None = None


def wanted_revision(snapshot: Snapshot, model: Object) -> Wanted:
    """The revision that the spec asks for: the recorded one of the same content, or a new one."""
    try:
        parse_model(model)
    except InvalidSpec as error:
        return Wanted(None, Obstacle("InvalidSpec", str(error)))
    obstacle = _out_of_bounds(snapshot, model)
    if obstacle:
        return Wanted(None, obstacle)
    digests = _config_map_digests(snapshot, model)
    if isinstance(digests, Obstacle):
        return Wanted(None, digests)
    content = content_of(model["spec"], digests)
    digest = content_digest(content)
    records = records_of(snapshot)
    same = [record for record in records if record.content_sha256 == digest]
    if same:
        return Wanted(max(same, key=lambda record: record.number))
    image = snapshot.settings.server_image
    number = max((record.number for record in records), default=0) + 1
    name = revision_name(snapshot.name, content, image)
    render = container.pod if is_container(content) else server.pod
    return Wanted(
        Record(name, number, content, digest, image, render(snapshot.name, name, content, image, snapshot.settings))
    )


def records_of(snapshot: Snapshot) -> tuple[Record, ...]:
    """Every revision of the Model that has a record."""
    return tuple(read_record(found) for (kind, _), found in snapshot.children.items() if kind == "ControllerRevision")


def _out_of_bounds(snapshot: Snapshot, model: Object) -> Obstacle | None:
    """Rules of the platform within which a namespace chooses; the message says whose they are."""
    artifact, bounds = model["spec"].get("artifact", {}), snapshot.settings.artifacts
    secret = artifact.get("secretRef", {}).get("name")
    if secret and not fnmatch.fnmatchcase(secret, bounds.secret_name_pattern):
        return Obstacle(
            "SecretNotAllowed",
            f"spec.artifact.secretRef names {secret}; the platform allows {bounds.secret_name_pattern}"
            " (chart value artifacts.secretNamePattern): rename the Secret, or ask the platform team",
        )
    trusted = artifact.get("trustedTypes", [])
    refused = [name for name in trusted if not any(fnmatch.fnmatchcase(name, rule) for rule in bounds.trusted_types)]
    if refused:
        return Obstacle(
            "TypeNotAllowed",
            f"spec.artifact.trustedTypes names {', '.join(refused)}; the platform allows"
            f" {', '.join(bounds.trusted_types) or 'none beyond its own list'} (chart value artifacts.trustedTypes)",
        )
    return _account_refused(snapshot, model)


def _account_refused(snapshot: Snapshot, model: Object) -> Obstacle | None:
    """Why the pods may not run as the service account that the spec names."""
    name = model["spec"].get("server", {}).get("serviceAccountName")
    if not name:
        return None
    found = snapshot.service_accounts.get(name)
    if found is None:
        return Obstacle(
            "ServiceAccountNotFound",
            f"there is no service account {name} in namespace {snapshot.namespace}: create it, with the label"
            f" {names.LABEL_ALLOWED_FOR_MODELS}=true",
        )
    if found["metadata"].get("labels", {}).get(names.LABEL_ALLOWED_FOR_MODELS) != "true":
        return Obstacle(
            "ServiceAccountNotAllowed",
            f"service account {name} does not carry the label {names.LABEL_ALLOWED_FOR_MODELS}=true: whoever may change"
            " it sets the label, or spec.server.serviceAccountName names another",
        )
    return None


def _config_map_digests(snapshot: Snapshot, model: Object) -> dict[str, str] | Obstacle:
    uri = urlsplit(model["spec"].get("artifact", {}).get("uri", ""))
    if uri.scheme != "configmap":
        return {}
    name = uri.netloc
    found = snapshot.config_maps.get(name)
    if found is None:
        return Obstacle(
            "ArtifactNotFound", f"there is no ConfigMap {name} in namespace {snapshot.namespace}: create it"
        )
    return {name: config_map_digest(found)}


def policy_of(policy: RolloutPolicy) -> Policy:
    """A Rollout's spec, or the platform's default, as the machine uses it."""
    return Policy(
        steps=() if policy.strategy == "AllAtOnce" else tuple(_step_of(step) for step in policy.steps),
        gates=policy.gates,
        false_alarm=policy.false_alarm.number,
        false_promote=policy.false_promote.number,
        max_duration=policy.max_duration.seconds,
        on_inconclusive=policy.on_inconclusive,
        bake_time=policy.bake_time.seconds,
        rollback_window=policy.rollback_window,
        progress_deadline=policy.progress_deadline.seconds,
        sticky=policy.sticky,
    )


def _step_of(step: Step) -> StepPolicy:
    manual = step.approval == "Manual"
    return StepPolicy(
        step.label, step.weight or 0, step.hold.seconds, manual, step.require_pass, step.mirror or 0, step.match
    )


def governing(rollouts: Iterable[Object]) -> tuple[Object, ...]:
    """The Rollouts of a Model, the one that counts first: the oldest, by name where two are of one age."""

    def age(rollout: Object) -> tuple[float, str]:
        metadata = rollout["metadata"]
        return unix_seconds(metadata["creationTimestamp"]), metadata["name"]

    return tuple(sorted(rollouts, key=age))


@dataclass(frozen=True)
class Governed:
    """The policy in force; `obstacle` says why the Rollout that should give it cannot."""

    policy: Policy
    obstacle: Obstacle | None = None


def policy_in_force(snapshot: Snapshot) -> Governed:
    """The policy of the Model's Rollout, or the platform's where there is none or it cannot be understood."""
    default = policy_of(snapshot.settings.defaults.rollout)
    ordered = governing(snapshot.rollouts)
    if not ordered:
        return Governed(default)
    try:
        return Governed(policy_of(parse_rollout(ordered[0])))
    except InvalidSpec as error:
        return Governed(default, Obstacle("InvalidSpec", str(error)))


def verbs_of(objects: Iterable[Mapping[str, Any] | None]) -> tuple[Verb, ...]:
    """The verbs that stand as annotations on a Model or its Rollout, handled or not: `USER/NONCE`."""
    found = []
    for item in objects:
        annotations = (item or {}).get("metadata", {}).get("annotations") or {}
        for verb in get_args(VerbName):
            given = annotations.get(names.verb_annotation(verb))
            if given:
                user, slash, _ = given.rpartition("/")
                actor = (user if slash else given)[:LONGEST_ACTOR] or "somebody"
                reason = annotations.get(names.REASON_ANNOTATION, "")[:LONGEST_REASON]
                found.append(Verb(cast("VerbName", verb), actor, f"{verb}={_distinct(given)}", reason))
    return tuple({verb.token: verb for verb in found}.values())


def _distinct(given: str) -> str:
    """What tells an annotation from the next one, not longer than a status takes."""
    return given if len(given) < LONGEST_GIVEN else f"sha256:{hashlib.sha256(given.encode()).hexdigest()}"
