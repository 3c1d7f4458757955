"""A walk's numbers are the model's: each row against the same arithmetic written out in float64."""

import ast
import math
import re

import pytest
import torch
from twins import SHAPES, random_ids, randomised

from llm.inside.architecture import architecture, lines_of, source, step_keys
from llm.inside.column import column_names
from llm.inside.trace import trace
from llm.inside.walk import RANKED, Walk
from llm.model import Block

LENGTH = 9
UNTIED = SHAPES[0].replace(bias=False, activation_function="gelu", tie_word_embeddings=False)
OTHERS = [SHAPES[2].replace(activation_function=name, n_inner=44) for name in ("relu", "silu", "quick_gelu")]


def walk_over(config, position):
    model = randomised(config)
    ids = random_ids(config, 1, LENGTH)[0].tolist()
    return Walk(model, trace(model, ids, column_names(model)), position), model, ids


def by_hand(model, ids, position, head):
    """Every row of every step, from the weights alone: {(step, row's name or number): values}, float64."""
    w = {name: tensor.double() for name, tensor in model.state_dict().items()}
    config, found, p = model.config, {}, position
    T, C, D = len(ids), config.n_embd, config.head_size

    def norm(name, x_TC):
        centred_TC = x_TC - x_TC.mean(1, keepdim=True)
        y_TC = centred_TC / (centred_TC.square().mean(1, keepdim=True) + config.layer_norm_epsilon).sqrt()
        y_TC = y_TC * w[f"{name}.weight"] + w.get(f"{name}.bias", 0.0)
        found[name, "x"], found[name, "y"] = x_TC[p], y_TC[p]
        return y_TC

    def linear(name, x):
        return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0.0)

    token_TC, place_TC = w["wte.weight"][ids], w["wpe.weight"][:T]
    x_TC = token_TC + place_TC
    found["id", "id"], found["wte", "x"] = torch.tensor(ids).double(), token_TC[p]
    found["wpe", "token"], found["wpe", "place"], found["wpe", "x"] = token_TC[p], place_TC[p], x_TC[p]
    streams = [x_TC[p]]
    for layer in range(config.n_layer):
        at = f"h.{layer}."
        qkv_T3C = linear(f"{at}attn.c_attn", norm(f"{at}ln_1", x_TC))
        q_THD, k_THD, v_THD = (part.view(T, -1, D) for part in qkv_T3C.split(C, dim=1))
        for name, part in zip("qkv", (q_THD, k_THD, v_THD), strict=True):
            found[f"{at}attn.c_attn", name] = part[p, head]
        scores_HTT = torch.einsum("thd,shd->hts", q_THD, k_THD) / math.sqrt(D)
        masked_HTT = scores_HTT.masked_fill(torch.ones(T, T).triu(1) == 1, -math.inf)
        weights_HTT = masked_HTT.exp() / masked_HTT.exp().sum(2, keepdim=True)
        z_TC = torch.einsum("hts,shd->thd", weights_HTT, v_THD).reshape(T, C)
        a_TC = linear(f"{at}attn.c_proj", z_TC)
        found[f"{at}attn.scores", "s"], found[f"{at}attn.mask", "s"] = scores_HTT[head, p], masked_HTT[head, p]
        found[f"{at}attn.softmax", "w"] = found[f"{at}attn.mix", "w"] = weights_HTT[head, p]
        found[f"{at}attn.mix", "z"] = z_TC[p, head * D : (head + 1) * D]
        found[f"{at}attn.c_proj", "z"], found[f"{at}attn.c_proj", "a"] = z_TC[p], a_TC[p]
        found[f"{at}add_1", "x"], found[f"{at}add_1", "a"], found[f"{at}add_1", "y"] = (
            x_TC[p],
            a_TC[p],
            (x_TC + a_TC)[p],
        )
        x_TC = x_TC + a_TC
        h_TN = linear(f"{at}mlp.c_fc", norm(f"{at}ln_2", x_TC))
        g_TN = (
            h_TN
            * {
                "gelu_new": 0.5 + 0.5 * torch.tanh(math.sqrt(2 / math.pi) * (h_TN + 0.044715 * h_TN**3)),
                "gelu": 0.5 + 0.5 * torch.erf(h_TN / math.sqrt(2)),
                "relu": (h_TN > 0).double(),
                "silu": 1 / (1 + torch.exp(-h_TN)),
                "quick_gelu": 1 / (1 + torch.exp(-1.702 * h_TN)),
            }[config.activation_function]
        )
        m_TC = linear(f"{at}mlp.c_proj", g_TN)
        found[f"{at}mlp.c_fc", "h"] = found[f"{at}mlp.activation", "h"] = h_TN[p]
        found[f"{at}mlp.activation", "g"], found[f"{at}mlp.c_proj", "m"] = g_TN[p], m_TC[p]
        found[f"{at}add_2", "x"], found[f"{at}add_2", "a"], found[f"{at}add_2", "y"] = (
            x_TC[p],
            m_TC[p],
            (x_TC + m_TC)[p],
        )
        x_TC = x_TC + m_TC
        streams.append(x_TC[p])
    found["stream", "x"] = torch.stack(streams)
    logits_V = norm("ln_f", x_TC)[p] @ w["wte.weight" if config.tie_word_embeddings else "lm_head.weight"].T
    top = logits_V.topk(RANKED)
    found["head", "l"], found["odds", "p"] = top.values, logits_V.softmax(0)[top.indices]
    return found, top.indices.tolist()


