"""From samples to medians, ratios and verdicts, and to the JSON that is kept."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.peers import SYSTEMS
from bench.rows.row import Metric, Row, Sample
from bench.sizes import Sizes

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(slots=True)
class Line:
    """One metric of one row: every system's median, and how Stepwell compares."""

    metric: Metric
    medians: dict[str, float]
    samples: dict[str, list[float]]
    scaled: dict[str, str]

    @property
    def ratio(self) -> float | None:
        """How many times better Stepwell is than DBOS; None without both, or against zero."""
        ours, theirs = self.medians.get("stepwell"), self.medians.get("dbos")
        if ours is None or theirs is None:
            return None
        better, worse = (ours, theirs) if self.metric.better == "higher" else (theirs, ours)
        return better / worse if worse > 0 else None

    @property
    def met(self) -> bool | None:
        """Whether every target of this metric is met; None if it has none or cannot be judged."""
        verdicts = []
        if self.metric.ratio is not None and self.ratio is not None:
            verdicts.append(self.ratio >= self.metric.ratio)
        ours = self.medians.get("stepwell")
        if self.metric.limit is not None and ours is not None:
            verdicts.append(ours <= self.metric.limit)
        return all(verdicts) if verdicts else None


@dataclass(slots=True)
class RowResult:
    """All rounds of one row, by system."""

    row: Row
    samples: dict[str, list[Sample]] = field(default_factory=lambda: {system: [] for system in SYSTEMS})

    def failures(self, system: str) -> int:
        return sum(sample.failures for sample in self.samples[system])

    def troubles(self) -> list[tuple[str, str]]:
        """(System, what went wrong), each text once."""
        return list(
            dict.fromkeys(
                (system, text) for system in SYSTEMS for taken in self.samples[system] for text in taken.troubles
            )
        )

    def lines(self) -> list[Line]:
        return [self._line(metric) for metric in self.row.metrics]

    def _line(self, metric: Metric) -> Line:
        samples = {
            system: [sample.values[metric.key] for sample in taken if metric.key in sample.values]
            for system, taken in self.samples.items()
        }
        scaled = {
            system: sample.scaled[metric.key]
            for system, taken in self.samples.items()
            for sample in taken
            if metric.key in sample.scaled
        }
        medians = {system: median(values) for system, values in samples.items() if values}
        return Line(metric, medians, samples, scaled)


def as_json(results: list[RowResult], machine: Mapping[str, object], sizes: Sizes, seconds: float) -> dict[str, object]:
    """Everything that was measured; medians and ratios too, so that the file reads by itself."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_seconds": round(seconds),
        "machine": dict(machine),
        "sizes": asdict(sizes),
        "rows": {result.row.key: _row_as_json(result) for result in results},
    }


def _row_as_json(result: RowResult) -> dict[str, object]:
    return {
        "title": result.row.title,
        "failures": {system: result.failures(system) for system in SYSTEMS},
        "troubles": [f"{system}: {text}" for system, text in result.troubles()],
        "metrics": {
            line.metric.key: {
                "title": line.metric.title,
                "unit": line.metric.unit,
                "medians": line.medians,
                "ratio": line.ratio,
                "target_ratio": line.metric.ratio,
                "target_limit": line.metric.limit,
                "met": line.met,
                "scaled": line.scaled,
            }
            for line in result.lines()
        },
        "samples": {system: [sample.values for sample in taken] for system, taken in result.samples.items()},
    }


def write(document: dict[str, object], path: Path | None) -> Path:
    """To `path`, or to a file of bench/results/ named after the moment."""
    if path is None:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path
