"""What the stations of the course read off the models that visitors look at: their answers.

A reading gets the place that a station opened and the place where the visitor is now. It answers None while what the
station asks for isn't done, else its values by name, among them `answer`: the number that was to be guessed, or
the name of the choice that is right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llm.config import SamplingConfig
from llm.filters import filter_logits
from llm.inside.ablation import Part, losses_without
from llm.inside.column import column_names
from llm.inside.geometry import nearest
from llm.inside.head_search import mark_after_same, search_heads
from llm.inside.trace import trace
from llm.inside.walk import Walk
from llm.sampler import reading as reading_mode
from llm.scaling.table import read_table
from llm.surprisal import read_windows
from llm.training.learning_step import FACTORS, LearningStep
from llm.ui.prompt import finite, window
from llm.ui.subject import SHIPPED, Loaded
from llm.ui.token_names import token_name

Values = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A model, a text, and the settings that the address holds besides."""

    loaded: Loaded
    prompt: str
    settings: dict[str, str]
    learning_step: Callable[[], LearningStep | None] = lambda: None
    """Makes the step of learning that is seen here."""

    @property
    def ids(self) -> list[int]:
        """The tokens of the text, or those of it that the model sees. Raises ValueError when there are none."""
        ids, _ = window(self.loaded, self.prompt)
        if not ids:
            raise ValueError("There is no token to look at; write a prompt at the top.")
        return ids

    def name(self, id: int) -> str:
        """A token as text."""
        return token_name(self.loaded.tokenizer, id)


@dataclass(frozen=True)
class Reading:
    """A function of the place a station began at and the place now, and the names of what it gives."""

    gives: tuple[str, ...]
    read: Callable[[Place, Place], Values | None]


READINGS: dict[str, Reading] = {}


def _gives(*names: str) -> Callable[[Callable[[Place, Place], Values | None]], Callable[[Place, Place], Values | None]]:
    def keep(function: Callable[[Place, Place], Values | None]) -> Callable[[Place, Place], Values | None]:
        READINGS[function.__name__] = Reading(names, function)
        return function

    return keep


@_gives("answer", "text", "pieces")
def pieces(start: Place, now: Place) -> Values:
    """How many tokens a text is, and which."""
    ids = now.ids
    return {"answer": len(ids), "text": now.prompt, "pieces": " + ".join(now.name(id) for id in ids)}


@_gives("answer", "cosine", "second", "other")
def neighbour(start: Place, now: Place) -> Values | None:
    """The token whose embedding points most nearly the same way as that of the prompt's last token."""
    wanted = start.ids[-1]
    if now.settings.get("token") != str(wanted):
        return None
    ids, cosines = nearest(finite(now.loaded.model.wte.weight.detach()), wanted, 2)
    first, second = (now.name(id).strip(" ·") for id in ids.tolist())
    return {"answer": first, "cosine": float(cosines[0]), "second": second, "other": float(cosines[1])}


SURE = 0.9
"""The odds of the likeliest token that `certainty` waits for."""


@_gives("answer", "first", "token", "odds")
def certainty(start: Place, now: Place) -> Values | None:
    """The odds of the likeliest next token, once the visitor went on to where the model is sure."""
    if not now.prompt.startswith(start.prompt.rstrip()):
        return None
    odds_V = _logits(now).softmax(0)
    if float(odds_V.max()) <= SURE:
        return None
    before_V = _logits(start).softmax(0)
    first, token = (now.name(int(odds.argmax())) for odds in (before_V, odds_V))
    return {"answer": float(before_V.max()), "first": first, "token": token, "odds": float(odds_V.max())}


HALF = 0.01
"""How far from one half a temperature may be: a slider has its steps."""


@_gives("answer", "token", "other", "before", "after", "temperature")
def sharpening(start: Place, now: Place) -> Values | None:
    """What a temperature of one half does to the likeliest token's odds against the second."""
    written = now.settings.get("t", "")
    half = float(written) if re.fullmatch(r"\d\.\d{1,6}", written) else 0.0
    if abs(half - 0.5) > HALF:
        return None
    logits_V = _logits(now)
    (first, second) = logits_V.topk(2).indices.tolist()

    def ratio(temperature: float) -> float:
        kept_V = filter_logits(logits_V[None], SamplingConfig(temperature=temperature))[0].softmax(0)
        return float(kept_V[first] / kept_V[second])

    before, after = ratio(1.0), ratio(half)
    guesses = {"same": before, "doubled": 2 * before, "squared": before**2}
    answer = min(guesses, key=lambda name: abs(math.log(guesses[name] / after)))
    return {
        "answer": answer,
        "token": now.name(first),
        "other": now.name(second),
        "before": before,
        "after": after,
        "temperature": half,
    }


