"""References to CronJobs that a team keeps suspended, so that Jobs are made of them when they are needed."""

from __future__ import annotations

from pydantic import Field

from weirkeeper.api.record import Record


class CronJobReference(Record):
    """A CronJob in the same namespace."""

    name: str = Field(description="Name of the CronJob.", min_length=1, max_length=52)
