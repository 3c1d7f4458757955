"""The Generate tab: the odds of the next token, and the text that is drawn from them.

The page works out temperature and filters itself (assets/sampler.js), from the logits of the whole
vocabulary, which it gets once a token in full precision. Drawing happens here, with the same
`generate` as on the command line, so the same seed writes the same text in both. The page paces it:
it asks for the next few tokens when it has shown the last ones.

Shapes: B batch, T time, V vocabulary.
"""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor

from llm.completion import prompt_ids
from llm.config import ModelConfig, SamplingConfig
from llm.sampler import Choice, checked_ids, filter_logits, generate, reading
from llm.ui import inputs
from llm.ui.components import Answer, Lens, Request
from llm.ui.subject import Loaded, Subjects

MAX_TOKENS = 2_000
"""The longest text that can be written after a prompt."""
MAX_LIVE = 50
MAX_CACHE_BYTES = 2_000_000_000
"""Keys and values of all live generations: GPT-2 small needs 75 MB for each."""
IDLE_SECONDS = 600
CALL_SECONDS = 0.12
"""How long one call may go on drawing: the page shows what came while the next call runs."""
MAX_SEED = 2**53 - 1
"""The largest whole number that a page's script holds exactly."""


def build_writing(subjects: Subjects) -> Lens:
    """The tab and its endpoints."""
    live = LiveGenerations()

    def read_vocabulary(request: Request) -> Answer:
        """The bytes of every token, once a tokenizer: the page names all tokens itself."""
        tokenizer = subjects.of(request).tokenizer
        tokens = [tokenizer.token_bytes(id) for id in range(tokenizer.vocab_size)]
        lengths = np.array([len(token) for token in tokens], dtype="<u4")
        return {
            "tokenizer": tokenizer.hash,
            "eot_id": tokenizer.eot_id,
            "lengths": _base64(lengths.tobytes()),
            "bytes": _base64(b"".join(tokens)),
        }

    def read_logits(request: Request) -> Answer:
        """What the model says about the token after the prompt and the `ids` written since."""
        loaded = subjects.of(request)
        prompt, written = _text_so_far(request, loaded)
        n_ctx = loaded.config.n_ctx
        window_1T = torch.tensor([(prompt + written)[-n_ctx:]], device=loaded.model.device)
        with reading(loaded.model):
            logits_V = loaded.model(window_1T, last_only=True)[0, -1]
        return {
            "tokenizer": loaded.tokenizer.hash,
            "prompt_ids": prompt,
            "n_ctx": n_ctx,
            "reads": window_1T.size(1),
            "logits": _packed(logits_V),
        }

    def begin_generation(request: Request) -> Answer:
        """Start drawing after the prompt and `ids`; answers like draw_tokens, which goes on with it."""
        loaded = subjects.of(request)
        prompt, written = _text_so_far(request, loaded)
        generation = Generation(loaded, prompt + written, _settings(request, loaded.config.vocab_size))
        live.put(request["visitor"], generation)
        return generation.draw(_count(request))

    def draw_tokens(request: Request) -> Answer:
        """Up to `count` more tokens of a live generation; {"gone": True} when it was put away meanwhile."""
        subjects.sessions.of(request)
        generation = live.get(request["visitor"], inputs.text(request, "generation", limit=32))
        return generation.draw(_count(request)) if generation else {"gone": True}

    return Lens("writing", [read_vocabulary, read_logits, begin_generation, draw_tokens])


