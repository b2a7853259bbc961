"""Queries of gates: whatever a value is, it stays a value; and what nobody could read is refused at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weirkeeper.api.asking_gates import PLACEHOLDER
from weirkeeper.api.gates import Gate
from weirkeeper.api.promql import PLACEHOLDERS, fill_in, problem_of

VALUES = {"candidate": "churn-2", "stable": "churn-1", "model": "churn", "namespace": "team-a"}


def test_placeholders_are_filled_in() -> None:
    query = 'a{r="{{candidate}}"} / a{r="{{stable}}",m=\'{{model}}\',n=~"{{namespace}}"}'
    assert fill_in(query, VALUES) == 'a{r="churn-2"} / a{r="churn-1",m=\'churn\',n=~"team-a"}'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (
            'x"} or vector(0) #',
            r"x\U00000022\U0000007d\U00000020or\U00000020vector\U000000280\U00000029\U00000020\U00000023",
        ),
        ("a\\", r"a\U0000005c"),
        ("a.b", r"a\U0000002eb"),
        ("{{stable}}", r"\U0000007b\U0000007bstable\U0000007d\U0000007d"),
    ],
)
def test_a_value_cannot_end_the_string_that_it_stands_in(value: str, written: str) -> None:
    assert fill_in('a{r="{{candidate}}"}', {**VALUES, "candidate": value}) == f'a{{r="{written}"}}'


@given(st.text(max_size=20), st.sampled_from("\"'`"))
def test_no_value_makes_a_query_another_one(value: str, quote: str) -> None:
    filled = fill_in(f"a{{r={quote}{{{{candidate}}}}{quote}}}", {**VALUES, "candidate": value})
    inside = filled.removeprefix(f"a{{r={quote}").removesuffix(f"{quote}}}")
    assert not set(inside) & set("\"'`{}\n ")
    assert problem_of(filled) is None


@pytest.mark.parametrize(
    "query",
    [
        "sum(rate(jobs_total[5m]))",
        'a{b="c)"} > 1',
        "a{b='\\'{{model}}'}",
        "a{b=`\\`}",
        'label_replace(a, "x", "$1", "y", "(.*)")',
        'a{b="{{candidate}}|{{stable}}"}',
    ],
)
def test_queries_that_might_be_read_are_let_through(query: str) -> None:
    assert problem_of(query) is None


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ('a{b="{{revision}}"}', "{{revision}} is no placeholder: there are {{candidate}}, {{stable}}"),
        ("sum(a", "a ) is missing at the end"),
        ("sum a)", "the ) at character 6 closes nothing"),
        ("a[5m}", "the } at character 5 closes nothing"),
        ('a{b="c}', 'the " at character 5 is never closed'),
        ("errors_{{candidate}}", "the placeholder at character 8 stands outside of quotes"),
    ],
)
def test_what_nobody_could_read_is_refused(query: str, says: str) -> None:
    assert says in str(problem_of(query))
    with pytest.raises(ValueError, match="placeholders are"):
        Gate.model_validate({"name": "queue", "promQL": {"query": query, "max": "1"}})


def test_the_message_names_every_placeholder() -> None:
    assert all(f"{{{{{name}}}}}" in PLACEHOLDER for name in PLACEHOLDERS)
