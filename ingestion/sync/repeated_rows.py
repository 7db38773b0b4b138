"""What LinkedIn lists twice in one answer; the later one is stored."""

from collections.abc import Sequence

from ingestion.linkedin.endpoints import Rejected
from ingestion.sync.rows import Row


def listed_twice(rows: Sequence[Row]) -> list[Rejected]:
    """The earlier ones, as rejected records."""
    return [
        Rejected(
            endpoint="/rest/adAnalytics",
            payload=[str(value) for value in row],
            reason="listed twice in one answer; the later one is stored",
            identity=str(row[0]),
        )
        for row in rows
    ]
