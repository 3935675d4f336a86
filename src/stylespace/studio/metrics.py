"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.answers = Counter("stylespace_answers", "Answers by status.", ["status"], registry=self.registry)
        self.seconds = Histogram(
            "stylespace_paint_seconds", "Seconds to paint one picture.", ["kind"], buckets=BOUNDS, registry=self.registry
        )
        self.dropped = Counter(
            "stylespace_live_dropped", "Positions of sliders that a later one overtook.", registry=self.registry
        )
        self.jobs = Gauge("stylespace_jobs", "Jobs by state.", ["state"], registry=self.registry)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)
