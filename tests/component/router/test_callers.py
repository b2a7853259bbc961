"""Callers told apart on a real Envoy: by the headers that a step names, and so that each stays where it was."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import grpc
import pytest

from tests.component.router.harness import Router, endpoint_slice, eventually, model
from tests.component.router.load import answered_by
from tests.component.router.stubs import METHOD, HttpStub, grpc_stub

STABLE, CANDIDATE = "churn-a", "churn-b"
MATCHED = "churn-b~match"
PATH = "/v2/models/churn/infer"
ALPHA = {"headers": [{"name": "X-Cohort", "value": "alpha"}]}


async def route(
    router: Router,
    slices: list[dict[str, Any]],
    decision: int,
    weight: int,
    match: list[dict[str, Any]] | None = None,
    sticky: dict[str, str] | None = None,
) -> None:
    traffic = {STABLE: 100 - weight, CANDIDATE: weight}
    beside = {CANDIDATE: {"match": match}} if match else {}
    told = {**sticky, "revision": CANDIDATE} if sticky else None
    router.feed.lists([model("churn", decision, traffic, beside=beside, sticky=told)], slices)
    await router.acknowledges("churn", decision)


@pytest.fixture
def slices(stub: HttpStub, other: HttpStub) -> list[dict[str, Any]]:
    return [endpoint_slice(STABLE, stub.port), endpoint_slice(CANDIDATE, other.port)]


@pytest.mark.parametrize(
    ("match", "sent", "revision"),
    [
        (ALPHA, {"X-Cohort": "alpha"}, CANDIDATE),
        (ALPHA, {"x-cohort": "alpha-2"}, STABLE),
        (ALPHA, {}, STABLE),
        ({"headers": [{"name": "x-cohort", "prefix": "al"}]}, {"x-cohort": "alpha"}, CANDIDATE),
        ({"headers": [{"name": "x-cohort", "regex": "al.*|be.*"}]}, {"x-cohort": "beta"}, CANDIDATE),
        ({"headers": [{"name": "x-cohort", "regex": "l.h"}]}, {"x-cohort": "alpha"}, STABLE),
        ({"headers": [*ALPHA["headers"], {"name": "x-team", "value": "a"}]}, {"x-cohort": "alpha"}, STABLE),
    ],
)
async def test_callers_are_told_by_their_headers(
    router: Router, slices: list[dict[str, Any]], match: dict[str, Any], sent: dict[str, str], revision: str
) -> None:
    await route(router, slices, 1, 0, [match])
    for path, host in ((PATH, ""), ("/v2/health/ready", "churn.team-a")):
        headers = {**sent, **({"Host": host} if host else {})}
        async with router.session.get(router.url + path, headers=headers) as answer:
            assert (answer.status, answer.headers["x-weirkeeper-revision"]) == (200, revision)


async def test_any_of_several_matches_will_do_and_they_are_counted_apart_from_the_split(
    router: Router, stub: HttpStub, other: HttpStub, slices: list[dict[str, Any]]
) -> None:
    beta = {"headers": [{"name": "x-cohort", "value": "beta"}]}
    await route(router, slices, 1, 50, [ALPHA, beta])
    for cohort in ("alpha", "beta"):
        for _ in range(20):
            assert (await router.get(PATH, X_Cohort=cohort))[:2] == (200, CANDIDATE)
    assert (await router.get("/v2/models/churn/500", X_Cohort="alpha"))[0] == 500
    split = Counter([(await router.get("/v2/models/churn/split"))[1] for _ in range(60)])

    async def counted() -> bool:
        found = [await router.counts(arm) for arm in (MATCHED, CANDIDATE, STABLE)]
        return [one["total"] for one in found] == [41, split[CANDIDATE], split[STABLE]]

    await eventually(counted)
    assert (await router.counts(MATCHED))["failed"] == 1
    assert (await router.counts(CANDIDATE))["bad"] == 0
    assert all("x-weirkeeper-arm: match" in head for head in other.heads if "/split" not in head)
    assert not any("x-weirkeeper-arm" in head for head in (*stub.heads, *other.heads) if "/split" in head)
    _, metrics = await router.ask_agent("/metrics")
    labels = f'{{model="churn",namespace="team-a",outcome="ok",revision="{CANDIDATE}"}}'
    assert f"weirkeeper_router_requests_total{labels} {40.0 + split[CANDIDATE]}" in metrics


async def test_a_match_that_goes_leaves_no_caller_behind(
    router: Router, other: HttpStub, slices: list[dict[str, Any]]
) -> None:
    await route(router, slices, 1, 0, [ALPHA])
    assert (await router.get(PATH, X_Cohort="alpha"))[1] == CANDIDATE
    await other.stop()
    # An abort takes the match away although its clusters have nobody left.
    await route(router, slices, 2, 0)
    assert (await router.get(PATH, X_Cohort="alpha"))[:2] == (200, STABLE)


async def test_a_match_is_not_in_force_before_somebody_can_answer_its_callers(
    router: Router, stub: HttpStub, other: HttpStub
) -> None:
    stable = endpoint_slice(STABLE, stub.port)
    await route(router, [stable], 1, 0)
    router.feed.model(model("churn", 2, {STABLE: 100, CANDIDATE: 0}, beside={CANDIDATE: {"match": [ALPHA]}}))
    for _ in range(20):
        assert (await router.get(PATH, X_Cohort="alpha"))[:2] == (200, STABLE)
    assert (await router.evidence())["acknowledged"]["churn"] == 1
    router.feed.slice(endpoint_slice(CANDIDATE, other.port))
    await router.acknowledges("churn", 2)
    assert (await router.get(PATH, X_Cohort="alpha"))[:2] == (200, CANDIDATE)


async def test_a_regular_expression_that_envoy_finds_large_holds_up_nobody(
    router: Router, slices: list[dict[str, Any]]
) -> None:
    large = {"headers": [{"name": "x-cohort", "regex": "([a-z]{1,200}x){1,4}"}]}
    await route(router, slices, 1, 0, [large])
    assert (await router.get(PATH, X_Cohort="abcx"))[1] == CANDIDATE


async def test_callers_are_told_by_their_metadata_over_grpc(router: Router) -> None:
    async with grpc_stub() as stable, grpc_stub() as candidate:
        slices = [endpoint_slice(STABLE, stable.port), endpoint_slice(CANDIDATE, candidate.port)]
        await route(router, slices, 1, 0, [ALPHA], {"header": "x-user"})
        async with grpc.aio.insecure_channel(router.url.removeprefix("http://")) as channel:
            ask = channel.unary_unary(METHOD)
            await ask(b"", metadata=(("x-weirkeeper-model", "churn"), ("x-cohort", "alpha")))
            await ask(b"", metadata=(("x-weirkeeper-model", "churn"), ("x-user", "u-1")))
        assert candidate.asked == Counter({"match": 1})
        assert stable.asked == Counter({"": 1})


CALLERS = [f"user-{number}" for number in range(2000)]


async def seen_by(router: Router, line: str, callers: Sequence[str] = CALLERS) -> dict[str, str]:
    """Which revision answers each caller."""
    return await answered_by(router.options.http_port, {caller: line.format(caller) for caller in callers})


async def test_none_of_two_thousand_callers_flips_back_while_the_weight_grows_from_5_to_50(
    router: Router, slices: list[dict[str, Any]]
) -> None:
    had: set[str] = set()
    for decision, weight in enumerate((5, 25, 50), start=1):
        await route(router, slices, decision, weight, sticky={"header": "X-User"})
        answered = await seen_by(router, "X-User: {}")
        has = {caller for caller, revision in answered.items() if revision == CANDIDATE}
        assert had <= has, f"{len(had - has)} callers went back at {weight} %"
        # Binomial with n = 2000: 5 standard deviations are at most 5.6 points.
        assert abs(len(has) / len(CALLERS) - weight / 100) < 0.06
        had = has
    again = await seen_by(router, "X-User: {}")
    assert again == {caller: CANDIDATE if caller in had else STABLE for caller in CALLERS}


async def test_other_callers_try_the_next_revision_first(
    router: Router, stub: HttpStub, other: HttpStub, slices: list[dict[str, Any]]
) -> None:
    await route(router, slices, 1, 20, sticky={"header": "x-user"})
    before = await seen_by(router, "X-User: {}", CALLERS[:500])
    traffic = {STABLE: 80, "churn-c": 20}
    found = [endpoint_slice(STABLE, stub.port), endpoint_slice("churn-c", other.port)]
    told = {"header": "x-user", "revision": "churn-c"}
    router.feed.lists([model("churn", 2, traffic, sticky=told)], found)
    await router.acknowledges("churn", 2)
    after = await seen_by(router, "X-User: {}", CALLERS[:500])
    both = sum(before[caller] == CANDIDATE and after[caller] == "churn-c" for caller in CALLERS[:500])
    # By chance 20 of 500, with a standard deviation of 4; the same callers would be 100.
    assert both < 45


async def test_requests_that_name_no_caller_are_divided_at_random(router: Router, slices: list[dict[str, Any]]) -> None:
    await route(router, slices, 1, 50, sticky={"header": "x-user"})
    found = Counter([(await router.get(PATH))[1] for _ in range(200)])
    # Binomial with n = 200: 5 standard deviations are 36.
    assert 64 <= found[CANDIDATE] <= 136


async def test_a_caller_without_the_cookie_is_given_one_and_stays_where_it_was(
    router: Router, slices: list[dict[str, Any]]
) -> None:
    await route(router, slices, 1, 50, sticky={"cookie": "who"})
    first: dict[str, str] = {}
    for _ in range(60):
        async with router.session.get(router.url + PATH, headers={"Cookie": "theme=dark"}) as answer:
            given = re.fullmatch(
                "who=([^;]+); Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax", answer.headers["set-cookie"]
            )
            assert given
            first[given[1]] = answer.headers["x-weirkeeper-revision"]
    assert set(first.values()) == {STABLE, CANDIDATE}
    for cookie, revision in first.items():
        async with router.session.get(router.url + PATH, headers={"Cookie": f"theme=dark; who={cookie}"}) as answer:
            assert "set-cookie" not in answer.headers
            assert answer.headers["x-weirkeeper-revision"] == revision
        async with router.session.get(router.url + PATH, headers={"Cookie": f"who={cookie}; a=b"}) as answer:
            assert answer.headers["x-weirkeeper-revision"] == revision


async def test_no_caller_with_a_cookie_flips_back(router: Router, slices: list[dict[str, Any]]) -> None:
    await route(router, slices, 1, 5, sticky={"cookie": "who"})
    few = await seen_by(router, "Cookie: who={}", CALLERS[:500])
    await route(router, slices, 2, 50, sticky={"cookie": "who"})
    many = await seen_by(router, "Cookie: who={}", CALLERS[:500])
    had, has = ({caller for caller, one in found.items() if one == CANDIDATE} for found in (few, many))
    assert 5 < len(had) < len(has)
    assert had <= has
