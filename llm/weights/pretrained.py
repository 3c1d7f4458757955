"""GPT-2s from elsewhere and for elsewhere: folders of transformers, and the Hub.

    model = load_gpt2("openai-community/gpt2")          # or a folder with config.json and model.safetensors
    save_gpt2("shakespeare-hf", model, tokenizer)       # GPT2LMHeadModel.from_pretrained("shakespeare-hf")

Everything is safetensors, nothing is unpickled. Headers are compared with the config before memory
is taken, and weights are copied one tensor at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from llm.checkpoint import check_weights
from llm.files import new_folder, read_json, write_json
from llm.gpt2 import (
    HEAD,
    TRANSPOSED,
    Shapes,
    check_shapes,
    config_from_gpt2,
    config_to_gpt2,
    gpt2_shapes,
    plain_names,
    query_factors,
    state_to_gpt2,
)
from llm.model import GPT
from llm.tokenizers import BPETokenizer, GPT2Tokenizer, Tokenizer
from llm.tokenizers.base import END_OF_TEXT
from llm.tokenizers.gpt2 import byte_characters
from llm.weights.hub import CONFIG, INDEX, WEIGHTS, Progress, fetch_model, shard_names


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
    files = _weight_files(folder)
    values = read_json(folder / CONFIG)
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
    for layer, factor in enumerate(query_factors(values, config)):
        for kind in ("weight", "bias") if factor != 1 else ():
            own[f"h.{layer}.attn.c_attn.{kind}"][: config.n_embd] *= factor
    if HEAD in places and HEAD not in own:
        path, full = places[HEAD]
        for _, head_VC in _tensors(path, [full]):
            if not torch.equal(head_VC.float(), model.wte.weight):
                raise ValueError("This model's head is its own; set tie_word_embeddings to false in its config.json.")
    return model.eval()


def save_gpt2(folder: str | Path, model: GPT, tokenizer: Tokenizer | None = None) -> None:
    """Write a folder that transformers' `GPT2LMHeadModel.from_pretrained` opens, with equal logits.

    Missing biases become zeros, which compute the same. With a byte-level tokenizer (bpe, gpt2) the
    folder also holds vocab.json and merges.txt, which `AutoTokenizer` opens; the other kinds have no
    counterpart there. Raises ValueError when the folder already holds something.
    """
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
        if isinstance(tokenizer, BPETokenizer | GPT2Tokenizer):
            _write_vocabulary(fresh, tokenizer)
        (fresh / WEIGHTS).chmod((fresh / CONFIG).stat().st_mode)  # safetensors lets nobody but the owner read its files


def is_glassbox(folder: Path) -> bool:
    """Whether a folder is one that Glassbox saved, by what its config.json calls its format."""
    return (folder / CONFIG).is_file() and "format" in read_json(folder / CONFIG)


def _weight_files(folder: Path) -> list[Path]:
    """The safetensors file of a model, or its shards, all there; and config.json is too."""
    names = [WEIGHTS]
    if not (folder / WEIGHTS).is_file() and (folder / INDEX).is_file():
        names = shard_names(read_json(folder / INDEX))
    for name in (CONFIG, *names):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} lacks {name}; choose a folder that transformers' save_pretrained wrote.")
    return [folder / name for name in names]


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


def _write_vocabulary(folder: Path, tokenizer: BPETokenizer | GPT2Tokenizer) -> None:
    """OpenAI's two files: each token's id, and the merges in their order, with a visible sign for each byte."""
    signs = byte_characters()
    names = ["".join(signs[byte] for byte in tokenizer.token_bytes(id)) for id in range(tokenizer.vocab_size)]
    names[-1] = END_OF_TEXT
    write_json(folder / "vocab.json", {name: id for id, name in enumerate(names)})
    merges = [" ".join(names[id] for id in merge.pair) for merge in tokenizer.merges]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8", newline="\n")
