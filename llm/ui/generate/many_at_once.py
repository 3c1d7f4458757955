"""The view of many samples: one prompt, many seeds, and how different the texts come out."""

from __future__ import annotations

import time

from llm.completion import prompt_ids
from llm.config import SamplingConfig
from llm.diversity import distinct, overlap
from llm.sampler import checked_ids, generate_together
from llm.tokenizers import TextStream
from llm.ui import inputs
from llm.ui.generate.drawing import described, sampling_config, vocabulary_endpoint
from llm.ui.live import OWN_BYTES, Live, LiveGenerations, cache_bytes
from llm.ui.page_settings import MAX_SEED
from llm.ui.panel import Answer, Request, View, changing
from llm.ui.subject import Loaded

MAX_SAMPLES = 32
MAX_LENGTH = 500
MAX_RUN = 8
"""The longest runs of tokens that diversity is counted in."""
CALL_SECONDS = 0.25
LANE = "batch"


def build_many_at_once(live: LiveGenerations) -> View:
    """The view and its endpoints."""

    @changing
    def begin_batch(request: Request) -> Answer:
        """Start writing `samples` texts after the prompt, with the seed and those that follow it."""
        loaded = live.subjects.of(request)
        prompt = checked_ids(prompt_ids(loaded.tokenizer, inputs.text(request, "prompt")), loaded.config.vocab_size)
        samples = inputs.whole(request, "samples", 1, MAX_SAMPLES, 8)
        most = max(1, (live.subjects.sessions.memory.share - OWN_BYTES) // cache_bytes(loaded.config))
        if samples > most:
            raise ValueError(f"There is room for {most} texts of this model side by side; ask for fewer.")
        length = inputs.whole(request, "max_new_tokens", 1, MAX_LENGTH, 100)
        config = sampling_config(request, length)
        seeds = [min(MAX_SEED, config.seed + i) for i in range(samples)]
        size = samples * cache_bytes(loaded.config)
        batch = live.begin(request, LANE, size, lambda: Batch(loaded, prompt, config, seeds))
        return batch.draw()

    @changing
    def draw_batch(request: Request) -> Answer:
        """What a live batch has written since; {"gone": True} when it was put away meanwhile."""
        live.subjects.sessions.of(request)
        batch = live.get(request, LANE, inputs.text(request, "batch", limit=32))
        return batch.draw() if isinstance(batch, Batch) else {"gone": True}

    return View("Many at once", [begin_batch, draw_batch, vocabulary_endpoint(live.subjects)])


class Batch(Live):
    """Samples under way, side by side."""

    def __init__(self, loaded: Loaded, prompt: list[int], config: SamplingConfig, seeds: list[int]) -> None:
        super().__init__()
        self._hash, self._eot_id, self._seeds = loaded.tokenizer.hash, loaded.tokenizer.eot_id, seeds
        self._texts: list[list[int]] = [[] for _ in seeds]
        self._streams = [TextStream(loaded.tokenizer, config.stop) for _ in seeds]
        self._steps = generate_together(
            loaded.model, [prompt] * len(seeds), config, seeds=seeds, eot_id=loaded.tokenizer.eot_id
        )

    def draw(self) -> Answer:
        """New tokens of each text, as `described` has them, and the diversity of all so far, in bounded time.

        Raises ValueError while another thread is drawing.
        """
        with self.turn():
            deadline, done = time.monotonic() + CALL_SECONDS, False
            fresh: list[list[list[float]]] = [[] for _ in self._seeds]
            while time.monotonic() < deadline and not done:
                choices = next(self._steps, None)
                if choices is None:
                    done = True
                    break
                for row, choice in choices.items():
                    if self._streams[row].stopped:  # the batch stays whole, but this text has ended
                        continue
                    fresh[row].append(described(choice))
                    self._texts[row].append(choice.id)
                    if choice.id != self._eot_id:
                        self._streams[row].push(choice.id)
                done = all(stream.stopped for stream in self._streams)
            sizes = range(1, MAX_RUN + 1)
            return {
                "batch": self.id,
                "tokenizer": self._hash,
                "seeds": self._seeds,
                "tokens": fresh,
                "stopped": [stream.stopped for stream in self._streams],
                "distinct": [distinct(self._texts, n) for n in sizes],
                "overlap": [overlap(self._texts, n) for n in sizes],
                "done": done,
            }