@pytest.mark.parametrize("config", [SHAPES[0], SHAPES[2], UNTIED, *OTHERS], ids=str)
@pytest.mark.parametrize("position", [0, 4, LENGTH - 1])
def test_every_number_equals_float64(config, position):
    """All rows of all steps, at the first token, in the middle and at the last, to the digits that are shown."""
    walk, model, ids = walk_over(config, position)
    head = config.n_head - 1
    expected, best = by_hand(model, ids, position, head)
    met = set()
    for key in walk.keys:
        step = walk.step(key, head)
        if key == "stream":
            torch.testing.assert_close(
                torch.stack([row.values for row in step.rows]).double(), expected["stream", "x"], atol=1e-5, rtol=1e-4
            )
            met.add(("stream", "x"))
            continue
        for row in step.rows:
            torch.testing.assert_close(row.values.double(), expected[key, row.name], atol=1e-5, rtol=1e-4)
            met.add((key, row.name))
        if row_ids := step.tokens:
            assert row_ids == best
    assert met == set(expected)


FUNCTIONS = {"root": math.sqrt, "π": math.pi, "tanh": math.tanh, "erf": math.erf, "exp": math.exp}
"""What a formula may call, besides what Python knows."""


def worked_out(numbers, names):
    """The left and the right side of a formula with numbers in it, as a pocket calculator would have them."""
    left, _, right = numbers.partition(" = ")

    def value(text):
        text = re.sub(r"\{(\w+)\}", lambda name: f"({names[name[1]]!r})", text)
        text = re.sub(r"√(\d)", r"√(\1)", text).replace("√", "root")
        for sign, spelt in {"·": "*", "−": "-", "½": "0.5", "³": "**3"}.items():
            text = text.replace(sign, spelt)
        return eval(text, dict(FUNCTIONS))

    return value(left), value(right)


@pytest.mark.parametrize("config", [SHAPES[0], UNTIED, *OTHERS], ids=str)
def test_formulas_with_numbers_are_true(config):
    """What stands on both sides of the equals sign is the same number, for every cell of every row that is computed."""
    walk, _, _ = walk_over(config, 5)
    checked = set()
    for key in walk.keys:
        step = walk.step(key, 1)
        if " = " not in step.numbers or key == "wte":
            continue
        for r, row in enumerate(step.rows):
            for i in range(0, len(row.values), 5):
                names = {name: float(values[i]) for name, values in step.unseen.items() if i < len(values)}
                names |= {one.name: float(one.values[i]) for one in step.rows if i < len(one.values)}
                names |= step.constants | {"out": float(row.values[i]), "i": i}
                if "{terms}" in step.numbers:
                    terms = step.terms(r, i)
                    if terms is None:  # the row is what is read, not what is written
                        assert r < len(step.rows) - 1
                        continue
                    names["terms"] = sum(a * b for _, a, b in terms.largest) + terms.rest + (terms.bias or 0.0)
                left, right = worked_out(step.numbers, names)
                assert left == pytest.approx(right, abs=2e-5, rel=2e-4), (key, row.name, i)
                checked.add(key.split(".", 2)[-1])
    assert checked >= {"wpe", "ln_1", "attn.c_attn", "attn.scores", "attn.softmax", "attn.mix", "attn.c_proj", "add_1"}
    assert checked >= {"ln_2", "mlp.c_fc", "mlp.activation", "mlp.c_proj", "add_2", "ln_f", "head", "odds"}


