"""Asks every endpoint of the page what a person's visit would ask, over the shipped models and a tiny run."""

from __future__ import annotations

import dataclasses
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gradio as gr
import orjson
from fastapi.encoders import jsonable_encoder
from shapes import Known, Shape

from llm.limits import LAPTOP, Limits
from llm.paths import home
from llm.tokenizers import BPETokenizer, export
from llm.ui import build_app
from llm.ui.classroom import Classroom
from llm.ui.own_models import from_hub
from llm.ui.panel import Panel
from llm.ui.train.presets import FORM

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
KNOWN = Known(
    records={
        "change_run.changes",
        "compare_tokenizers.rows[].tokens",
        "list_choices.choices",
        "list_choices.limits",
        "list_choices.presets[].settings",
        "list_choices.settings",
        "list_choices.tokenizer_kinds",
        "list_plan.chosen",
        "list_plan.helps",
        "list_plan.settings",
        "merge_piece.tokens",
        "open_run.changes[].changes",
        "open_run.form",
        "open_run.curves",
        "poll_run.events[].changes",
        "read_ghosts.ghosts[].curves",
        "read_learning_step.texts",
        "read_lens.texts",
        "read_ablations.settings",
        "read_architecture.sizes",
        "read_step.constants",
        "read_step.unseen",
        "read_text.new",
        "read_timeline.moments[].best",
    },
    tuples={
        "begin_batch.tokens[][]",
        "begin_generation.tokens[]",
        "begin_rows.head",
        "draw_batch.tokens[][]",
        "draw_tokens.tokens[]",
        "find_neighbours.neighbours[]",
        "find_worked_example.cell",
        "find_worked_example.head",
        "merge_piece.steps[].candidates[]",
        "list_ledger.curves[].loss[]",
        "open_run.curves{}[]",
        "plan_run.schedule[]",
        "read_ghosts.ghosts[].curves{}[]",
        "read_step.cell",
        "read_step.terms.largest[]",
        "read_timeline.moments[].best{}",
    },
    optional={"open_run.moments[].sample"},  # a run may be stopped between an evaluation and its sample
)


Endpoint = Callable[[dict[str, Any]], dict[str, Any]]


class Asked:
    """The endpoints of an app, and the shape of all that they have answered."""

    def __init__(self, limits: Limits = LAPTOP) -> None:
        self.limits = limits
        self.shapes: dict[str, Shape] = {}
        self.endpoints: dict[str, dict[str, Endpoint]] = {}
        self.open_app()

    def open_app(self) -> None:
        """Build the app, as when the server starts again."""
        self.endpoints = {}
        limits = dataclasses.replace(self.limits, trainings=1)
        for panel in build_app(limits, Classroom(), [home() / "owned"]).blocks.values():
            for endpoint in panel.server_fns if isinstance(panel, Panel) else []:
                # An endpoint of several panels is asked once.
                self.endpoints.setdefault(endpoint.__name__, {}).setdefault(endpoint.__module__, endpoint)

    def __call__(self, name: str, /, **values: Any) -> Any:
        """Ask every endpoint of that name; returns the last answer."""
        answer = None
        for endpoint in self.endpoints[name].values():
            answer = _sent(endpoint({"visitor": "0" * 32, **values}))
            assert "error" not in answer, (name, values, answer)
            self.shapes.setdefault(name, Shape()).add(answer, name, KNOWN)
        return answer

    def until(self, name: str, done: Callable[[Any], bool], /, **values: Any) -> Any:
        """Ask, without taking note, until an answer will do."""
        (endpoint,) = self.endpoints[name].values()
        deadline = time.monotonic() + 60
        while not done(answer := endpoint({"visitor": "0" * 32, **values})):
            assert time.monotonic() < deadline, (name, answer)
            time.sleep(0.02)
        return answer


def _sent(answer: dict[str, Any]) -> Any:
    """The answer as the page gets it: Gradio's JSON has null for NaN."""
    return json.loads(orjson.dumps(jsonable_encoder(answer), option=orjson.OPT_SERIALIZE_NUMPY))


def _uploaded(name: str, content: bytes) -> str:
    """A file that a browser has sent to Gradio."""
    folder = Path(gr.utils.get_upload_folder()) / secrets.token_hex(8)
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    return str(folder / name)


