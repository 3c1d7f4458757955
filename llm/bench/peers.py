"""Other engines that write with a GPT-2, where their packages are installed, on the very weights of ours.

CTranslate2 (`pip install ctranslate2`) and llama.cpp (`pip install llama-cpp-python gguf`). Each is given a file
in its own format, made from the model, and writes greedily, one text at a time. Each has a process of its own, this
file run as a program, for their threads meet in one: after CTranslate2's first text all else took 2.7 times as long.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor

from llm.config import ModelConfig
from llm.files import read_json, write_json
from llm.model import GPT

Writer = Callable[[], object]
"""Writes one text."""
NEEDED = {"CTranslate2": ("ctranslate2",), "llama.cpp": ("llama_cpp", "gguf")}
KINDS = {"CTranslate2": ("float32", "int8"), "llama.cpp": ("F32", "Q8_0", "Q4_0")}


@contextmanager
def peers(model: GPT, prompt: Sequence[int], new_tokens: int, folder: Path) -> Iterator[dict[str, Writer]]:
    """How each engine that is here writes, by what it calls itself; they end with the block. `folder` takes files."""
    save_model(model, str(folder / "weights.safetensors"))
    asked = {"model": model.config.to_dict(), "prompt": list(prompt), "new_tokens": new_tokens}
    write_json(folder / "asked.json", asked | {"threads": torch.get_num_threads()})
    here = [engine for engine, needed in NEEDED.items() if all(map(importlib.util.find_spec, needed))]
    with ExitStack() as stack:
        yield {f"{engine} {kind}": _apart(stack, engine, kind, folder) for engine in here for kind in KINDS[engine]}


def _apart(stack: ExitStack, engine: str, kind: str, folder: Path) -> Writer:
    command = [sys.executable, "-m", "llm.bench.peers", engine, kind, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    stack.enter_context(process)  # closes its input, which ends it, and waits
    lines_in, lines_out = process.stdin, process.stdout
    assert lines_in and lines_out

    def answered(word: str) -> None:
        if lines_out.readline().strip() != word:
            raise RuntimeError(f"{engine} {kind} ended; what it said stands above.")

    def write() -> None:
        lines_in.write("write\n")
        answered("written")

    answered("ready")
    return write


def _serve(engine: str, kind: str, folder: Path) -> None:
    """Write once for each line that comes in."""
    asked = read_json(folder / "asked.json")
    torch.set_num_threads(asked["threads"])
    model = GPT(ModelConfig.from_dict(asked["model"])).eval()
    load_model(model, str(folder / "weights.safetensors"))
    make = {"CTranslate2": _ctranslate2, "llama.cpp": _llama_cpp}[engine]
    write = make(model, asked["prompt"], asked["new_tokens"], folder / f"{engine}-{kind}", kind)
    print("ready", flush=True)
    for _ in sys.stdin:
        write()
        print("written", flush=True)


def _array(weight: Tensor) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = weight.detach().numpy()
    return array


def _ctranslate2(model: GPT, prompt: Sequence[int], new_tokens: int, folder: Path, kind: str) -> Writer:
    import ctranslate2
    from ctranslate2.specs import Activation, TransformerDecoderModelSpec

    config = model.config
    spec = TransformerDecoderModelSpec.from_config(config.n_layer, config.n_head, activation=Activation.GELUTanh)

    def put(place: Any, module: Any, names: tuple[str, str]) -> None:
        setattr(place, names[0], _array(module.weight))
        if getattr(module, "bias", None) is not None:
            setattr(place, names[1], _array(module.bias))

    linear, norm = ("weight", "bias"), ("gamma", "beta")
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = _array(model.wte.weight)
    decoder.projection.weight = _array(model.wte.weight)
    decoder.position_encodings.encodings = _array(model.wpe.weight)
    put(decoder.layer_norm, model.ln_f, norm)
    for layer, block in zip(decoder.layer, model.h, strict=True):
        put(layer.self_attention.layer_norm, block.ln_1, norm)
        put(layer.self_attention.linear[0], block.attn.c_attn, linear)  # type: ignore[union-attr]
        put(layer.self_attention.linear[1], block.attn.c_proj, linear)  # type: ignore[union-attr]
        put(layer.ffn.layer_norm, block.ln_2, norm)
        put(layer.ffn.linear_0, block.mlp.c_fc, linear)  # type: ignore[union-attr]
        put(layer.ffn.linear_1, block.mlp.c_proj, linear)  # type: ignore[union-attr]
    names = [f"t{id}" for id in range(config.vocab_size)]
    spec.register_vocabulary(names)
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = names[0]
    spec.validate()
    spec.optimize(quantization=None if kind == "float32" else kind)
    folder.mkdir(parents=True)
    spec.save(str(folder))
    engine = ctranslate2.Generator(str(folder), compute_type=kind, intra_threads=torch.get_num_threads())
    start = [names[id] for id in prompt]
    length = len(prompt) + new_tokens
    return lambda: engine.generate_batch(
        [start], beam_size=1, min_length=length, max_length=length, include_prompt_in_result=False
    )


def _llama_cpp(model: GPT, prompt: Sequence[int], new_tokens: int, path: Path, kind: str) -> Writer:
    import gguf
    import llama_cpp

    config = model.config
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_context_length(config.n_ctx)
    writer.add_embedding_length(config.n_embd)
    writer.add_block_count(config.n_layer)
    writer.add_head_count(config.n_head)
    writer.add_feed_forward_length(4 * config.n_embd)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{id}" for id in range(config.vocab_size)])
    writer.add_token_merges(["t 0"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)

    def put(name: str, weight: Tensor, kind: str = "F32") -> None:
        form = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(name, gguf.quants.quantize(_array(weight), form), raw_dtype=form)

    put("token_embd.weight", model.wte.weight, kind)
    put("output.weight", model.wte.weight, kind)
    put("position_embd.weight", model.wpe.weight)
    parts = {"attn_norm": "ln_1", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj", "ffn_norm": "ln_2",
             "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}  # fmt: skip
    for layer, block in enumerate(model.h):
        for theirs, ours in parts.items():
            module: Any = block.get_submodule(ours)
            put(f"blk.{layer}.{theirs}.weight", module.weight, "F32" if "norm" in theirs else kind)
            put(f"blk.{layer}.{theirs}.bias", module.bias)
    put("output_norm.weight", model.ln_f.weight)
    put("output_norm.bias", model.ln_f.bias)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    threads = torch.get_num_threads()
    engine = llama_cpp.Llama(
        str(path), n_ctx=config.n_ctx, n_threads=threads, n_threads_batch=threads, verbose=False, logits_all=False
    )

    def write() -> None:
        engine.reset()
        engine.eval(list(prompt))
        for _ in range(new_tokens - 1):
            logits_V = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(engine.ctx, -1), shape=(config.vocab_size,))
            engine.eval([int(logits_V.argmax())])

    return write


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
