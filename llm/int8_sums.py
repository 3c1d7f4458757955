"""Sums of products of small whole numbers, as processors have an instruction for: pairs multiplied and added at once.

A plain loop says the same, but LLVM then takes 32 bits for each number and needs twice the time. Written in LLVM's
own vectors, of any processor: it picks `vpdpwssd` or `vpmaddwd` where they are.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 32
"""Products at a time: a register of 512 bits."""
CHAINS = 4
"""Sums side by side, so that none waits for its last addition."""
BLOCK = LANES * CHAINS
AHEAD = 2_048
"""Bytes further on that memory is asked for meanwhile: on its own a processor does not look that far, and waits."""
CACHE_LINE = 64
"""Bytes."""

_I8, _I16, _I32 = (ir.VectorType(ir.IntType(bits), LANES) for bits in (8, 16, 32))
_SUMS = ir.VectorType(ir.IntType(32), LANES // 2)


@intrinsic
def sum_of_products(typing_context: Any, weight_K: Any, whole_K: Any, blocks: Any) -> Any:
    """weight_K (int8) times whole_K (int16), summed in 32 bits over the first `blocks * BLOCK` numbers."""
    return types.int32(weight_K, whole_K, blocks), _sum_of_products


def _sum_of_products(context: Any, builder: Any, signature: Any, arguments: Any) -> ir.Value:
    weights, wholes = (
        context.make_array(kind)(context, builder, value).data
        for kind, value in zip(signature.args[:2], arguments[:2], strict=True)
    )
    count = arguments[2]
    sums = [cgutils.alloca_once_value(builder, ir.Constant(_SUMS, [0] * (LANES // 2))) for _ in range(CHAINS)]
    with cgutils.for_range(builder, count) as loop:
        start = builder.mul(loop.index, ir.Constant(count.type, BLOCK))
        for chain, total in enumerate(sums):
            at = builder.add(start, ir.Constant(count.type, chain * LANES))
            if chain * LANES % CACHE_LINE == 0:
                _fetch(builder, weights, builder.add(at, ir.Constant(count.type, AHEAD)))
            products = builder.mul(_loaded(builder, weights, at, _I8), _loaded(builder, wholes, at, _I16))
            pairs = builder.add(_every_second(builder, products, 0), _every_second(builder, products, 1))
            builder.store(builder.add(builder.load(total), pairs), total)
    first, *others = (builder.load(total) for total in sums)
    for other in others:
        first = builder.add(first, other)
    reduce = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.IntType(32), [_SUMS]), f"llvm.vector.reduce.add.v{LANES // 2}i32"
    )
    return builder.call(reduce, [first])


def _fetch(builder: Any, data: ir.Value, at: ir.Value) -> None:
    """Ask for the line of the cache that holds data[at]; past the end nothing comes, and nothing is wrong."""
    place = builder.bitcast(builder.gep(data, [at]), ir.IntType(8).as_pointer())
    number = ir.IntType(32)
    prefetch = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [place.type, number, number, number]), "llvm.prefetch.p0"
    )
    to_read, into_every_cache, data_not_code = 0, 3, 1
    builder.call(prefetch, [place, *(ir.Constant(number, n) for n in (to_read, into_every_cache, data_not_code))])


def _loaded(builder: ir.IRBuilder, data: ir.Value, at: ir.Value, kind: ir.VectorType) -> ir.Value:
    """LANES numbers from `at` on, as 32 bits."""
    place = builder.bitcast(builder.gep(data, [at]), kind.as_pointer())
    return builder.sext(builder.load(place, align=1), _I32)


def _every_second(builder: ir.IRBuilder, products: ir.Value, first: int) -> ir.Value:
    places = ir.Constant(_SUMS, list(range(first, LANES, 2)))
    return builder.shuffle_vector(products, ir.Constant(_I32, ir.Undefined), places)
