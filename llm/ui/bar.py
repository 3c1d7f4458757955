"""The bar above every tab: which model, which moment of its training, which prompt."""

from __future__ import annotations

from llm.training.hardware import devices
from llm.ui import inputs
from llm.ui.panel import Answer, Panel, Request, changing
from llm.ui.subject import Subjects
from llm.ui.uploads import keep_checkpoint

TALES = [
    "Arlo lived by the sea. At last it was the day of the boat race. Arlo had the finest boat of all, or so he",
    "On a misty Wednesday, Arlo was counting clouds. His greatest treasure was a",
    "Once there was a girl called",
    "It was a cold Monday in the village. Mina had lost her",
]
"""The first is what the page opens on, and a worked example of the Attention tab: who is he?"""
PLAYS = [
    "ROMEO:\nO, she doth teach the torches to burn bright!",
    "First Citizen:\nBefore we proceed any further, hear me speak.",
    "To be, or not to be: that is the question",
    "My lord, the king is dead; my lord, the king",
]
EXAMPLES: dict[str, list[str]] = {
    "tales": TALES,
    "shakespeare": PLAYS,
    "tinyshakespeare": PLAYS,
    "induction": ["\nlumberjack|lumberjack", "\nkqzjxvbw|kqz", "\nabcabcabc|abcab"],
    "task:copy": ["\nlumberjack|lumberjack", "\nkqzjxvbw|kqz", "\nabcabcabc|abcab"],
    "sorter": ["\n3141592>1123459", "\n27182818>", "\n9876543210>"],
    "task:sort": ["\n3141592>1123459", "\n27182818>", "\n9876543210>"],
}
"""Prompts that a model can read and that show what it learnt, by its name if it ships and by its text otherwise."""
OTHERS = [*TALES[:2], *PLAYS[:2]]

MAX_LINK = 30_000
"""Characters of a link; what a QR code can hold is less, and says so itself."""
QUIET = 4
"""Light modules around a QR code, as its standard asks for."""


def build_bar(subjects: Subjects) -> Panel:
    """The bar; its endpoints list what there is to look at, and take in a checkpoint."""

    def list_models(request: Request) -> Answer:
        """Every model that this visitor can point at, with prompts to try on it."""
        session = subjects.sessions.of(request)
        models = subjects.available(session)
        for model in models:
            model["examples"] = EXAMPLES.get(model.pop("text"), OTHERS)
        return {
            "models": models,
            "devices": [{"name": device.name, "title": device.title} for device in devices()],
            "upload_bytes": _upload_bytes(subjects),
        }

    @changing
    def keep_model(request: Request) -> Answer:
        """Take in the files of an uploaded checkpoint, where visitors may bring any."""
        max_bytes = _upload_bytes(subjects)
        if not max_bytes:
            raise ValueError("Models can't be brought here. Run Glassbox on your own computer to look at yours.")
        return {"model": f"upload:{keep_checkpoint(subjects.sessions.of(request), request, max_bytes)}"}

    def draw_code(request: Request) -> Answer:
        """A QR code of a link: a text of 0 and 1 for each of its rows."""
        return {"rows": qr_rows(inputs.text(request, "link", limit=MAX_LINK))}

    return Panel("bar", [list_models, keep_model, draw_code])


def qr_rows(link: str) -> list[str]:
    """The dark (1) and light (0) modules of a QR code, the quiet zone around it included.

    The lowest level of error correction, since a screen shows the code undamaged and fewer modules
    can be read from further away. Raises ValueError when no code can hold the link.
    """
    import segno  # only here: the playground starts without it

    try:
        code = segno.make_qr(link, error="l", boost_error=False)
    except segno.DataOverflowError as error:
        raise ValueError("This link is too long for a QR code; shorten the prompt.") from error
    return ["".join("1" if dark else "0" for dark in row) for row in code.matrix_iter(border=QUIET)]


def _upload_bytes(subjects: Subjects) -> int:
    """The most that a visitor's checkpoint may have; 0 where none is taken."""
    limits = subjects.sessions.limits
    return round(limits.upload_mb * 1e6) if limits.model_uploads else 0
