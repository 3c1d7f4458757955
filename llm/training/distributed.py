"""One model trained by several processes, on one machine or many.

    torchrun --nproc-per-node 2 -m llm train ...

torchrun starts the processes and tells each its place in environment variables, which `joined`
reads. All do the same: each works on its rows of every batch, and what they find is averaged, so
together they make the very steps that one process would. Only the first one writes anything.

Every process holds the whole model, or, sharded, one part of each tensor and of its moments; the
rest is fetched block by block while it is needed (FSDP2; Zhao et al., 2023; the idea is ZeRO,
Rajbhandari et al., 2020).
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import torch
import torch.distributed as dist
from torch import Tensor

from llm.model import GPT

TIMEOUT = timedelta(minutes=10)
"""How long a process waits for the others before it gives up; reading a long text takes minutes."""


@dataclass(frozen=True)
class Worker:
    """The place of this process among those that train a model, and how it computes. Alone by default.

    These are facts of a machine, not of a run: TrainConfig knows nothing of them.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    """Its number on its own machine."""
    dtype: torch.dtype = torch.float32
    """What matrix products are computed in while training; see `llm.training.hardware.choose_dtype`."""
    compile: bool = False
    shard: bool = False
    """Spread the model over all processes, for one that is too large for each."""

    def __post_init__(self) -> None:
        if self.compile and self.shard:
            raise ValueError("A sharded model can't be compiled; leave out --compile or --shard.")
        if self.shard and self.world_size == 1:
            raise ValueError("Only several processes can share a model; start them with torchrun or leave out --shard.")

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes."""
        return self.rank == 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over all processes; in one message, since each one has to be waited for."""
        if self.world_size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        self._reduce(flat, dist.ReduceOp.SUM)
        flat /= self.world_size
        for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def total(self, tensor: Tensor) -> Tensor:
        """The sum of all processes' tensors."""
        if self.world_size == 1:
            return tensor
        return self._reduce(tensor.clone(), dist.ReduceOp.SUM)

    def largest(self, values: Sequence[float], device: torch.device) -> list[float]:
        """The largest of each value over all processes: of flags, whether any process raised it."""
        if self.world_size == 1:
            return list(values)
        return self._reduce(torch.tensor(values, dtype=torch.float64, device=device), dist.ReduceOp.MAX).tolist()

    def check_alike(self, tensors: Iterable[Tensor], device: torch.device) -> None:
        """Raises ValueError, in every process, unless all hold the same tensors, as far as sums of bytes can tell."""
        if self.world_size == 1:
            return
        totals = torch.zeros(2, dtype=torch.int64, device=device)
        for tensor in tensors:
            # Bytes add up to the same in any order, numbers don't.
            sum_of_bytes = tensor.detach().contiguous().flatten().view(torch.uint8).sum(dtype=torch.int64)
            totals += torch.tensor([tensor.numel(), int(sum_of_bytes)], device=device)
        highest, lowest = (self._reduce(totals.clone(), op) for op in (dist.ReduceOp.MAX, dist.ReduceOp.MIN))
        if not torch.equal(highest, lowest):
            raise ValueError("The processes differ in text, model or step; give all the same files and options.")

    @contextmanager
    def first_here_goes_first(self) -> Iterator[None]:
        """Run the block in one process of each machine, then in the others, which find what it downloaded."""
        if self.local_rank != 0:
            self._wait()
        yield
        if self.local_rank == 0:
            self._wait()

    def _wait(self) -> None:
        if self.world_size > 1:
            dist.barrier()

    @staticmethod
    def _reduce(tensor: Tensor, op: dist.ReduceOp.RedOpType) -> Tensor:
        try:
            dist.all_reduce(tensor, op)
        except RuntimeError as error:
            raise ConnectionError("Another process of this training ended or stopped answering.") from error
        return tensor


ALONE = Worker()


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[Worker, torch.device]]:
    """Meet the other processes that torchrun started; alone without it. Gives this one's place and device.

    With CUDA each process of a machine gets a card of its own. Raises ValueError when there are too few.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield ALONE, device
        return
    rank, world_size, local_rank = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    if device.type == "cuda":
        cards, wanted = torch.cuda.device_count(), int(os.environ["LOCAL_WORLD_SIZE"])
        if wanted > cards:
            raise ValueError(
                f"{wanted} processes need as many GPUs, but here are {cards}; use --nproc-per-node {cards}."
            )
        device = torch.device("cuda", local_rank)
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield Worker(rank, world_size, local_rank), device
        with suppress(RuntimeError):  # another one may have failed
            dist.barrier()  # leaving while another one still works can end in an abort
    finally:
        dist.destroy_process_group()


def sharded(model: GPT) -> GPT:
    """A copy of `model`, each tensor of it spread over all processes and put on their devices block by block."""
    from torch.distributed.device_mesh import init_device_mesh  # here, because these take half a second to load
    from torch.distributed.fsdp import fully_shard

    kind = "cuda" if dist.get_backend() == "nccl" else "cpu"
    mesh, spread = init_device_mesh(kind, (dist.get_world_size(),)), copy.deepcopy(model)
    for part in (*spread.h, spread):  # last the whole, for what lies outside the blocks
        fully_shard(part, mesh=mesh, reshard_after_forward=True)
    return spread


def whole(tensor: Tensor) -> Tensor:
    """The full tensor of which a process has a part (all have to ask for it), or the tensor itself."""
    return tensor.full_tensor() if _is_part(tensor) else tensor  # type: ignore[attr-defined]


def placed_like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """A float32 copy of a full tensor, on the parameter's device and spread as the parameter is."""
    tensor = tensor.to(parameter.device, torch.float32, copy=True)
    if _is_part(parameter) and tensor.dim() > 0:
        from torch.distributed.tensor import DTensor, distribute_tensor

        # Every process has all of it, so each cuts out its own part and nothing is sent.
        spread = cast(DTensor, parameter)
        return distribute_tensor(tensor, spread.device_mesh, spread.placements, src_data_rank=None)
    return tensor


def _is_part(tensor: Tensor) -> bool:
    """Whether it is a DTensor: one that says its full shape but holds this process's part."""
    return hasattr(tensor, "full_tensor")
