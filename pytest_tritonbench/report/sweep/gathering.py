"""Records of timed cases, put into figures: one for each task, dtype and GPU."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_tritonbench.report.metrics.outcomes import merge

from .figures import Figure, Kind, Need, Point, Record, Series

REFERENCE = "PyTorch"
COMPILED = "torch.compile"


def figures(records: Iterable[Record]) -> list[Figure]:
    """Put the timed cases of records into figures.

    Where several runs timed the same answer on the same GPU, the run that began last counts.

    Args:
        records: Of any phase; those without times are passed over.
    """
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        timing, case = record.get("timing"), record.get("case")
        if record.get("phase") != "bench" or not isinstance(case, Mapping):
            continue
        if not isinstance(timing, Mapping) or _time(timing.get("median_ms")) is None:
            continue
        environment = record.get("environment")
        environment = environment if isinstance(environment, Mapping) else {}
        key = (
            str(record.get("suite") or ""),
            str(record["task"]),
            str(case.get("dtype", "")),
            str(environment.get("device") or "unknown device"),
            str(timing.get("l2") or ""),
        )
        groups.setdefault(key, []).append(record)
    found = [_figure(key, merge(group)) for key, group in groups.items()]
    return sorted(found, key=lambda f: (f.suite, f.task, f.device, f.l2))


def _figure(key: tuple[str, ...], records: Sequence[Record]) -> Figure:
    numbers: dict[str, int] = {}
    cases: list[Mapping[str, Any]] = []
    placed: list[tuple[int, Record]] = []
    for record in records:
        case = {name: value for name, value in record["case"].items() if name != "seed"}
        told = json.dumps(case, sort_keys=True)
        if told not in numbers:
            numbers[told] = len(cases)
            cases.append(case)
        placed.append((numbers[told], record))
    timings = [record["timing"] for _, record in placed]
    suite, task, dtype, device, l2 = key
    return Figure(
        suite=suite,
        task=task,
        dtype=dtype,
        device=device,
        l2=l2,
        cases=tuple(cases),
        needs=tuple(_need([r["timing"] for n, r in placed if n == i]) for i in range(len(cases))),
        series=(*_candidates(placed), *_compared(placed)),
        methods=tuple(dict.fromkeys(str(t["method"]) for t in timings if t.get("method"))),
        peaks=_distinct(t["peaks"] for t in timings if isinstance(t.get("peaks"), Mapping)),
        records=tuple(records),
    )


def _need(timings: Sequence[Mapping[str, Any]]) -> Need:
    """What a case needs, from the last record that tells."""
    amounts: dict[str, float] = {}
    bound = None
    for timing in timings:
        ms = _time(timing["median_ms"]) or math.nan
        for name in ("tflops", "gbs", "roofline"):
            value = _time(timing.get(name))
            if value is not None:
                amounts[name] = value * ms
        bound = timing.get("bound") or bound
    return Need(amounts.get("tflops"), amounts.get("gbs"), amounts.get("roofline"), bound)


def _candidates(placed: Sequence[tuple[int, Record]]) -> Iterator[Series]:
    groups: dict[tuple[str, str | None, int | None], list[tuple[int, Record]]] = {}
    for number, record in placed:
        candidate = str(record.get("candidate") or "candidate")
        model = record.get("model")
        key = (candidate, None, None) if not model else (str(model), model, record.get("sample"))
        groups.setdefault(key, []).append((number, record))
    samples: dict[str | None, set[int | None]] = {}
    for _, model, sample in groups:
        samples.setdefault(model, set()).add(sample)
    for (name, model, sample), entries in groups.items():
        several = model is not None and len(samples[model]) > 1
        yield Series(
            kind=Kind.CANDIDATE,
            name=f"{name} #{sample}" if several else name,
            points={n: _point(n, r["timing"], notes=tuple(_notes(r))) for n, r in entries},
            model=model,
            sample=sample,
            run=max((str(r["run"]) for _, r in entries if r.get("run")), default=None),
        )


def _compared(placed: Sequence[tuple[int, Record]]) -> Iterator[Series]:
    """The curves beside the candidates'.

    Where several candidates were timed, each beside its own reference, that of the last is shown.
    """
    found: dict[tuple[Kind, str], dict[int, Point]] = {}
    for number, record in placed:
        timing = record["timing"]
        for kind, name, data in _beside(timing):
            if _time(data.get("median_ms")) is not None:
                found.setdefault((kind, name), {})[number] = _point(number, data)
    for (kind, name), points in sorted(
        found.items(), key=lambda item: list(Kind).index(item[0][0])
    ):
        yield Series(kind, name, points)


def _beside(timing: Mapping[str, Any]) -> Iterator[tuple[Kind, str, Mapping[str, Any]]]:
    names = {"median_ms": "reference_ms"} | {
        name: f"reference_{name}" for name in ("p10_ms", "p90_ms", "host_ms")
    }
    yield Kind.REFERENCE, REFERENCE, {name: timing.get(key) for name, key in names.items()}
    if isinstance(compiled := timing.get("compile"), Mapping):
        yield Kind.COMPILED, COMPILED, compiled
    against = timing.get("against")
    for revision, data in against.items() if isinstance(against, Mapping) else ():
        if isinstance(data, Mapping):
            yield Kind.REVISION, f"at {revision}", data


def _point(number: int, timing: Mapping[str, Any], notes: tuple[str, ...] = ()) -> Point:
    ms = _time(timing["median_ms"])
    assert ms is not None  # noqa: S101 - who calls has looked
    host, p10, p90 = (_time(timing.get(name)) for name in ("host_ms", "p10_ms", "p90_ms"))
    interval = timing.get("interval")
    interval = interval if isinstance(interval, Mapping) else {}
    value, low, high = (_time(interval.get(name)) for name in ("value", "low", "high"))
    if value is not None and low is not None and high is not None and low <= value <= high:
        # As far as the ratio is uncertain, so is the time, the other one being what it is.
        begin, end = ms * low / value, ms * high / value
    else:
        value = low = high = None
        begin, end = min(ms, p10 or ms), max(ms, p90 or ms)
    samples = timing.get("samples")
    return Point(
        case=number,
        ms=ms,
        low_ms=begin,
        high_ms=end,
        p10_ms=p10,
        p90_ms=p90,
        host_ms=host,
        samples=samples if isinstance(samples, int) else None,
        speedup=_time(timing.get("speedup")) or value,
        low=low,
        high=high,
        level=_time(interval.get("level")),
        verdict=str(timing["verdict"]) if timing.get("verdict") else None,
        launch_bound=timing.get("launch_bound") is True,
        notes=notes,
    )


def _notes(record: Record) -> Iterator[str]:
    timing = record["timing"]
    if timing.get("launch_bound") is True:
        yield "launch-bound"
    if timing.get("stopped") == "budget":
        yield "stopped by the budget"
    void = timing.get("void")
    if isinstance(void, Mapping) and void.get("blocks"):
        yield f"{void['blocks']} blocks void: {void.get('why') or 'no reason told'}"
    if timing.get("fallback"):
        yield f"{timing.get('method')}: {timing['fallback']}"
    if record.get("outcome") != "passed":
        yield f"{record.get('outcome')}: {record.get('reason') or 'no reason told'}"


def _distinct(values: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple({json.dumps(value, sort_keys=True): value for value in values}.values())


def _time(value: Any) -> float | None:
    """A number above 0, as times, rates and ratios are; ``None`` for whatever else JSON holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < math.inf else None
