"""The walk forward: every operation on one token, with the line of code that does it and the numbers it makes.

Shapes: T time, C embedding, H heads, L layers, N neurons of a layer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from llm.inside.architecture import Operation, architecture, source
from llm.inside.attribution import attribute
from llm.inside.contributions import direct_logits
from llm.inside.neurons import neuron_write
from llm.inside.walk import Walk
from llm.inside.walk_step import Step
from llm.tokenizers import Tokenizer
from llm.training.flops import flops_of_operations, flops_per_token
from llm.ui import inputs
from llm.ui.model.contexts import Contexts
from llm.ui.model.walks import Walked, Walks
from llm.ui.panel import Answer, Request, View
from llm.ui.prompt import named, packed

MAX_MATRIX = 64
"""Tokens of a prompt whose square of scores is drawn whole."""
TOP = 6
"""Tokens named as most promoted, and as most suppressed; neurons named of a layer."""
MANY = 65_536


def build_forward(walks: Walks) -> View:
    """The view; its endpoints describe the model, and one step, logit or neuron of it at a time."""
    contexts = Contexts(walks.subjects)

    @walks.subjects.answers.of
    def read_architecture(request: Request) -> Answer:
        """The model's operations, counted on its modules, and the file that does them."""
        loaded = walks.subjects.of(request)
        config, found = loaded.config, architecture(loaded.model)
        flops = flops_of_operations(config, config.n_ctx)
        file, lines = source()
        return {
            "layers": config.n_layer,
            "heads": config.n_head,
            "sizes": {
                "C": config.n_embd,
                "3C": 3 * config.n_embd,
                "N": config.mlp_size,
                "H": config.n_head,
                "D": config.head_size,
                "V": config.vocab_size,
            },
            "context": config.n_ctx,
            "parameters": found.parameters,
            "flops": flops_per_token(config, training=False),
            "operations": [
                {"where": where, **_described(one, flops)}
                for where, part in (("before", found.before), ("block", found.block), ("after", found.after))
                for one in part
            ],
            "file": file,
            "source": lines,
        }

    @walks.subjects.answers.of
    def read_step(request: Request) -> Answer:
        """One step for one token; without a prompt no tokens and nothing else."""
        found = walks.of(request)
        if found is None:
            return {"tokens": []}
        heads = found.loaded.config.n_head
        head = min(inputs.whole(request, "head", 0, MANY, 0), heads - 1)
        step = found.walk.step(_key(request, found.walk), head)
        row, cell = _cell(request, step, found.position)
        terms = step.terms(row, cell)
        whole = step.matrix is not None and len(found.ids) <= MAX_MATRIX
        return {
            "tokens": named(found.loaded.tokenizer, found.ids),
            "note": found.note,
            "position": found.position,
            "head": head,
            "key": step.key,
            "rows": [
                {
                    "name": one.name,
                    "title": one.title,
                    "role": one.role,
                    "axis": one.axis,
                    "values": packed(one.values.float()),
                }
                for one in step.rows
            ],
            "formula": step.formula,
            "numbers": step.numbers,
            "says": step.says,
            "constants": step.constants,
            "unseen": {name: packed(values.float()) for name, values in step.unseen.items()},
            "matrix": packed(step.matrix) if whole and step.matrix is not None else None,
            "named": named(found.loaded.tokenizer, step.tokens),
            "cell": [row, cell],
            "terms": None
            if terms is None
            else {"largest": terms.largest, "rest": terms.rest, "others": terms.others, "bias": terms.bias},
        }

    @walks.subjects.answers.of
    def read_attribution(request: Request) -> Answer:
        """The parts of the logit of one token, the likeliest if none is named."""
        found = walks.some(request)
        at, tokenizer = found.walk.column, found.loaded.tokenizer
        candidates = found.walk.step("parts").tokens
        vocabulary = found.loaded.config.vocab_size
        asked = request.get("target") is not None
        target = inputs.whole(request, "target", 0, vocabulary - 1) if asked else candidates[0]
        parts = attribute(at, target)
        best = parts.neurons_LN.abs().topk(min(TOP, parts.neurons_LN.size(1)))
        return {
            "position": found.position,
            "target": named(tokenizer, [target])[0],
            "candidates": named(tokenizer, candidates),
            "logit": parts.logit,
            "scale": parts.scale,
            "token": parts.token,
            "place": parts.place,
            "norm": parts.norm,
            "heads": parts.heads_LH.tolist(),
            "mlps": parts.neurons_LN.sum(1).tolist(),
            "biases": parts.biases_L.tolist(),
            "neurons": [
                [{"neuron": n, "by": float(by_N[n])} for n in most]
                for most, by_N in zip(best.indices.tolist(), parts.neurons_LN, strict=True)
            ],
        }

    @walks.subjects.answers.of
    def read_neuron(request: Request) -> Answer:
        """How much a neuron is on here, and the tokens it speaks for and against; of a block its most active one."""
        found = walks.some(request)
        at, last = found.walk.column, found.loaded.config.n_layer - 1
        layer = inputs.whole(request, "layer", 0, last, last)
        before_N, after_N = at.neurons(layer)
        asked = request.get("neuron") is not None
        neuron = inputs.whole(request, "neuron", 0, len(after_N) - 1) if asked else int(after_N.argmax())
        write_1C = neuron_write(at.model, layer, neuron)[None]
        with torch.no_grad():
            logits_V = direct_logits(at.model, write_1C, at.stream(found.loaded.config.n_layer))[0]
        return {
            "layer": layer,
            "neuron": neuron,
            "neurons": len(after_N),
            "before": float(before_N[neuron]),
            "after": float(after_N[neuron]),
            "promoted": _ends(logits_V, found.loaded.tokenizer, largest=True),
            "suppressed": _ends(logits_V, found.loaded.tokenizer, largest=False),
        }

    def read_contexts(request: Request) -> Answer:
        """Where in the model's validation text a neuron is strongest: each call reads on for a moment."""
        found = walks.some(request)
        layer, neuron = _neuron(request, found)
        return {"layer": layer, "neuron": neuron, **contexts.read(request, found.loaded, layer, neuron)}

    return View("Forward", [read_architecture, read_step, read_attribution, read_neuron, read_contexts])


