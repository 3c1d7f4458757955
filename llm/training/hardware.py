"""What a machine can do for a training: which numbers are fast, and whether torch can compile.

Nothing is assumed: the format is chosen by what the processor says of itself, and compiling is
tried on one batch before it is relied on.
"""

from __future__ import annotations

import functools
import gc
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST = sys.float_info.min
"""Below it are denormals, as below 1e-38 in float32."""
Loss = Callable[[Tensor, Tensor], Tensor]
"""From the inputs and targets of a batch to their loss, as `GPT.loss`."""
MOST_ROWS = 2_048
"""Tokens of a trial: more of them cost no less each."""
TRIALS = 3


@dataclass(frozen=True)
class Device:
    """Something that computes."""

    name: str
    """As torch calls it: "cpu", "cuda:0", "mps"."""
    title: str
    """What people call it, with its memory."""


def devices() -> list[Device]:
    """The processor, and every card that torch can use: none on ZeroGPU, where other processes have them."""
    threads = torch.get_num_threads()
    found = [Device("cpu", f"CPU, {threads} thread{'s' if threads > 1 else ''}")]
    if torch.cuda.is_available() and not on_zero_gpu():
        cards = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
        found += [Device(f"cuda:{n}", f"{card.name}, {card.total_memory / 1e9:.0f} GB") for n, card in enumerate(cards)]
    if torch.backends.mps.is_available():
        found.append(Device("mps", f"Apple GPU, {torch.mps.recommended_max_memory() / 1e9:.0f} GB"))
    return found


def on_zero_gpu() -> bool:
    """Whether this is a Space on ZeroGPU, where torch speaks of a card that only lent processes can use."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Inside the block denormals count as zero, in this thread and, on most systems, in those that it starts.

    A model that has grown sure holds most tokens for so unlikely that their odds and gradients lie
    below 1e-38, and processors compute with such numbers in slow motion: after a thousand steps a
    training takes 1.6 times as long (llm/NOTES.md).
    """
    flushed = SMALLEST / 2 == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed)


def out_of_memory(error: BaseException) -> str | None:
    """What to say of an error that means that memory ran out, once all that the failed work held is free; else None."""
    if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "can't allocate memory" not in str(error):
        return None
    traceback.clear_frames(error.__traceback__)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return "There is not enough memory for this now. Use a shorter text, a smaller model or a smaller batch."


def choose_dtype(
    device: torch.device, wanted: Literal["auto", "float32", "bfloat16"], n_embd: int, tokens: int
) -> torch.dtype:
    """The format in which the products of a training are computed; weights and moments stay float32.

    "auto" is bfloat16 (Kalamkar et al., 2019) where `has_fast_bfloat16` and `times` of products of this width, with
    so many tokens a batch, say that it saves more than casting costs; else float32. Raises ValueError when bfloat16
    is asked for where it isn't fast: there it is emulated, and many times slower.
    """
    if wanted == "float32":
        return torch.float32
    if has_fast_bfloat16(device):
        if wanted == "bfloat16":
            return torch.bfloat16
        exact, rounded = times(device, n_embd, min(tokens, MOST_ROWS))
        dtype = torch.bfloat16 if rounded < exact else torch.float32
        logging.getLogger(__name__).info(
            "Products in %s: %.2f ms in float32, %.2f ms in bfloat16.", dtype, exact * 1e3, rounded * 1e3
        )
        return dtype
    if wanted == "bfloat16":
        raise ValueError(f"bfloat16 would be very slow on this {device.type} device; use --dtype float32.")
    return torch.float32


@functools.cache
def times(device: torch.device, n_embd: int, tokens: int) -> tuple[float, float]:
    """Seconds of an MLP's two products, forwards and backwards with all casts, in float32 and in bfloat16.

    The best of a few trials each, in turns, after one that isn't counted; once for each shape.
    """
    x_BC, up_NC, down_CN = (
        torch.full(shape, 0.01, device=device, requires_grad=True)
        for shape in ((tokens, n_embd), (4 * n_embd, n_embd), (n_embd, 4 * n_embd))
    )
    spent: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    for _ in range(TRIALS + 1):
        for dtype, row in spent.items():
            start = time.perf_counter()
            with autocast(device, dtype):
                y_BC = F.linear(F.gelu(F.linear(x_BC, up_NC), approximate="tanh"), down_CN).float()
            torch.autograd.grad(y_BC.sum(), (x_BC, up_NC, down_CN))
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            row.append(time.perf_counter() - start)
    return min(spent[torch.float32][1:]), min(spent[torch.bfloat16][1:])


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions of its own for bfloat16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch has no public names for what a CPU can do.
    return device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[None]:
    """A block in which matrix products are made in `dtype`, and what needs precision in float32."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def compiled(loss: Loss, x_BT: Tensor, y_BT: Tensor, dtype: torch.dtype = torch.float32) -> Loss:
    """`loss` compiled for batches of this shape or, when that fails, as it is, with one line in the log.

    Compiling needs a C++ compiler or Triton and fails only at the first step, forwards or backwards,
    so both are tried here. The gradients of the trial stay behind; the model itself is not changed.
    """
    try:
        fast: Loss = torch.compile(loss, dynamic=False)
        with autocast(x_BT.device, dtype):
            result = fast(x_BT, y_BT)
        result.backward()
    except Exception as error:  # whatever a compiler may raise: training goes on without it
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        logging.getLogger(__name__).warning("torch.compile doesn't work here (%.200s); training uncompiled.", reason)
        return loss
    return fast