@_gives("answer", "token", "tokens")
def seen(start: Place, now: Place) -> Values | None:
    """How many tokens the third one may look at, counted at the mask that the visitor walked to."""
    key, ids = now.settings.get("walk", ""), now.ids
    if not key.endswith("attn.mask") or now.settings.get("follow") != "2" or len(ids) < 3:
        return None
    walk = Walk(now.loaded.model, trace(now.loaded.model, ids, column_names(now.loaded.model)), 2)
    scores_T = walk.step(key).rows[-1].values
    return {"answer": int(scores_T.isfinite().sum()), "token": now.name(ids[2]), "tokens": len(ids)}


@_gives("answer", "head", "share")
def copying_head(start: Place, now: Place) -> Values | None:
    """The layer of the head that looks most at what followed the same token, once the visitor has chosen it."""
    found = search_heads(now.loaded.model, now.ids, mark_after_same(now.ids))
    if now.settings.get("head") != f"{found.layer}.{found.head}":
        return None
    return {"answer": str(found.layer), "head": found.head, "share": found.share}


@_gives("answer", "before", "after")
def without_mlp(start: Place, now: Place) -> Values:
    """What the first MLP is worth: the mean loss with it and without."""
    model, ids = now.loaded.model, now.ids
    before = _loss(now)
    (after,) = losses_without(model, ids, [Part(0, None)])
    grown = after / before
    answer = "little" if grown < 1.1 else "some" if grown < 2 else "much"
    return {"answer": answer, "before": before, "after": after}


@_gives("answer", "loss", "other")
def perplexity(start: Place, now: Place) -> Values | None:
    """The perplexity of a text, once the visitor has read the same words in another order."""
    text = now.settings.get("text", now.prompt)
    if sorted(text.split()) != sorted(start.prompt.split()) or text.split() == start.prompt.split():
        return None
    own, other = _loss(start), _loss(Place(now.loaded, text, {}))
    return {"answer": math.exp(own), "loss": own, "other": math.exp(other)}


RATES = (10, 100, 1000)
"""Times its own learning rate that a guess may say; the answer is the first that is far enough."""


@_gives("answer", "before", "lowest", "best", "first", "after")
def too_far(start: Place, now: Place) -> Values | None:
    """From which learning rate on the step makes its own text's loss higher, once the visitor has gone so far."""
    seen = now.learning_step()
    if seen is None:
        return None
    means = seen.losses_FT.mean(dim=1).nan_to_num(nan=math.inf).tolist()
    first = next((i for i, mean in enumerate(means) if mean > means[0]), None)
    if first is None or now.settings.get("times") not in {f"{factor:g}" for factor in FACTORS[first:]}:
        return None
    best = min(range(first), key=means.__getitem__)
    return {
        "answer": str(next((rate for rate in RATES if rate >= FACTORS[first]), RATES[-1])),
        "before": means[0],
        "lowest": means[best],
        "best": FACTORS[best],
        "first": FACTORS[first],
        "after": means[first],
    }


@_gives("answer", "small", "large", "loss", "tokens", "other")
def text_for_the_same_loss(start: Place, now: Place) -> Values | None:
    """Of all text, the share after which the sweep's largest model is as good as its smallest after all of it."""
    if now.settings.get("sweep") == "mine":
        return None
    rows = read_table(SHIPPED / "scaling" / "table.csv")
    small, large = min(row.width for row in rows), max(row.width for row in rows)
    loss = min(row.loss for row in rows if row.width == small and row.last)
    first = min((row for row in rows if row.width == large and row.loss <= loss), key=lambda row: row.tokens)
    return {
        "answer": first.tokens / max(row.tokens for row in rows),
        "small": small,
        "large": large,
        "loss": loss,
        "tokens": first.tokens,
        "other": first.loss,
    }


def _logits(place: Place) -> Tensor:
    """Of the next token: logits_V."""
    with reading_mode(place.loaded.model):
        ids_1T = torch.tensor([place.ids], device=place.loaded.model.device)
        return finite(place.loaded.model(ids_1T, last_only=True)[0, -1].float())


def _loss(place: Place) -> float:
    """The mean of -ln p over a text, its first token left out."""
    windows = read_windows(place.loaded.model, place.loaded.tokenizer.encode(place.prompt))
    met = [one.nats for part in windows for one in part.met]
    return sum(met) / len(met)
