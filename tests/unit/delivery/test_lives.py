"""Random lives of a rollout: edits, verbs, lost pods, silent routers, bad models, crashes, clocks that jump.

What must hold in all of them is in `life.Judge`, which looks at every planning.
"""

from __future__ import annotations

import os
from itertools import combinations, product

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.unit.delivery.life import begun, edited
from tests.unit.delivery.world import ERRORS_ONLY, Behaviour
from weirkeeper.api import names
from weirkeeper.api.steps import HeaderMatch, Match, Sticky
from weirkeeper.delivery.policy import StepPolicy
from weirkeeper.delivery.turn import Obstacle

REVISIONS = st.sampled_from(("m-1", "m-2", "m-3", "m-4"))
WHO = st.sampled_from(("candidate", "candidate", "stable", "m-1", "m-3"))
PHASES = ("Healthy", "Progressing", "Promoting", "Baking")
VERBS = st.sampled_from([*((verb,) for verb in names.VERBS), *product(names.VERBS, repeat=2)])
Steps = tuple[StepPolicy, ...]
LIVES = int(os.environ.get("WEIRKEEPER_ROLLOUT_LIVES", "2000"))
"""How many are lived; more of them find what is rarer."""

ALPHA, BETA = (Match(headers=(HeaderMatch(name="x-cohort", value=value),), replicas=2) for value in ("alpha", "beta"))
FIRST = (
    (),
    (StepPolicy("shadow", 0, 10, mirror=100),),
    (StepPolicy("alpha", 0, 10, match=ALPHA),),
    (StepPolicy("shadow", 0, 10, mirror=30), StepPolicy("alpha", 0, 10, manual=True, match=ALPHA)),
    (StepPolicy("alpha", 0, 10, match=ALPHA), StepPolicy("beta", 0, 10, require_pass=True, match=BETA)),
)
WEIGHTS = tuple(chosen for count in (1, 2, 3) for chosen in combinations((1, 5, 20, 50, 80, 99), count))
BEGINNINGS = tuple(product((1, 2, 3, 4), (0, 1, 3), PHASES, FIRST[:3]))
ALL_AT_ONCE = st.sampled_from((True, *[False] * 7))
STICKY = st.sampled_from((None, Sticky(cookie="who")))


class RolloutLife(RuleBasedStateMachine):
    """One Model's life; every rule is something that happens to rollouts."""

    @initialize(begin=st.sampled_from(BEGINNINGS))
    def begin(self, begin: tuple[int, int, str, Steps]) -> None:
        self.life = begun(*begin)
        self.nonce = 0

    @rule(slots=st.integers(1, 8))
    def time_passes(self, slots: int) -> None:
        self.life.tick(slots)

    @rule(seconds=st.sampled_from((-3600, -7, 3, 600, 7200)))
    def the_clock_jumps(self, seconds: int) -> None:
        self.life.now += seconds
        self.life.plan()

    @rule(revision=REVISIONS, unusable=st.sampled_from((False, False, False, True)))
    def the_spec_changes(self, revision: str, unusable: bool) -> None:  # noqa: FBT001
        self.life.desired, self.life.unusable = revision, unusable
        self.life.tick()

    @rule(verbs=VERBS)
    def people_ask(self, verbs: tuple[str, ...]) -> None:
        self.ask(*verbs)

    def ask(self, *verbs: str) -> None:
        for verb in verbs:
            self.nonce += 1
            self.life.verb(verb, str(self.nonce))
        self.life.tick()

    @rule(verbs=st.sampled_from((("abort",), ("undo",), ("retry",), ("promote",), ("undo", "abort"))))
    def somebody_is_in_a_hurry(self, verbs: tuple[str, ...]) -> None:
        self.ask(*verbs)

    @rule()
    def the_annotations_are_taken_away(self) -> None:
        self.life.verbs = ()
        self.life.plan()

    @rule(revision=REVISIONS, bad=st.sampled_from((0.0, 0.0, 0.5)))
    def a_model_behaves(self, revision: str, bad: float) -> None:
        self.life.behaviours[revision] = Behaviour(bad=bad)

    @rule(who=WHO, short=st.sampled_from((0, 0, 1, 2, 9)))
    def pods_are_lost_or_come_back(self, who: str, short: int) -> None:
        self.lose(self.life.named(who), short)

    @rule(who=WHO, unheard=st.booleans())
    def pods_are_replaced(self, who: str, unheard: bool) -> None:  # noqa: FBT001
        revision = self.life.named(who)
        self.lose(revision, 9)
        self.life.unprobed |= {revision} if unheard else set()
        self.lose(revision, 0)
        self.life.tick()

    def lose(self, revision: str, short: int) -> None:
        self.life.short[revision] = short
        self.life.lose_pods()
        self.life.plan()

    @rule(who=WHO)
    def golden_requests_are_not_heard_of_or_are(self, who: str) -> None:
        self.life.unprobed ^= {self.life.named(who)}
        self.life.tick()

    @rule()
    def routers_fall_silent_or_answer(self) -> None:
        self.life.routers_answer = not self.life.routers_answer
        self.life.tick()

    @rule(who=WHO)
    def a_signature_is_found_to_differ_or_is_allowed(self, who: str) -> None:
        revision = self.life.named(who)
        held = self.life.held
        self.life.held = {} if revision in held else {revision: Obstacle("SignatureChanged", "input a is gone")}
        self.life.tick()

    @rule(first=st.sampled_from(FIRST), weights=st.sampled_from(WEIGHTS), manual=st.booleans(), at_once=ALL_AT_ONCE)
    def the_steps_are_edited(self, first: Steps, weights: tuple[int, ...], manual: bool, at_once: bool) -> None:  # noqa: FBT001
        shares = tuple(StepPolicy(f"s{weight}", weight, 10, manual) for weight in weights)
        edited(self.life, steps=() if at_once else (*first, *shares))
        self.life.tick()

    @rule(sticky=STICKY)
    def callers_are_to_stay_or_not(self, sticky: Sticky | None) -> None:
        edited(self.life, sticky=sticky)
        self.life.tick()

    @rule(false_alarm=st.sampled_from((0.01, 0.02)), choice=st.sampled_from(("Hold", "RollBack", "Promote")))
    def the_gates_are_edited(self, false_alarm: float, choice: str) -> None:
        edited(self.life, false_alarm=false_alarm, gates=ERRORS_ONLY, on_inconclusive=choice, max_duration=60.0)
        self.life.tick()

    @rule(replicas=st.integers(1, 5))
    def somebody_scales(self, replicas: int) -> None:
        self.life.replicas = replicas
        self.life.tick()

    @rule()
    def the_namespace_is_frozen_or_not(self) -> None:
        self.life.frozen = "" if self.life.frozen else "namespace team-a is"
        self.life.tick()

    @rule()
    def the_operator_crashes_before_it_writes(self) -> None:
        self.life.crash()
        self.life.now += 1
        self.life.plan()

    @rule(later=st.booleans())
    def the_operator_crashes_after_the_status(self, later: bool) -> None:  # noqa: FBT001
        # Neither pods nor routers have heard of it.
        self.life.now += 1
        self.life.plan()
        self.life.restart()
        self.life.now += 60 if later else 0
        self.life.plan()


TestRolloutLife = RolloutLife.TestCase
TestRolloutLife.settings = settings(
    max_examples=LIVES,
    stateful_step_count=20,
    # What a life is made of is drawn anew; changing what was drawn before costs as much as living it.
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
