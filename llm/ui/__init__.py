"""The playground: Gradio around the core. `build_app` composes; every tab is a file of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

# Before Gradio is imported: no telemetry, and no statistics over past events at every event.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000")
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")

import gradio as gr
import plotly as plotly_package

from llm.ui.attention import build_attention_tab
from llm.ui.bar import build_bar
from llm.ui.components import ASSETS
from llm.ui.generate import build_generate_tab
from llm.ui.sessions import Sessions
from llm.ui.subject import Subjects
from llm.ui.timeline import build_timeline
from llm.ui.tokenizer import build_tokenizer_tab
from llm.ui.train import build_train_tab


def build_app() -> gr.Blocks:
    """The whole page. Launch it with `launch_options()`."""
    sessions = Sessions()
    subjects = Subjects(sessions)
    app = gr.Blocks(title="Glassbox", analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600))
    with app:
        build_bar(subjects)
        build_timeline(subjects)
        with gr.Tabs(selected="attention"):
            with gr.Tab("Train", id="train"):
                build_train_tab(sessions)
            with gr.Tab("Attention", id="attention"):
                build_attention_tab(subjects)
            with gr.Tab("Tokenizer", id="tokenizer"):
                build_tokenizer_tab(subjects)
            with gr.Tab("Generate", id="generate"):
                build_generate_tab(subjects)
    # Nothing here uses Gradio's queue, which else looks for events a thousand times a second, and takes
    # the interpreter from whatever computes: a model writes a sixth faster without.
    app._queue.sleep_when_free = app._queue.progress_update_sleep_when_free = 0.1
    return app


def launch_options() -> dict[str, Any]:
    """What `Blocks.launch` needs so that the page is whole, works offline and refuses huge uploads."""
    return {
        "head": _head(),
        "theme": gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "max_file_size": "64mb",
        "show_error": False,
        "favicon_path": str(ASSETS / "logo.png"),
    }


def _head() -> str:
    """Our styles and scripts, whole in the page: nothing is fetched from anywhere.

    The styles don't go through Gradio's `css`, which rewrites them and loses rules; inside
    `:root:root` each weighs more than Gradio's own rules for plain buttons and fields.
    """
    plotly = Path(plotly_package.__file__).parent / "package_data" / "plotly.min.js"
    gr.set_static_paths(plotly)
    style = "\n".join(_files("css"))
    motion = (ASSETS / "motion.css").read_text(encoding="utf-8")
    # A tag each, so that a mistake in one file doesn't take the others with it.
    scripts = "\n".join(f"<script>\n{_sealed(script)}\n</script>" for script in _files("js"))
    return (
        f"<style>\n{motion}\n:root:root {{\n{style}\n}}\n</style>\n{scripts}\n"
        f"<script>glassbox.plotlyPath = {json.dumps(str(plotly))};</script>"
    )


def _files(kind: str) -> list[str]:
    """All files of that kind: the core, what lenses share, then each tab's, whose order doesn't matter."""
    core, apart = ASSETS / f"glassbox.{kind}", ASSETS / "motion.css"
    shared = sorted(path for path in ASSETS.glob(f"*.{kind}") if path not in (core, apart))
    return [path.read_text(encoding="utf-8") for path in (core, *shared, *sorted(ASSETS.glob(f"*/*.{kind}")))]


def _sealed(script: str) -> str:
    """A script that may speak of script tags (in the pages it exports) without ending its own."""
    return script.replace("</script", "<\\/script")
