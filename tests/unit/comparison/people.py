"""Rows of people, in two months, with every kind of column."""

from __future__ import annotations

import numpy as np
import pandas as pd


def people(rows: int, seed: int, *, poorer: float = 0.0, north: float = 0.1) -> pd.DataFrame:
    """Rows in which nothing differs but by chance, unless incomes are `poorer` or more live in the `north`."""
    random = np.random.default_rng(seed)
    others = (1.0 - north) / 3.0
    income = np.exp(random.normal(10.8 - poorer, 0.4, rows)).round(2)
    income[random.random(rows) < 0.02] = np.nan
    return pd.DataFrame(
        {
            "income": income,
            "age": random.integers(18, 90, rows),
            "visits": random.poisson(2.0, rows),
            "region": random.choice(["north", "south", "east", "west"], rows, p=[north, others, others, others]),
            "member": random.random(rows) < 0.3,
        }
    )
