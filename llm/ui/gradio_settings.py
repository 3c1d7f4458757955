"""How Gradio is set, all of it and why. Nothing here imports Gradio, which reads its environment when it is imported.

A Space sets SYSTEM=spaces, SPACE_ID, SPACE_HOST, GRADIO_SERVER_NAME=0.0.0.0, GRADIO_SSR_MODE and more; a person may
have set others. What Gradio would make of them must not decide who may see what.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from typing import Any

log = logging.getLogger(__name__)

ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",  # nothing is sent to anybody
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000",  # no statistics over past events at every event
    "GRADIO_ANALYTICS_MAX_EVENTS": "100",
    "GRADIO_ALLOWED_PATHS": "",  # no folder's files are handed out
    "GRADIO_WATCH_DIRS": "",  # no reloading of code
    "GRADIO_VIBE_MODE": "",  # which lets visitors write code that runs here
    "GRADIO_PROFILING": "",
    "GRADIO_NUM_WORKERS": "0",  # helpers that serve files past our door
    "GRADIO_SHARE": "False",  # no tunnel
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
if importlib.util.find_spec("spaces") is None:
    # Else Gradio starts a thread on a Space that reloads code on demand, with that package, and ends in a traceback.
    ENVIRONMENT["SYSTEM"] = ""

LAUNCH: dict[str, Any] = {
    "footer_links": [],
    "run_history": False,  # which keeps everything asked and answered, and slows every event
    "ssr_mode": False,  # a second server, in Node, before ours; a Space asks for it
    "show_error": False,  # no tracebacks on the page
    "enable_monitoring": False,
    "mcp_server": False,
    "share": False,
    "pwa": False,  # icons in any size on demand, a manifest; a Space has it otherwise
    "strict_cors": True,
    "state_session_capacity": 10,  # all pages are one session of Gradio's, which keeps nothing
    "max_file_size": 1,  # files arrive by our own route, none by Gradio's
}
"""Options of `Blocks.launch`. Most of what they switch off the door would not let through either."""


def on_a_space() -> bool:
    """Whether this is a Space of Hugging Face."""
    return "SPACE_ID" in os.environ


def calm_queue(app: Any) -> None:
    """Let Gradio's queue sleep longer.

    Nothing here uses it. It looks for events a thousand times a second, and takes the interpreter from whatever
    computes: a model writes a sixth faster without. The names are Gradio's private ones, and may go.
    """
    for name in ("sleep_when_free", "progress_update_sleep_when_free"):
        if hasattr(getattr(app, "_queue", None), name):
            setattr(app._queue, name, 0.1)
        else:
            log.warning("Gradio's queue has no %s any more; the playground computes a little slower.", name)