class Generation:
    """A generation under way, always one draw ahead of the page.

    Drawing ahead has already read the text so far. Its logits are the picture of the next token (at
    the end of the text, that of the last one), so a token costs one pass through the model and not two.
    """

    def __init__(self, loaded: Loaded, ids: list[int], config: SamplingConfig) -> None:
        self.id = secrets.token_hex(8)
        self.cache_bytes = _cache_bytes(loaded.config)
        self.last_used = time.monotonic()
        self._eot_id = loaded.tokenizer.eot_id
        self._choices = generate(loaded.model, ids, config, eot_id=self._eot_id)
        self._latest = next(self._choices)
        self._ahead: Choice | None = self._latest
        self._lock = threading.Lock()

    def draw(self, count: int) -> Answer:
        """The next tokens as [id, probability, raw probability, rank], at most `count`, in bounded time.

        Raises ValueError while another thread is drawing: a generator can't be stepped by two.
        """
        if not self._lock.acquire(blocking=False):
            raise ValueError("The last tokens are still being drawn; try again in a moment.")
        try:
            deadline = time.monotonic() + CALL_SECONDS
            tokens: list[list[float]] = []
            while self._ahead and len(tokens) < count and (not tokens or time.monotonic() < deadline):
                tokens.append(_described(self._ahead))
                self._ahead = next(self._choices, None)
                self._latest = self._ahead or self._latest
            self.last_used = time.monotonic()
            return {
                "generation": self.id,
                "tokens": tokens,
                "logits": _packed(self._latest.logits_V),
                "reads": self._latest.reads,
                "ended": self._how_it_ended(tokens),
            }
        finally:
            self._lock.release()

    def _how_it_ended(self, tokens: list[list[float]]) -> str | None:
        if self._ahead:
            return None
        return "end_of_text" if tokens and tokens[-1][0] == self._eot_id else "limit"


class LiveGenerations:
    """At most one generation a visitor. Idle ones go, and the longest unused when there are too many."""

    def __init__(self) -> None:
        self._generations: OrderedDict[str, Generation] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, visitor: str, generation: Generation) -> None:
        """Keep it in place of the visitor's last one."""
        now = time.monotonic()
        with self._lock:
            self._generations[visitor] = generation
            self._generations.move_to_end(visitor)
            for other, old in list(self._generations.items())[:-1]:
                held = sum(kept.cache_bytes for kept in self._generations.values())
                full = len(self._generations) > MAX_LIVE or held > MAX_CACHE_BYTES
                if full or now - old.last_used > IDLE_SECONDS:
                    del self._generations[other]

    def get(self, visitor: str, id: str) -> Generation | None:
        """The visitor's generation of that id, or None when it has gone."""
        with self._lock:
            generation = self._generations.get(visitor)
            if generation is None or generation.id != id:
                return None
            self._generations.move_to_end(visitor)
            return generation


def _described(choice: Choice) -> list[float]:
    rank = 1 + int((choice.logits_V > choice.logits_V[choice.id]).sum())
    return [choice.id, choice.probability, choice.raw_probability, rank]


def _text_so_far(request: Request, loaded: Loaded) -> tuple[list[int], list[int]]:
    """The prompt's ids, and those written after it."""
    prompt = prompt_ids(loaded.tokenizer, inputs.text(request, "prompt"))
    written = request.get("ids", [])
    if not isinstance(written, list) or len(written) > MAX_TOKENS or not all(type(id) is int for id in written):
        raise ValueError(f"After the prompt there is room for {MAX_TOKENS:,} tokens; press Clear to start again.")
    checked_ids(prompt + written, loaded.config.vocab_size)
    return prompt, written


def _settings(request: Request, vocab_size: int) -> SamplingConfig:
    return SamplingConfig(
        repetition_penalty=inputs.number(request, "repetition_penalty", 0.1, 10.0, 1.0),
        temperature=inputs.number(request, "temperature", 0.0, 10.0, 1.0),
        top_k=inputs.whole(request, "top_k", 0, vocab_size, 0),
        top_p=inputs.number(request, "top_p", 0.0, 1.0, 1.0),
        min_p=inputs.number(request, "min_p", 0.0, 1.0, 0.0),
        max_new_tokens=MAX_TOKENS + 1,  # one is always drawn ahead
        seed=inputs.whole(request, "seed", 0, MAX_SEED, 1337),
    )


def _count(request: Request) -> int:
    return inputs.whole(request, "count", 1, MAX_TOKENS, 1)


def _packed(logits_V: Tensor) -> str:
    """Float32, little-endian, base64. Raises ValueError when nothing can be drawn from them.

    Full precision, because a rounded logit makes ties, and a tie moves the cut of a filter.
    """
    filter_logits(logits_V[None], SamplingConfig())
    return _base64(logits_V.float().cpu().numpy().astype("<f4").tobytes())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _cache_bytes(config: ModelConfig) -> int:
    return 2 * config.n_layer * config.n_ctx * config.n_embd * 4
