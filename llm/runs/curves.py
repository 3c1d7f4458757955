"""A curve that stays short enough to draw however long it grows, and loses no peak.

Neighbouring points share a bucket, which keeps its lowest and its highest one. When there are too
many points, buckets are merged two by two: each then covers twice as many points. A spike of a
single step is still there after a million.
"""

from __future__ import annotations

Point = tuple[float, float]
"""x, a step, and y."""

MAX_POINTS = 500


class Thinned:
    """One curve: takes points in order and never holds more than `max_points`.

    The first and the newest point, the lowest and the highest are always among them.
    """

    def __init__(self, max_points: int = MAX_POINTS) -> None:
        if max_points < 4:
            raise ValueError(f"A curve of {max_points} points can't show its ends and its peaks; allow at least 4.")
        self._room = max_points - 2  # the ends are kept apart
        self._ends: list[Point] = []
        self._buckets: list[list[Point]] = []
        self._width = 1  # points that a full bucket stands for
        self._filled = 0  # points that the last bucket stands for
        self._held = 0

    def add(self, x: float, y: float) -> None:
        """One more point; y must be finite."""
        point = (x, y)
        self._ends = [self._ends[0] if self._ends else point, point]
        if self._filled % self._width == 0:
            self._buckets.append([])
            self._filled = 0
        last = self._buckets[-1]
        self._held -= len(last)
        self._buckets[-1] = _extremes([*last, point])
        self._held += len(self._buckets[-1])
        self._filled += 1
        while self._held > self._room:
            self._merge()

    def points(self) -> list[Point]:
        """What is kept, in order."""
        kept = [point for bucket in self._buckets for point in bucket]
        if kept and kept[0] is not self._ends[0]:
            kept.insert(0, self._ends[0])
        if kept and kept[-1] is not self._ends[1]:
            kept.append(self._ends[1])
        return kept

    def _merge(self) -> None:
        if len(self._buckets) % 2 == 0:  # the last of a pair may still be filling
            self._filled += self._width
        pairs = zip(self._buckets[::2], [*self._buckets[1::2], []], strict=False)
        self._buckets = [_extremes([*one, *other]) for one, other in pairs]
        self._width *= 2
        self._held = sum(map(len, self._buckets))


def _extremes(points: list[Point]) -> list[Point]:
    """The lowest and the highest of some points, in order; of equal ones the first."""
    lowest, highest = min(points, key=_y), max(points, key=_y)
    return [point for point in points if point is lowest or point is highest]


def _y(point: Point) -> float:
    return point[1]