def ask_the_bar(ask: Asked) -> None:
    """The bar and the timeline beneath it."""
    shipped = CHECKPOINTS / "sorter"
    files = {name: (shipped / name).read_bytes() for name in ("config.json", "tokenizer.json", "model.safetensors")}
    own = {name: _uploaded(name, content) for name, content in files.items()}
    ask("keep_model", name="mine", paths=[own["model.safetensors"]])
    ask("keep_model", name="mine", paths=list(own.values()))
    (home() / "owned" / "bare").mkdir(parents=True)
    for name in ("tokenizer.json", "model.safetensors"):
        (home() / "owned" / "bare" / name).write_bytes(files[name])
    bare = next(model for model in ask("list_models")["models"] if model["group"] == "This computer")
    ask("convert_model", model=bare["ref"])
    ask("convert_model", model=bare["ref"], n_head=1)
    ask("correct_model", model=bare["ref"], activation_function="gelu")
    with patch.object(from_hub._Fetching, "_work"):
        ask("download_model", name="gpt2")
        ask("poll_download", name="gpt2")
        ask("cancel_download", name="gpt2")
    ask("list_models")
    ask("draw_code", link="http://localhost/")
    ask("show_class", state="model=shipped%3Atales")
    ask("allow_class", may_change=False)
    ask("read_timeline", model="shipped:induction")
    ask("read_timeline", model="shipped:sorter")


def ask_attention(ask: Asked) -> None:
    """The Attention tab."""
    tale = {"model": "shipped:tales", "prompt": "Once there was a girl"}
    young = {"model": "shipped:induction", "prompt": "\nabcabc|abc", "step": 100}
    long = {**tale, "prompt": tale["prompt"] * 100}
    for example in ask("list_worked_examples")["examples"]:
        found = ask("find_worked_example", name=example["name"])
        ask("trace_prompt", model=found["model"], step=found["step"], prompt=found["prompt"])  # its opening
    for on in (tale, young):
        ask("pack_head", **on, layer=0, head=0)
        ask("pack_heads", **on)
    ask("pack_tensors", **tale, whole=True)
    for name in ("trace_prompt", "open_head", "read_side", "read_lens", "compare_parts", "read_norm"):
        for on in (tale, young, long, {**tale, "prompt": ""}):
            ask(name, **on)
    ask("read_head", **tale, layer=0, head=0)
    for on in (tale, young):
        ask("score_heads", **on)
    ask("read_flow", **tale, flow="all")
    ask("list_rivals")
    ask("read_cell", **tale, row=1, position=2)
    ask("compare_parts", **tale, off="0.1_1.mlp")
    ask("sweep_parts", **tale, first=0)
    ask("write_without", **tale, off="0.1")
    ask("read_pair", **{**tale, "prompt": ""})
    for on in (tale, young):
        ask("read_pair", **on)
        ask("patch_positions", **on, kind="mlp", layer=1, positions=[1])
        ask("map_rows", **on, kind="head", layer=1, first=0)
    ask("map_rows", **tale, first=0)
    ask("write_steered", **tale, factor=2)
    for on in (tale, young, long):
        growth = ask("begin_rows", **on)["growth"]
        ask("read_start", growth=growth, start=0, layer=0, head=0)
        ask("grow_rows", growth=growth, count=4)
        while "start" not in (ask("grow_rows", growth=growth, count=64)["readings"] or [{"start": None}])[-1]:
            pass  # until the context is full and the model reads anew, or the text ends
    for name in ("grow_rows", "read_start"):
        ask(name, growth="gone")
    (known,) = {row["vocabulary"]["tokenizer"] for row in [ask("map_tokens", **tale)]}
    ask("map_tokens", **tale, knows=known)
    ask("find_neighbours", **tale, id=300)
    ask("compare_positions", **tale)


def ask_model(ask: Asked) -> None:
    """The Model tab."""
    tale = {"model": "shipped:tales", "prompt": "Once there was a girl"}
    young = {"model": "shipped:induction", "prompt": "\nabcabc|abc", "step": 100}
    for on in (tale, young):
        ask("read_architecture", **on)
        for key in (
            "id",
            "h.0.ln_1",
            "h.1.attn.c_attn",
            "h.1.attn.softmax",
            "h.1.mlp.activation",
            "stream",
            "parts",
            "odds",
        ):
            ask("read_step", **on, key=key)
        ask("read_attribution", **on)
        ask("read_neuron", **on, layer=0, neuron=1)
        ask("read_contexts", **on, layer=0, neuron=1)
        ask.until("read_learning_step", lambda answer: answer["made"]["done"] == answer["made"]["parts"], **on)
        ask("read_learning_step", **on)
    ask.until("read_learning_step", lambda answer: "losses" in answer, **tale, source="prompt")
    ask("read_learning_step", **tale, source="prompt")
    ask("read_learning_step", **{**tale, "prompt": ""}, source="prompt")
    ask("read_path")
    size = {"station": "size_and_data", "view": "loss_and_size", "step": None, **tale, "settings": {}}
    ask("check_station", **{**size, "settings": {"across": "tokens"}})
    ask("check_station", **size)
    induction = {"station": "heads_and_induction", "view": "heads", "step": None, **tale, "model": "shipped:induction"}
    ask("check_station", **{**induction, "prompt": "ab|ab"}, settings={})
    long = {**tale, "prompt": tale["prompt"] * 100}
    ask("read_step", **long, key="h.1.attn.scores")
    ask("read_step", **{**tale, "prompt": ""})