def test_matrices_are_those_of_the_head():
    """Scores before the mask see the future; after it none does, and weights of each row add up to 1."""
    walk, _, _ = walk_over(SHAPES[0], 3)
    seen = trace(walk.column.model, walk.column.ids, ["blocks.1.attn.hook_attn_scores", "blocks.1.attn.hook_pattern"])
    scores_TT, masked_TT, weights_TT = (
        walk.step(f"h.1.attn.{name}", 2).matrix for name in ("scores", "mask", "softmax")
    )
    torch.testing.assert_close(masked_TT, seen["blocks.1.attn.hook_attn_scores"][0, 2])
    torch.testing.assert_close(weights_TT, seen["blocks.1.attn.hook_pattern"][0, 2])
    assert scores_TT.isfinite().all() and torch.equal(scores_TT.tril(), masked_TT.tril().nan_to_num(neginf=0.0))


@pytest.mark.parametrize("key, head", [("h.9.ln_1", 0), ("nothing", 0), ("h.0.ln_1", 99), ("h.0.attn.mix", -1)])
def test_what_is_not_there_is_refused(key, head):
    """One sentence each."""
    walk, _, _ = walk_over(SHAPES[0], 3)
    with pytest.raises(ValueError, match=r"[.]$"):
        walk.step(key, head)


def test_the_architecture_is_that_of_the_live_model():
    """Parameters of the operations add up to the model's, and the steps name each block's operations once."""
    for config in (*SHAPES, UNTIED, *OTHERS):
        model = randomised(config)
        found = architecture(model)
        each = [sum(one.parameters for one in part) for part in (found.before, found.block, found.after)]
        assert each[0] + config.n_layer * each[1] + each[2] == found.parameters == config.n_params
        keys = step_keys(model)
        assert len(keys) == len(set(keys)) == len(found.before) + config.n_layer * len(found.block) + len(found.after)
        weights = {one.key: one.weights for one in found.block}
        assert weights["mlp.c_fc"] == (config.mlp_size, config.n_embd) and weights["attn.mask"] == ()


def test_each_operation_stands_where_it_says():
    """The lines lie in the file that runs and hold what does it; a fused kernel's are written out beside it."""
    name, lines = source()
    assert name == "llm/model.py"
    found = architecture(randomised(SHAPES[0]))
    holds = {
        "id": "self.embed(", "wte": "self.wte(ids_BT)", "wpe": "self.wpe(positions_T)", "ln_1": "self.ln_1(",
        "attn.c_attn": "self.c_attn(", "attn.c_proj": "self.c_proj(z_BHTD", "add_1": "x_BTC + self.attn(",
        "ln_2": "self.ln_2(", "mlp.c_fc": "self.c_fc(", "mlp.activation": "self.activation(",
        "mlp.c_proj": "self.c_proj(self.", "add_2": "x_BTC + self.mlp(",
        "stream": "block(x_BTC, layer", "ln_f": "self.ln_f(", "head": "F.linear(",
    }  # fmt: skip
    fused = {
        "attn.scores": "q_BHTD @ k_BHSD",
        "attn.mask": "masked_fill",
        "attn.softmax": "softmax",
        "attn.mix": "@ v_BHSD",
    }
    for one in (*found.before, *found.block, *found.after):
        said = "\n".join(lines[i - 1] for i in one.lines)
        if one.key in fused:
            assert "is_causal=True" in said and fused[one.key] in lines[one.written_out[0] - 1]
        elif one.key in holds:
            assert holds[one.key] in said, one.key
        else:
            assert one.key in ("parts", "odds") and not one.lines  # done with the model's answer
    assert lines_of(Block.forward, "no such thing") == ()
    ast.parse("\n".join(lines))
