"""The table for people: in Markdown, so that it is the same on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Sequence

from bench.server.contenders import CEILING, OURS
from bench.server.measure import Spread
from bench.server.results import BoundResult, CaseResult, Goal, Report

HEAD = (
    "| Case | Ours, requests/s | p50 / p99 | CPU of a request | Against the peers | Ours of the ceiling | Goals |",
    "|---|---|---|---|---|---|---|",
)
BOUNDS_HEAD = ("| Figure | Ours | Beside it | Ratio | Goal |", "|---|---|---|---|---|")


def table(report: Report) -> str:
    """Write a report."""
    lines = ["Medians of interleaved runs, least and greatest in brackets. " + report.machine, ""]
    lines += [f"* {name} {version}" for name, version in report.versions.items()]
    lines += ["", *HEAD, *map(_case, report.cases), "", *BOUNDS_HEAD, *map(_bound, report.bounds), ""]
    lines += _router(report)
    lines += [f"* missing: {text}" for text in report.missing]
    return "\n".join(lines).rstrip() + "\n"


def _case(result: CaseResult) -> str:
    case, mine = result.case, result.measured[OURS]
    title = f"{case.title}, {case.way}, {case.connections} connection{'s' if case.connections > 1 else ''}"
    peers = "; ".join(_against(result, name) for name in result.rates if name != CEILING)
    ceiling = result.rates.get(CEILING)
    of_ceiling = f"{ceiling.median:.0%} of {result.measured[CEILING].rate.median:,.0f}/s" if ceiling else "-"
    latency = f"{mine.p50.median / 1000:.2f} / {mine.p99.median / 1000:.2f} ms"
    cells = [title, _spread(mine.rate, "{:,.0f}"), latency, f"{mine.cpu.median:.0f} µs", peers or "-", of_ceiling]
    return f"| {' | '.join([*cells, _goals(result.goals)])} |"


def _against(result: CaseResult, peer: str) -> str:
    theirs = result.measured[peer].rate.median
    by_cpu, p99 = result.cpus[peer].median, result.p99s[peer].median
    times = _spread(result.rates[peer], "{:.3g}")
    return f"{peer} {theirs:,.0f}/s: **{times}x**, by CPU {by_cpu:.3g}x, p99 {p99:.2f}x"


def _spread(found: Spread, form: str) -> str:
    least, most = form.format(found.least), form.format(found.most)
    return f"{form.format(found.median)} [{least} to {most}]"


def _bound(result: BoundResult) -> str:
    unit = result.bound.unit
    mine = f"{result.figures[OURS]:,.3g} {unit}" if OURS in result.figures else "-"
    beside = ", ".join(f"{name} {value:,.3g} {unit}" for name, value in result.figures.items() if name != OURS)
    by = f"**{result.ratio:.0%}**" if result.ratio is not None else "-"
    told = "; ".join(text for text in (beside, result.remark) if text)
    return f"| {result.bound.title} | {mine} | {told or '-'} | {by} | {_goals([result.goal])} |"


def _goals(goals: Sequence[Goal]) -> str:
    words = {True: "met", False: "**missed**", None: "not measured"}
    return "; ".join(f"{goal.wanted}: {words[goal.met]}" for goal in goals)


def _router(report: Report) -> list[str]:
    if not report.router:
        return []
    lines = ["| Router's share | direct p50 / p99 | through Envoy p50 / p99 | added p50 / p99 |", "|---|---|---|---|"]
    for name, row in report.router.items():
        cells = [f"{row[way]['p50']:.0f} / {row[way]['p99']:.0f} µs" for way in ("direct", "routed", "added")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]
