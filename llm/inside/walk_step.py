"""What one step of a walk holds: its vectors, its formula, and what a cell of it is a sum of.

Shapes: T tokens, K products of a sum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Row:
    """One vector of a step."""

    name: str
    """As the formula calls it."""
    title: str
    role: str
    """What it is, which decides its colour: "query", "key", "value", "residual", "mlp" or "chosen"."""
    axis: str
    """What its cells are: a letter of the shapes. V stands for the `RANKED` likeliest tokens."""
    values: Tensor


@dataclass(frozen=True)
class Terms:
    """What a cell is a sum of: the largest products, the sum of all others, and what is added."""

    largest: list[tuple[int, float, float]]
    """(place in the sum, left factor, right factor)."""
    rest: float
    others: int
    """How many products are in the rest."""
    bias: float | None


@dataclass(frozen=True)
class Products:
    """left_K and, for cell i of row r, right_K: the cell is their dot product, plus a bias if there is one."""

    left: Tensor
    right: Callable[[int, int], Tensor]
    bias: Callable[[int, int], Tensor] | None = None
    first: int = 0
    """The first row that is made so; rows above it are what is read."""


@dataclass(frozen=True)
class Step:
    """One operation at one position."""

    key: str
    rows: list[Row]
    formula: str
    numbers: str
    says: str
    """At most two sentences."""
    constants: dict[str, float] = field(default_factory=dict)
    unseen: dict[str, Tensor] = field(default_factory=dict)
    """Vectors that only the formula speaks of, by name."""
    matrix: Tensor | None = None
    """The same of every token of the text, for one head: T T. Minus infinity is what the mask hides."""
    tokens: list[int] = field(default_factory=list)
    """The tokens of a row over V."""
    products: Products | None = None

    def terms(self, row: int, cell: int, count: int = 3) -> Terms | None:
        """The `count` largest products that a cell is a sum of; None where it is no such sum."""
        if self.products is None or not self.products.first <= row < len(self.rows):
            return None
        if not 0 <= cell < len(self.rows[row].values):
            return None
        left_K, right_K = self.products.left, self.products.right(row, cell)
        each_K = left_K.double() * right_K.double()
        best = each_K.abs().topk(min(count, len(each_K))).indices.tolist()
        bias = None if self.products.bias is None else float(self.products.bias(row, cell))
        largest = [(k, float(left_K[k]), float(right_K[k])) for k in best]
        return Terms(largest, float(each_K.sum() - each_K[best].sum()), len(each_K) - len(best), bias)
