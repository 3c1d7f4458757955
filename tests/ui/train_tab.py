"""The Train tab's endpoints without a browser, for the tests that call them directly."""

import time

import gradio as gr

from llm.limits import LAPTOP
from llm.ui.sessions import Sessions
from llm.ui.subject import Subjects
from llm.ui.train import VIEWS
from llm.ui.train.preparation import Preparations
from llm.ui.train.presets import FORM
from llm.ui.train.shared import Shared

ME = "0" * 32
SHAPE = {"n_layer": 1, "n_head": 2, "n_embd": 16, "n_ctx": 32}
TINY = {**SHAPE, "batch_size": 4, "max_steps": 20, "eval_interval": 10, "warmup_steps": 0, "learning_rate": 0.01}
PREPARATIONS = Preparations(Sessions())  # shared, so that a text is read once for all tests


class TrainTab:
    """All endpoints of the tab's views, with a session registry of their own: one server process."""

    def __init__(self, limits=LAPTOP, folders=()):
        self.sessions = Sessions(limits)
        self.shared = shared = Shared(Subjects(self.sessions, folders=folders))
        shared.preparations = PREPARATIONS
        with gr.Blocks():
            self.panels = [build(shared) for build in VIEWS]

    def __getattr__(self, name):
        return next(getattr(lens, name) for lens in self.panels if hasattr(lens, name))

    def start(self, **changes):
        """Start a tiny run; returns the request that names it."""
        return {"visitor": ME, "run": self.start_run(settings(**changes))["run"]}

    def until(self, request, condition, seconds=60):
        """Poll until `condition(answer)`; returns the answer."""
        deadline = time.monotonic() + seconds
        while not condition(answer := self.poll_run({**request, "since": 0})):
            assert time.monotonic() < deadline, "it took too long"
            time.sleep(0.02)
        return answer

    def finish(self, request):
        """Wait for the run's end; returns the last answer."""
        return self.until(request, lambda answer: answer["state"] not in ("waiting", "running", "paused"))


def settings(**changes):
    """What the form would send."""
    defaults = {name: setting.default for name, setting in FORM.items()}
    return {"visitor": ME, "corpus": "task:sort", "origin": "", "tokenizer": "character", **defaults, **TINY, **changes}
