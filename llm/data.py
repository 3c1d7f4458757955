"""From tokens to batches. A batch is a pure function of (seed, step, rank).

All tokens of a text lie in one 1-D tensor, in memory or mapped from a file, and a batch is one
gather from it at random offsets. The offsets come from a counter-based generator, Philox (Salmon et
al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011), keyed by seed and step. So there is no
loader and no state to save, and a run that is resumed never sees a batch again by accident.

Shapes: B batch, T time (n_ctx tokens), N windows.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from llm.corpora import Corpus, Progress, Text
from llm.files import in_use, new_file, opened_for_use
from llm.paths import home

if TYPE_CHECKING:
    from llm.tokenizers import Tokenizer

KEPT_BYTES = 30_000_000_000
"""Of token files in the home; beyond that those unused for longest go, never one that is in use."""


UNASKED = -100
"""A target that the cross-entropy leaves out."""


class Splits(NamedTuple):
    """The two parts of a text: what the model learns from, and what it is tested on."""

    train: Tensor
    validation: Tensor


def encode_corpus(tokenizer: Tokenizer, text: str) -> Tensor:
    """All tokens of `text` as one 1-D int32 tensor."""
    return torch.from_numpy(_checked(tokenizer.encode(text), tokenizer.vocab_size).astype(np.int32))


def encode_pieces(tokenizer: Tokenizer, pieces: Iterable[str]) -> Iterator[list[int]]:
    """The ids of a text that comes in pieces, exactly those of the whole: it is cut where no token can stand."""
    held = ""
    for piece in pieces:
        held += piece
        if cut := tokenizer.cut(held):
            yield tokenizer.encode(held[:cut])
            held = held[cut:]
    if held:
        yield tokenizer.encode(held)


def write_tokens(path: Path, parts: Iterable[Sequence[int] | np.ndarray], vocab_size: int) -> None:
    """Write ids, part by part, to a NumPy file, in two bytes each where the vocabulary allows, else in four.

    Raises ValueError when an id is not one of the vocabulary's.
    """
    dtype = np.dtype(np.uint16 if vocab_size <= 2**16 else np.int32)
    with new_file(path) as fresh, fresh.open("wb") as file:
        n_tokens, header = 0, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, header | {"shape": (0,)})
        for part in parts:
            _checked(part, vocab_size).astype(dtype).tofile(file)
            n_tokens += len(part)
        file.seek(0)  # NumPy leaves room in its header for a longer length
        np.lib.format.write_array_header_1_0(file, header | {"shape": (n_tokens,)})


def tokens_of(tokenizer: Tokenizer, text: Text, on_progress: Progress | None = None) -> Tensor:
    """All tokens of a text, 1-D: in memory as `encode_corpus` gives them, or of a large text mapped from a file.

    That file is kept under the home's tokens/, named by the text's and the tokenizer's content, for the next time;
    others go where all of them have more than KEPT_BYTES.
    """
    if isinstance(text, Corpus):
        return encode_corpus(tokenizer, text.text)
    path = home() / "tokens" / f"{text.hash[:24]}-{tokenizer.hash[:24]}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tokens(path, encode_pieces(tokenizer, text.pieces(on_progress)), tokenizer.vocab_size)
    os.utime(path)
    tokens = open_tokens(path)
    _forget_oldest(path.parent)
    return tokens


def open_tokens(path: Path) -> Tensor:
    """The tokens of a file that `write_tokens` made, mapped into memory: only what is read is loaded.

    Raises ValueError when the file isn't one.
    """
    try:
        # Copy-on-write, because torch can't hold a read-only array; the file itself never changes.
        array = np.lib.format.open_memmap(path, mode="c")
        weakref.finalize(array, opened_for_use(path).close)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} can't be read as a token file ({error}); write it again.") from error
    if array.ndim != 1 or array.dtype not in (np.uint16, np.int32):
        raise ValueError(f"{path} isn't a token file; write it again with write_tokens.")
    return torch.from_numpy(array)


def split(tokens: Tensor, validation_fraction: float = 0.1) -> Splits:
    """The first part to train on, the last to validate on (views, not copies).

    The end of the text and not random pieces of it, so that nothing in it was learned by heart.
    """
    if not 0.0 < validation_fraction < 1.0:
        raise ValueError(f"validation_fraction is {validation_fraction}; it must lie between 0 and 1.")
    n_train = len(tokens) - max(1, round(len(tokens) * validation_fraction)) if len(tokens) else 0
    return Splits(tokens[:n_train], tokens[n_train:])


def splits_of(tokenizer: Tokenizer, text: Text, tokens: Tensor) -> Splits:
    """The parts of a text whose tokens are known: as `split` does it, unless questions were held out to validate on."""
    if isinstance(text, Corpus) and text.held_out:
        return Splits(tokens, encode_corpus(tokenizer, text.held_out))
    return split(tokens)


def only_answers(tokenizer: Tokenizer, tokens: Tensor, sign: str) -> Tensor:
    """The same tokens, with those of questions marked: id becomes ~id, which is below zero.

    An answer is what follows `sign` up to the line end and with it. Batches read marked tokens as they are, but don't
    ask for them. Raises ValueError when the sign or the line end is no token of its own, or nothing is an answer.
    """
    cut = [tokenizer.encode(text) for text in (sign, "\n")]
    if any(len(ids) != 1 for ids in cut):
        raise ValueError(f"This tokenizer has no token for {sign!r} or for line ends; use another, or learn the text.")
    signs, ends = (tokens == ids[0] for ids in cut)
    asked = (signs.cumsum(0) - signs.long()) > (ends.cumsum(0) - ends.long())
    if not asked.any():
        raise ValueError("No answer was found in the text; learn all of it.")
    return torch.where(asked, tokens, ~tokens)


def answer_ends(tokens: Tensor, n_ctx: int) -> Tensor:
    """Where the windows of marked tokens may begin: at the end of an answer, so that a whole question follows.

    Raises ValueError when no window fits behind one.
    """
    at = torch.nonzero((tokens[:-1] >= 0) & (tokens[1:] < 0)).flatten()
    at = at[at < len(tokens) - n_ctx]
    if not len(at):
        raise ValueError("The text is too short for one whole question; use more text or a shorter context.")
    return at


def check_lengths(n_ctx: int, *parts: Tensor) -> None:
    """Raises ValueError unless each part holds a whole window: n_ctx tokens and the one after them."""
    total, shortest = sum(len(part) for part in parts), min(len(part) for part in parts)
    if shortest > n_ctx:
        return
    smaller = f", {shortest:,} of them in its smaller part" if len(parts) > 1 else ""
    remedy = f"Use a context of {shortest - 1:,} or less, or more text." if shortest > 1 else "Use more text."
    raise ValueError(f"The text has {total:,} tokens{smaller}; a context of {n_ctx:,} needs {n_ctx + 1:,}. {remedy}")


def get_batch(
    tokens: Tensor,
    *,
    batch_size: int,
    n_ctx: int,
    seed: int,
    step: int,
    rank: int = 0,
    world_size: int = 1,
    starts: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The batch of one step: inputs x_BT and, one token later, targets y_BT (int64).

    `batch_size` counts the rows over all `world_size` processes. Every process draws the same
    offsets and takes its own B = batch_size / world_size of them, so together they see exactly what
    one process would. With `starts` windows begin only there. Raises ValueError when the text is too short or the
    rows can't be shared evenly.
    """
    if batch_size % world_size:
        raise ValueError(f"{world_size} processes can't share a batch of {batch_size}; use a multiple of {world_size}.")
    check_lengths(n_ctx, tokens)
    generator = np.random.Generator(np.random.Philox(key=[seed, step]))
    offsets = generator.integers(0, len(tokens) - n_ctx if starts is None else len(starts), size=batch_size)
    offsets_B = torch.from_numpy(offsets[rank::world_size])
    return _gather(tokens, offsets_B if starts is None else starts[offsets_B.to(starts.device)], n_ctx)