def ask_tokenizer(ask: Asked) -> None:
    """The Tokenizer tab."""
    text = {"model": "shipped:tales", "text": "Hello  world, é😀 ﬁ\nend"}
    ask("keep_tokenizer", path=_uploaded("own.tiktoken", export(BPETokenizer([]), "tiktoken").encode()))
    ask("list_tokenizers")
    for tok in ("gpt2", "character", "word", "whitespace", "bytes"):
        if tok in [one["ref"] for group in ask("list_tokenizers")["groups"] for one in group["tokenizers"]]:
            version = ask("read_text", **text, tok=tok, sheet=tok, names_are_text=False)["version"]
            ask("read_text", model=text["model"], tok=tok, sheet=tok, version=version, at=0, removed=1, added="J")
            ask("cut_text", **text, tok=tok)
            ask("explain_token", model=text["model"], tok=tok, id=1)
    ask("read_text", model=text["model"], sheet="gone", version=9)
    ask("read_text", model=text["model"], sheet="special", text="a<|endoftext|>b", tok="gpt2", names_are_text=False)
    ask("explain_token", model=text["model"], tok="gpt2", id=995)
    ask("decode_ids", model=text["model"], tok="gpt2", ids="15496, 995, 222 99999999")
    ask("export_tokenizer", model=text["model"], tok="gpt2", format="tiktoken")
    ask("merge_piece", model=text["model"], tok="gpt2", piece=" world")
    ask("list_corpora")
    ask("search_vocabulary", model=text["model"], tok="gpt2", query="the", corpus="pasted", text="the cat")
    ask("search_vocabulary", model=text["model"])
    ask("compare_tokenizers", model="shipped:sorter", text="not a digit", toks=["model"])
    ask("compare_tokenizers", **text, toks=["model", "gpt2", "whitespace", "character"])
    ask("measure_samples", **text, toks=["model", "gpt2"])
    ask("measure_samples", model="shipped:sorter", text="", toks=["model"])
    ask("prepare_learning")
    ask("start_learning", corpus="pasted", text="é the cat sat on the mat. " * 40, vocab_size=270)
    ask.until("poll_learning", lambda answer: answer["state"] == "finished")
    ask("poll_learning", since=0)
    ask("poll_learning", since=3)
    ask("steer_learning", action="stop")
    ask("save_vocabulary", name="Mine")


def ask_generate(ask: Asked) -> None:
    """The Generate tab."""
    tale = {"model": "shipped:tales", "prompt": "Once there was"}
    young = {"model": "shipped:induction", "prompt": "\nabcabc|abc", "step": 100}
    for on in (tale, young):
        ask("read_vocabulary", **on)
        ask("read_logits", **on)
        ask("name_source", **on)
    generation = ask("begin_generation", **tale, count=2, stop=["e"])["generation"]
    while ask("draw_tokens", generation=generation, count=20)["ended"] is None:
        pass
    ask("draw_tokens", generation="gone")
    ask("measure_weights", **tale)
    batch = ask("begin_batch", **tale, samples=2, max_new_tokens=20)["batch"]
    ask("draw_batch", batch=batch)
    ask("draw_batch", batch="gone")
    ask("read_surprise", **tale, text="Once there was a girl called Mina.", window=99)
    ask("read_surprise", **tale, text="Once there was a girl called Mina.")


