"""Drawing tokens for the page, which paces it: it asks for the next few when it has shown the last ones.

The page works out the odds itself (assets/shared/sampler.js), from the logits of the whole
vocabulary, which it gets once a token in full precision. Drawing happens here, with the same
`generate` as on the command line, so the same seed writes the same text in both.

Shapes: B batch, T time, V vocabulary.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import torch
from torch import Tensor

from llm.completion import prompt_ids
from llm.config import SamplingConfig, complete_order
from llm.filters import filter_logits
from llm.int8_decoder import Int8Decoder, Int8Weights
from llm.model import GPT
from llm.sampler import Choice, checked_ids, generate, reading
from llm.tokenizers import TextStream
from llm.ui import inputs
from llm.ui.fast_weights import usually_fast, why_not_fast
from llm.ui.live import Live, LiveGenerations, cache_bytes, vocabulary
from llm.ui.page_settings import DIALS
from llm.ui.panel import Answer, Request, changing
from llm.ui.subject import Loaded, Subjects

MAX_TOKENS = 2_000
"""The longest text that can be written after a prompt."""
MAX_STOPS = 8
LANES = ("write", "branches", "left", "right")
"""What a visitor may have going at the same time: one generation each."""
WEIGHTS = ("exact", "int8")
"""What may write; the odds of a position are always computed with the exact ones."""
FIRST_SECONDS, LAST_SECONDS = 0.03, 0.48
"""How long the first call may go on drawing, and, after as many doublings, the last: so long a Stop may take."""


Endpoint = Callable[[Request], Answer]


def drawing_endpoints(live: LiveGenerations) -> list[Endpoint]:
    """What every view that writes may ask for."""

    @live.subjects.answers.of
    def read_logits(request: Request) -> Answer:
        """What the model says about the token after the prompt and the `ids` written since."""
        loaded = live.subjects.of(request)
        prompt, written = text_so_far(request, loaded)
        n_ctx = loaded.config.n_ctx
        window_1T = torch.tensor([(prompt + written)[-n_ctx:]], device=loaded.model.device)
        with reading(loaded.model):
            logits_V = loaded.model(window_1T, last_only=True)[0, -1]
        return {
            "tokenizer": loaded.tokenizer.hash,
            "prompt_ids": prompt,
            "n_ctx": n_ctx,
            "reads": window_1T.size(1),
            "logits": packed(logits_V),
        }

    @changing
    def begin_generation(request: Request) -> Answer:
        """Start drawing after the prompt and `ids`; answers like draw_tokens, which goes on with it.

        Where 8-bit weights are asked for and aren't there (yet), the exact ones write; the answer says which do.
        """
        loaded = live.subjects.of(request)
        prompt, written = text_so_far(request, loaded)
        config = sampling_config(request, MAX_TOKENS + 1)  # one is always drawn ahead
        wants = inputs.choice(request, "weights", WEIGHTS, "exact")
        weights = _fast_weights(live, loaded.model) if wants == "int8" else None
        generation = live.begin(
            request,
            lane(request),
            cache_bytes(loaded.config),
            lambda: Generation(loaded, prompt + written, config, weights),
        )
        return generation.draw(_count(request))

    @changing
    def draw_tokens(request: Request) -> Answer:
        """Up to `count` more tokens of a live generation; {"gone": True} when it was put away meanwhile."""
        live.subjects.sessions.of(request)
        generation = live.get(request, lane(request), inputs.text(request, "generation", limit=32))
        return generation.draw(_count(request)) if isinstance(generation, Generation) else {"gone": True}

    def measure_weights(request: Request) -> Answer:
        """Whether 8-bit weights can write, do so unless told otherwise, are there, and what they change.

        `on` has them made and measured in the background; so does its absence where they are usual.
        """
        model = live.subjects.of(request).model
        usual = usually_fast(model)
        reason, copy = why_not_fast(model), None
        if inputs.flag(request, "on", usual) and reason is None:
            try:
                copy = live.fast.of(model)
            except ValueError as error:
                reason = str(error)
        return {
            "why_not": reason,
            "usual": usual,
            "ready": copy is not None and copy.weights is not None,
            "cost": copy.cost._asdict() if copy and copy.cost else None,
        }

    return [vocabulary_endpoint(live.subjects), read_logits, begin_generation, draw_tokens, measure_weights]


def vocabulary_endpoint(subjects: Subjects) -> Endpoint:
    """The endpoint that names all tokens."""

    @subjects.answers.of
    def read_vocabulary(request: Request) -> Answer:
        """The bytes of every token, once a tokenizer: the page names all tokens itself."""
        return vocabulary(subjects.of(request).tokenizer)

    return read_vocabulary


class Generation(Live):
    """A generation under way, always one draw ahead of the page.

    Drawing ahead has already read the text so far. Its logits are the picture of the next token (at
    the end of the text, that of the last one), so a token costs one pass through the model and not two.
    The weights it begins with write all of it: the same seed gives the same text.
    """

    def __init__(self, loaded: Loaded, ids: list[int], config: SamplingConfig, fast: Int8Weights | None = None) -> None:
        super().__init__()
        self._seconds = FIRST_SECONDS
        self._eot_id = loaded.tokenizer.eot_id
        self._stream = TextStream(loaded.tokenizer, config.stop)
        self._weights = "int8" if fast else "exact"
        decoder = Int8Decoder(fast) if fast else None
        self._choices = generate(loaded.model, ids, config, eot_id=self._eot_id, decoder=decoder)
        self._latest = next(self._choices)
        self._ahead: Choice | None = self._latest

    def draw(self, count: int) -> Answer:
        """The next tokens as [id, probability, raw probability, rank, share], at most `count`, in bounded time.

        Raises ValueError while another thread is drawing.
        """
        with self.turn():
            # The first tokens are shown soon; later calls are longer, since the model rests between two.
            deadline = time.monotonic() + self._seconds
            self._seconds = min(2 * self._seconds, LAST_SECONDS)
            tokens: list[list[float]] = []
            while self._ahead and len(tokens) < count and (not tokens or time.monotonic() < deadline):
                choice = self._ahead
                tokens.append(described(choice))
                if choice.id != self._eot_id:
                    self._stream.push(choice.id)
                self._ahead = next(self._choices, None)
                self._latest = self._ahead or self._latest
                if self._stream.stopped:
                    self._ahead = None
            return {
                "generation": self.id,
                "weights": self._weights,
                "tokens": tokens,
                "logits": packed(self._latest.logits_V),
                "reads": self._latest.reads,
                "ended": self._how_it_ended(tokens),
            }

    def _how_it_ended(self, tokens: list[list[float]]) -> str | None:
        if self._ahead:
            return None
        if self._stream.stopped:
            return "stop"
        return "end_of_text" if tokens and tokens[-1][0] == self._eot_id else "limit"


def _fast_weights(live: LiveGenerations, model: GPT) -> Int8Weights | None:
    """The 8-bit copy that is to write; None where there is none, or none yet."""
    try:
        return live.fast.of(model).weights
    except ValueError:
        return None


def described(choice: Choice) -> list[float]:
    """What the page is told of a token that was drawn: id, probability, raw probability, rank, share."""
    rank = 1 + int((choice.logits_V > choice.logits_V[choice.id]).sum())
    return [choice.id, choice.probability, choice.raw_probability, rank, choice.share]


def text_so_far(request: Request, loaded: Loaded) -> tuple[list[int], list[int]]:
    """The prompt's ids, and those written after it."""
    prompt = prompt_ids(loaded.tokenizer, inputs.text(request, "prompt"))
    written = request.get("ids", [])
    if not isinstance(written, list) or len(written) > MAX_TOKENS or not all(type(id) is int for id in written):
        raise ValueError(f"After the prompt there is room for {MAX_TOKENS:,} tokens; press Clear to start again.")
    checked_ids(prompt + written, loaded.config.vocab_size)
    return prompt, written