def eval_windows(tokens: Tensor, n_ctx: int, count: int, starts: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Evenly spaced windows for evaluating, always the same: x_NT and, one token later, y_NT (int64).

    N is `count`, or fewer when the text is too short for so many that predict each token at most once. With `starts`
    windows begin only there, and N is at most as many.
    """
    check_lengths(n_ctx, tokens)
    last = len(tokens) - 1 - n_ctx if starts is None else len(starts) - 1
    n = min(count, (len(tokens) - 1) // n_ctx, last + 1)
    spread_N = torch.arange(n) * last // max(n - 1, 1)
    return _gather(tokens, spread_N if starts is None else starts[spread_N.to(starts.device)], n_ctx)


def _forget_oldest(folder: Path) -> None:
    files = sorted(((path, path.stat()) for path in folder.glob("[!.]*.npy")), key=lambda file: -file[1].st_mtime)
    held = 0
    for path, stat in files:
        held += stat.st_size
        with suppress(OSError):  # another process was faster
            if held > KEPT_BYTES and not in_use(path):
                path.unlink()
                held -= stat.st_size


def _gather(tokens: Tensor, offsets_B: Tensor, n_ctx: int) -> tuple[Tensor, Tensor]:
    positions_BT1 = offsets_B.to(tokens.device)[:, None] + torch.arange(n_ctx + 1, device=tokens.device)
    window_BT1 = tokens[positions_BT1].long()
    asked_BT1 = window_BT1 >= 0
    ids_BT1 = torch.where(asked_BT1, window_BT1, ~window_BT1)  # see `only_answers`
    targets_BT1 = torch.where(asked_BT1, window_BT1, UNASKED)
    return ids_BT1[:, :-1].contiguous(), targets_BT1[:, 1:].contiguous()


def _checked(ids: Sequence[int] | np.ndarray, vocab_size: int) -> np.ndarray:
    array = np.asarray(ids, dtype=np.int64)
    if array.size and (array.min() < 0 or array.max() >= vocab_size):
        raise ValueError(
            f"The ids run from {array.min()} to {array.max()}, but a vocabulary of {vocab_size:,} has only "
            f"0 to {vocab_size - 1:,}; use the tokenizer that made them."
        )
    return array
