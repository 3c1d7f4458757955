"""The bar above every tab: which model, which moment of its training, which prompt."""

from __future__ import annotations

from llm.config import ACTIVATIONS
from llm.training.hardware import devices
from llm.ui import inputs
from llm.ui.own_models import uploaded
from llm.ui.own_models.from_hub import OFFERS
from llm.ui.own_models.opening import answer, change_activation, told
from llm.ui.own_models.uploaded import upload_bytes
from llm.ui.panel import Answer, Panel, Request, changing
from llm.ui.subject import Subjects

MAX_LINK = 30_000
"""Characters of a link; what a QR code can hold is less, and says so itself."""
QUIET = 4
"""Light modules around a QR code, as its standard asks for."""


def build_bar(subjects: Subjects) -> Panel:
    """The bar; its endpoints list what there is to look at, and bring in more."""

    limits = subjects.sessions.limits

    def list_models(request: Request) -> Answer:
        """Every model that this visitor can point at, with prompts to try on it, and what can be fetched."""
        return {
            "models": subjects.available(subjects.sessions.of(request)),
            "devices": [{"name": device.name, "title": device.title} for device in devices()],
            "upload_bytes": upload_bytes(limits),
            "offers": subjects.hub.offers() if limits.downloads else [],
        }

    @changing
    def keep_model(request: Request) -> Answer:
        """Take in the files of a model, where visitors may bring any; or ask what they leave unsaid."""
        session = subjects.sessions.of(request)
        return answer(request, lambda: uploaded.keep_model(session, limits, request))

    @changing
    def convert_model(request: Request) -> Answer:
        """Read a model in a folder of this computer; or ask what it leaves unsaid."""
        subjects.sessions.of(request)
        kind, _, key = inputs.text(request, "model", limit=200).partition(":")
        if kind != "folder":
            raise ValueError("There is no such model. Choose one from the menu at the top.")
        return answer(request, lambda: subjects.local.open(key, **told(request)))

    @changing
    def correct_model(request: Request) -> Answer:
        """Let a model that was read here compute with another activation than was guessed."""
        session = subjects.sessions.of(request)
        ref = inputs.text(request, "model", limit=200)
        name = inputs.choice(request, "activation_function", ACTIVATIONS)
        kind, _, key = ref.partition(":")
        if kind not in ("upload", "folder"):
            raise ValueError("There is no such model. Choose one from the menu at the top.")
        change_activation(subjects.local.made(key) if kind == "folder" else subjects.shown(session, ref).folder, name)
        return {}

    @changing
    def download_model(request: Request) -> Answer:
        """Begin to fetch a model from the Hub."""
        subjects.hub.start(_wanted(request))
        return {}

    def poll_download(request: Request) -> Answer:
        """How much of it has come."""
        return subjects.hub.progress(_wanted(request))

    @changing
    def cancel_download(request: Request) -> Answer:
        """Fetch it no further."""
        subjects.hub.cancel(_wanted(request))
        return {}

    def _wanted(request: Request) -> str:
        subjects.sessions.of(request)
        if not limits.downloads:
            raise ValueError("Nothing is fetched from the Hub here. Run Glassbox on your own computer for that.")
        return inputs.choice(request, "name", OFFERS)

    def draw_code(request: Request) -> Answer:
        """A QR code of a link: a text of 0 and 1 for each of its rows."""
        return {"rows": qr_rows(inputs.text(request, "link", limit=MAX_LINK))}

    return Panel(
        "bar",
        [
            list_models,
            keep_model,
            convert_model,
            correct_model,
            download_model,
            poll_download,
            cancel_download,
            draw_code,
        ],
    )


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
