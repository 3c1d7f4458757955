"""The Train a vocabulary view: byte pairs become tokens on any text, merge by merge, as the visitor watches."""

from __future__ import annotations

import threading
from typing import Any

from llm.ui import inputs
from llm.ui.panel import Answer, Request, View, changing
from llm.ui.sessions import Session
from llm.ui.tokenizer.texts import list_texts, text_of
from llm.ui.tokenizer.token_shapes import pieces_of, readable
from llm.ui.tokenizer.tokenizer_menu import TokenizerMenu
from llm.ui.tokenizer.vocabulary_training import VocabularyTraining
from llm.ui.vocabularies import MAX_NAME, keep_vocabulary

LIMITS = {"vocab_size": (257, 32_768, 1_024)}
PACES = (0.5, 200.0)
"""Merges a second that can be asked for; 0 is as fast as it goes."""
EXAMPLE = {"corpus": "pydoc"}
"""The text of the example that stands there before a visitor's first training."""
EXAMPLE_SIZE = 557
"""Its vocabulary: 300 merges, which take some tenths of a second."""


def build_train_a_vocabulary(menu: TokenizerMenu) -> View:
    """The view; its endpoints start, steer and report one training a visitor, and keep what it learnt."""
    sessions = menu.subjects.sessions
    starting = threading.Lock()
    examples: list[VocabularyTraining] = []

    def example(session: Session) -> VocabularyTraining:
        """The one example that all visitors see, learnt when the first of them comes."""
        with starting:
            if not examples:
                examples.append(VocabularyTraining(*text_of(session, EXAMPLE), EXAMPLE_SIZE, None))
                examples[0].start()
            return examples[0]

    def prepare_learning(request: Request) -> Answer:
        """What a vocabulary can be learnt from, and whether one is in training already."""
        session = sessions.of(request)
        return {"texts": list_texts(session), "going": session.vocabulary_training is not None}

    @changing
    def start_learning(request: Request) -> Answer:
        """Begin; one in training stops for it."""
        session = sessions.of(request)
        size = inputs.whole(request, "vocab_size", *LIMITS["vocab_size"])
        title, text = text_of(session, request)
        if not text.strip():
            raise ValueError("There is nothing to learn from. Paste a text, or choose one.")
        with starting:
            if session.vocabulary_training:
                session.vocabulary_training.stop()
            others = [s.vocabulary_training for s in sessions.all() if s is not session]
            if sum(other is not None and other.alive for other in others) >= sessions.limits.vocabulary_trainings:
                raise ValueError("Others are training vocabularies here just now. Try again in a moment.")
            session.vocabulary_training = VocabularyTraining(title, text, size, _pace(request))
            session.vocabulary_training.start()
        return {}

    @changing
    def steer_learning(request: Request) -> Answer:
        """Pause, resume, step or stop."""
        training = _training(sessions.of(request))
        match inputs.choice(request, "action", ("pause", "resume", "step", "stop")):
            case "pause":
                training.pause()
            case "resume":
                training.resume(_pace(request))
            case "step":
                training.step()
            case "stop":
                training.stop()
        return {"state": training.state}

    def poll_learning(request: Request) -> Answer:
        """The merges after the first `since`, of the visitor's training or of the example.

        From the beginning also what they are made on.
        """
        session = sessions.of(request)
        training = example(session) if inputs.flag(request, "example") else _training(session)
        since = inputs.whole(request, "since", 0, 2**31, 0)
        answer = training.since(since)
        if since == 0:
            answer |= _introduction(training)
        return answer

    @changing
    def save_vocabulary(request: Request) -> Answer:
        """Keep what is learnt so far under a name."""
        session = sessions.of(request)
        tokenizer = _training(session).tokenizer()
        return {"ref": keep_vocabulary(sessions, session, inputs.text(request, "name", MAX_NAME), tokenizer)}

    steering = [prepare_learning, start_learning, steer_learning, poll_learning, save_vocabulary]
    return View("Train a vocabulary", [*steering, *menu.endpoints])


def _pace(request: Request) -> float | None:
    pace = inputs.number(request, "pace", 0, PACES[1], 0)
    return max(PACES[0], pace) if pace else None


def _training(session: Session) -> VocabularyTraining:
    if session.vocabulary_training is None:
        raise ValueError("No vocabulary is in training. Start one.")
    return session.vocabulary_training


def _introduction(training: VocabularyTraining) -> dict[str, Any]:
    """What the page needs once: the text's size, the sample as bytes, piece by piece, and how bytes are read."""
    return {
        "title": training.title,
        "n_bytes": training.n_bytes,
        "vocab_size": training.vocab_size,
        "sample": [list(piece.encode()) for piece in pieces_of(training.sample)],
        "bytes": [readable(bytes([byte])) for byte in range(256)],
    }
