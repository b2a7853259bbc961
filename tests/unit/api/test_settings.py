"""The settings that the chart renders."""

import pytest

from weirkeeper.api.errors import InvalidSettings
from weirkeeper.api.rollout import ASCENDING, RolloutPolicy
from weirkeeper.api.settings import Settings

IMAGES = "{serverImage: s, operatorImage: o, envoyImage: e"


def test_three_images_suffice() -> None:
    settings = Settings.from_yaml(IMAGES + "}")
    assert settings.watch_namespaces == ()
    assert settings.artifacts.secret_name_pattern == "weirkeeper-artifact-*"
    assert (settings.router.replicas, settings.router.role_kind) == (2, "ClusterRole")
    assert (settings.slot_seconds, settings.limits.request_timeout_seconds, settings.freeze) == (5, 15, False)
    assert settings.defaults.rollout == RolloutPolicy()


def test_settings_survive_being_written_and_read() -> None:
    settings = Settings.from_yaml(IMAGES + ", watchNamespaces: [team-a], router: {resources: {limits: {cpu: 2}}}}")
    assert Settings.parse(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "settings is not YAML"),
        ("", "settings is None"),
        ("{serverImage: s, envoyImage: e}", "settings.operatorImage is missing; give it a value"),
        (IMAGES + ", colour: red}", "settings.colour is unknown; leave it out"),
        (IMAGES + ", slotSeconds: 0}", "settings.slotSeconds is 0"),
        (IMAGES + ", defaults: {rollout: {steps: [{weight: 50}, {weight: 5}]}}}", ASCENDING),
        (IMAGES + ", defaults: {rollout: {modelRef: {name: churn}}}}", "settings.defaults.rollout.modelRef is unknown"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    with pytest.raises(InvalidSettings) as refusal:
        Settings.from_yaml(text)
    assert says in str(refusal.value)
