"""GPT-2s from elsewhere and for elsewhere: folders of transformers, and the Hub.

    model = load_gpt2("openai-community/gpt2")          # or a folder with config.json and model.safetensors
    save_gpt2("shakespeare-hf", model, tokenizer)       # GPT2LMHeadModel.from_pretrained("shakespeare-hf")

Everything is safetensors, or made so in a process of its own (llm/weights/containers.py). Headers
are compared with the config before memory
is taken, and weights are copied one tensor at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from llm.ablated import refuse_without
from llm.checkpoint import check_weights
from llm.files import new_folder, read_json, write_json, write_text
from llm.gpt2 import (
    HEAD,
    TRANSPOSED,
    Shapes,
    check_shapes,
    config_from_gpt2,
    config_to_gpt2,
    gpt2_shapes,
    plain_names,
    scale_queries,
    state_to_gpt2,
)
from llm.model import GPT
from llm.tokenizers import BPETokenizer, GPT2Tokenizer, Tokenizer, export
from llm.tokenizers.base import END_OF_TEXT
from llm.tokenizers.gpt2 import byte_characters
from llm.weights.containers import PICKLES, unpickled
from llm.weights.hub import CONFIG, INDEX, WEIGHTS, Progress, fetch_model, shard_names

PICKLE, PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
"""What transformers wrote before safetensors."""


def load_gpt2(source: str | Path, on_progress: Progress | None = None) -> GPT:
    """A GPT-2 in Hugging Face's format, in float32 and evaluation mode.

    `source` is a folder or, where there is none of that name, a repository on the Hub
    ("openai-community/gpt2", -medium, -large, -xl). Names may carry the prefix `transformer.`, masks
    are skipped, and a head that is said to be tied must be. Raises ValueError when config and weights
    are missing, damaged or don't fit together; what the headers tell, before a model is made.
    """
    folder = Path(source)
    if not folder.is_dir():
        folder = fetch_model(str(source), on_progress)
    return gpt2_from_files(folder, weight_files(folder) or [folder / WEIGHTS])


def gpt2_from_files(folder: Path, files: Sequence[Path], notes: list[str] | None = None) -> GPT:
    """What `load_gpt2` gives, of a folder's config.json and some files of weights, safetensors or pickles of torch.

    What was done about settings that our model hasn't is added to `notes`.
    """
    for path in (folder / CONFIG, *files):
        if not path.is_file():
            raise ValueError(
                f"{folder.name} lacks {path.name}; choose a folder that transformers' save_pretrained wrote."
            )
    with TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        plain = [_safetensors(path, Path(scratch) / str(n)) for n, path in enumerate(files)]
        return _gpt2(read_json(folder / CONFIG), plain, [] if notes is None else notes)


def _gpt2(values: dict[str, Any], files: Sequence[Path], notes: list[str]) -> GPT:
    config = config_from_gpt2(values)
    shapes: Shapes = {}
    places: dict[str, tuple[Path, str]] = {}
    for path in files:
        found = check_weights(path)
        for name, full in plain_names(found).items():
            if name in places:
                raise ValueError(f"{name} is in {places[name][0].name} and in {path.name}; save the model again.")
            places[name], shapes[name] = (path, full), found[full]
    expected = gpt2_shapes(config)
    if HEAD in shapes:
        expected[HEAD] = (config.vocab_size, config.n_embd)
    check_shapes(shapes, expected, WEIGHTS)

    model = GPT(config, seed=None)
    own = model.state_dict()
    for path in files:
        names = {full: name for name, (place, full) in places.items() if place == path and name in own}
        for full, tensor in _tensors(path, names):
            name = names[full]
            own[name].copy_(tensor.T if name.endswith(TRANSPOSED) else tensor)
    notes += scale_queries(own, values, config)
    if HEAD in places and HEAD not in own:
        path, full = places[HEAD]
        for _, head_VC in _tensors(path, [full]):
            if not torch.equal(head_VC.float(), model.wte.weight):
                raise ValueError("This model's head is its own; set tie_word_embeddings to false in its config.json.")
    return model.eval()


def save_gpt2(folder: str | Path, model: GPT, tokenizer: Tokenizer | None = None) -> str | None:
    """Write a folder that transformers' `GPT2LMHeadModel.from_pretrained` opens, with equal logits.

    Missing biases become zeros, which compute the same. With a byte-level tokenizer the folder also
    holds what `AutoTokenizer` opens: vocab.json and merges.txt (bpe, gpt2), or a tokenizer.json for one
    that came from a file. Other kinds have no counterpart there and stay behind; a sentence then says
    so. Raises ValueError when the folder already holds something, or the model is no whole GPT-2.
    """
    refuse_without(model.config, "it is no GPT-2 that transformers could read")
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} already holds something; choose a new folder.")
    state = state_to_gpt2({name: t.detach().cpu() for name, t in model.state_dict().items()})
    for name, shape in gpt2_shapes(model.config.replace(bias=True)).items():
        state.setdefault(name, torch.zeros(shape))
    # With the prefix, because transformers would put it before the head's name too if no name had it.
    named = {name if name == HEAD else f"transformer.{name}": tensor for name, tensor in state.items()}
    with new_folder(folder) as fresh:
        save_file(named, fresh / WEIGHTS, metadata={"format": "pt"})
        write_json(fresh / CONFIG, config_to_gpt2(model.config, tokenizer.eot_id if tokenizer else None))
        without = None if tokenizer is None else _write_tokenizer(fresh, tokenizer)
        (fresh / WEIGHTS).chmod((fresh / CONFIG).stat().st_mode)  # safetensors lets nobody but the owner read its files
    return without


def is_glassbox(folder: Path) -> bool:
    """Whether a folder is one that Glassbox saved, by what its config.json calls its format."""
    return (folder / CONFIG).is_file() and "format" in read_json(folder / CONFIG)


def weight_files(folder: Path) -> list[Path] | None:
    """The files that a folder of transformers keeps its weights in, safetensors before pickles; None if it has none."""
    for single, index in ((WEIGHTS, INDEX), (PICKLE, PICKLE_INDEX)):
        if (folder / single).is_file():
            return [folder / single]
        if (folder / index).is_file():
            return [folder / name for name in shard_names(read_json(folder / index), Path(single).suffix)]
    return None


def _safetensors(path: Path, scratch: Path) -> Path:
    """The file itself, or one with what a pickle holds."""
    if path.suffix.lower() not in PICKLES:
        return path
    scratch.mkdir()
    return unpickled(path, scratch)


def _tensors(path: Path, names: Iterable[str]) -> Iterator[tuple[str, Tensor]]:
    """Tensors of a file that was checked, one at a time. Raises ValueError when one isn't finite."""
    try:
        with safe_open(path, "pt") as file:
            for name in names:
                tensor: Tensor = file.get_tensor(name)
                if not bool(tensor.isfinite().all()):
                    raise ValueError(f"{name} in {path.name} holds NaN or infinity; use an earlier model.")
                yield name, tensor
    except SafetensorError as error:  # what `check_weights` doesn't look at, such as the header's notes
        raise ValueError(f"{path.name} can't be read ({error}); copy it again.") from error