def _described(one: Operation, flops: dict[str, int]) -> Answer:
    return {
        "key": one.key,
        "title": one.title,
        "reads": one.reads,
        "writes": one.writes,
        "weights": list(one.weights),
        "parameters": one.parameters,
        "flops": flops.get(one.key, 0),
        "lines": list(one.lines),
        "writtenOut": list(one.written_out),
    }


def _key(request: Request, walk: Walk) -> str:
    """The step that a request names; in a model with fewer layers the same of its last one, else the first step."""
    key = inputs.text(request, "key", limit=100, default=walk.keys[0])
    if key not in walk.keys and key.startswith("h."):
        key = f"h.{walk.column.model.config.n_layer - 1}.{key.split('.', 2)[-1]}"
    return key if key in walk.keys else walk.keys[0]


def _cell(request: Request, step: Step, position: int) -> tuple[int, int]:
    """The cell that is looked at, as (row, place): the one asked for, or the largest of the last row."""
    if not step.rows:
        return 0, 0
    rows = len(step.rows) - 1
    if request.get("row") is not None and request.get("cell") is not None:
        row = inputs.whole(request, "row", 0, rows)
        return row, inputs.whole(request, "cell", 0, len(step.rows[row].values) - 1)
    if step.key == "id":
        return 0, position
    return rows, int(step.rows[rows].values.nan_to_num(neginf=0.0).abs().argmax())


def _neuron(request: Request, found: Walked) -> tuple[int, int]:
    config = found.loaded.config
    return (
        inputs.whole(request, "layer", 0, config.n_layer - 1),
        inputs.whole(request, "neuron", 0, config.mlp_size - 1),
    )


def _ends(logits_V: Tensor, tokenizer: Tokenizer, largest: bool) -> list[Answer]:
    """The tokens whose logits rise most, or fall most, for each unit that a neuron is on."""
    top = logits_V.topk(min(TOP, logits_V.numel() // 2), largest=largest)
    tokens = named(tokenizer, top.indices.tolist())
    return [{**token, "by": by} for token, by in zip(tokens, top.values.tolist(), strict=True)]