def ask_train(ask: Asked) -> None:
    """The Train tab: two runs, before and after the server starts again."""
    shape = {"n_layer": 1, "n_head": 2, "n_embd": 16, "n_ctx": 32, "layer_stats": True}
    steps = {"batch_size": 4, "max_steps": 20, "eval_interval": 10, "warmup_steps": 0, "learning_rate": 0.01}
    form = {**{name: setting.default for name, setting in FORM.items()}, **shape, **steps, "tokenizer": "character"}
    (home() / "owned" / "notes.txt").write_text("one story " * 40, encoding="utf-8")
    (local,) = ask("list_choices")["local_texts"]
    ask("keep_upload", local=local["key"])
    ask("keep_paste", text="Row, row, row your boat. " * 40)
    ask("keep_upload", path=_uploaded("t.txt", b"one story " * 40))
    german = "Über die Brücke fährt ein Mädchen. ".encode("cp1252") * 40
    ask("keep_upload", path=_uploaded("german.txt", german))
    ask("keep_upload", path=_uploaded("german.txt", german), encoding="cp1252")
    ask("keep_upload", path=_uploaded("t.csv", b"id,body\n" + b"1,one story\n2,another one\n" * 40))
    ask("download_corpus", corpus="pydoc")
    for corpus in ("task:sort", "tales", "upload:t.txt"):
        ask("describe_corpus", **form, corpus=corpus)
        ask("plan_run", **form, corpus=corpus)
    ask("forecast_run", **form, corpus="task:sort")
    ask("note_presence", present=True)
    for name in ("read_example_run", "read_layers", "list_ledger"):  # of a shipped run, until there is one
        ask(name)
    other = {"visitor": "1" * 32}
    other["run"] = ask("start_run", **{**form, **other, "max_steps": 100_000}, corpus="task:sort")["run"]
    runs = []
    for corpus, changes in (("task:sort", {}), ("tales", {"max_steps": 100_000, "eval_interval": 5})):
        run = ask("start_run", **{**form, **changes}, corpus=corpus)["run"]
        runs.append(run)
        if len(runs) == 1:  # it waits
            ask("poll_run", run=run)
            ask("steer_run", **other, action="stop")
        if changes:
            ask.until("poll_run", lambda answer: answer["step"] > 2, run=run, since=0)
            ask("change_run", run=run, learning_rate=0.001)
            ask.until("poll_run", lambda answer: "change" in [e["event"] for e in answer["events"]], run=run, since=0)
            ask("steer_run", run=run, action="pause")
            ask("steer_run", run=run, action="stop")
        ask.until("poll_run", lambda answer: answer["state"] not in ("waiting", "running", "paused"), run=run, since=0)
        for name in ("open_run", "poll_run", "read_layers"):
            ask(name, run=run)
    ask.open_app()  # runs of an earlier process
    for name in ("open_run", "poll_run"):
        ask(name, run=runs[0])
    ask("list_choices")
    ask("list_ledger")
    ask("read_ghosts", runs=runs)
    ask("compare_runs", runs=runs)
    ask("export_run", run=runs[0], kind="csv")
    ask("rename_run", run=runs[0], name="Renamed")
    ask("keep_run", run=runs[0], kept=True)
    ask("continue_run", run=runs[0], max_steps=25)
    ask.until("poll_run", lambda answer: answer["state"] == "finished" and answer["step"] == 25, run=runs[0], since=0)
    ask("delete_run", run=runs[1])


def ask_scaling(ask: Asked) -> None:
    """The Scaling tab: the shipped sweep, and a tiny one of the visitor's own."""
    ask("read_sweep")
    ask("fit_sweep")
    ask("fit_sweep", count="blocks", known=False)
    ask("poll_point")
    ask("forecast_point", point="width-16-seed-1")
    ask("start_point", point="width-16-seed-1")
    ask("steer_point", action="pause")
    ask("steer_point", action="resume")
    ask.until("poll_point", lambda answer: answer["losses"] > 0)
    ask("steer_point", action="stop")
    ask.until("poll_point", lambda answer: answer["state"] == "stopped")
    ask("read_sweep")
    ask("read_budgets")
    ask("read_sizes", model="shipped:tales")
    ask("measure_window", model="shipped:tales", text="tales", window=2)
    ask("list_plan")
    ask("read_rates")
    ask("poll_sweep")
    ask("read_grokking")
    ask("read_grokking", training="shipped:2", after=100)
    ask("plan_sweep", corpus="tales", widths="16 32", vocab_size=1024, n_ctx=128)
    plan = {"corpus": "task:copy", "widths": "16, 32", "seeds": 1, "steps": 40, "batch_size": 2, "n_ctx": 32}
    ask("plan_sweep", **plan)
    ask("forecast_sweep", **plan)
    ask("start_sweep", **plan)
    ask("steer_sweep", action="pause")
    ask("poll_sweep")
    ask("steer_sweep", action="stop")
    ask.until("poll_sweep", lambda answer: answer["state"] == "stopped")
    ask("continue_sweep")
    ask.until("poll_sweep", lambda answer: answer["state"] == "finished")
    ask("poll_sweep")
    ask("read_sweep", whose="mine")
    ask("read_budgets", whose="mine")
    ask("read_ablations")
    ask("poll_ablation")
    ask("start_ablation", name="no-mlp", steps=20)
    ask("steer_ablation", action="pause")
    ask("steer_ablation", action="resume")
    ask.until("poll_ablation", lambda answer: answer["state"] == "finished")
    ask("poll_ablation")
    ask("read_ablations")


TABS = (ask_the_bar, ask_attention, ask_model, ask_tokenizer, ask_generate, ask_train, ask_scaling)