def _write_tokenizer(folder: Path, tokenizer: Tokenizer) -> str | None:
    """Write the tokenizer as transformers has it; a sentence where it can't be."""
    if isinstance(tokenizer, BPETokenizer | GPT2Tokenizer):
        _write_vocabulary(folder, tokenizer)
        return None
    try:
        write_text(folder / "tokenizer.json", export(tokenizer, "hugging_face"))
    except ValueError as error:
        return f"The tokenizer stays behind: {error}"
    notes = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    if tokenizer.eot_id is not None:
        notes |= {"bos_token": END_OF_TEXT, "eos_token": END_OF_TEXT}
    write_json(folder / "tokenizer_config.json", notes)
    return None


def _write_vocabulary(folder: Path, tokenizer: BPETokenizer | GPT2Tokenizer) -> None:
    """OpenAI's two files: each token's id, and the merges in their order, with a visible sign for each byte."""
    signs = byte_characters()
    names = ["".join(signs[byte] for byte in tokenizer.token_bytes(id)) for id in range(tokenizer.vocab_size)]
    names[-1] = END_OF_TEXT
    write_json(folder / "vocab.json", {name: id for id, name in enumerate(names)})
    merges = [" ".join(names[id] for id in merge.pair) for merge in tokenizer.merges]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8", newline="\n")