def sampling_config(request: Request, most: int) -> SamplingConfig:
    """The settings of a request, clamped, for at most `most` tokens; an order from another version is completed."""
    order, stop = request.get("order", []), request.get("stop", [])
    if not isinstance(order, list) or not isinstance(stop, list) or not all(isinstance(name, str) for name in order):
        raise ValueError("Order and stop texts must be lists of texts.")
    stops = [inputs.text({"stop text": text}, "stop text", limit=200) for text in stop[:MAX_STOPS]]
    return SamplingConfig(
        **{name: inputs.setting(request, dial) for name, dial in DIALS.items()},
        order=complete_order(order),
        max_new_tokens=most,
        stop=tuple(stops),
    )


def lane(request: Request) -> str:
    """Which of the visitor's generations is meant."""
    return inputs.choice(request, "lane", LANES, "write")


def packed(logits_V: Tensor) -> str:
    """Float32, little-endian, base64. Raises ValueError when nothing can be drawn from them.

    Full precision, because a rounded logit makes ties, and a tie moves the cut of a filter.
    """
    filter_logits(logits_V[None], SamplingConfig())
    return _base64(logits_V.float().cpu().numpy().astype("<f4").tobytes())


def _count(request: Request) -> int:
    return inputs.whole(request, "count", 1, MAX_TOKENS, 1)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
