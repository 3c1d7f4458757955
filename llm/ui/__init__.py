"""The playground: Gradio around the core. `build_app` composes; every tab is a file of its own."""

from __future__ import annotations

import html
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

# Before Gradio is imported: no telemetry, and no statistics over past events at every event.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000")
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")

import gradio as gr
import plotly as plotly_package
from starlette.middleware import Middleware

from llm.limits import LAPTOP, Limits
from llm.ui.attention import build_attention_tab
from llm.ui.bar import build_bar
from llm.ui.bundle import bundle
from llm.ui.generate import build_generate_tab
from llm.ui.model import build_model_tab
from llm.ui.page_settings import dials_for_page
from llm.ui.panel import ASSETS, Panel, TabRow
from llm.ui.sessions import Sessions
from llm.ui.subject import Subjects
from llm.ui.subpath import Subpath
from llm.ui.timeline import build_timeline
from llm.ui.tokenizer import build_tokenizer_tab
from llm.ui.train import build_train_tab
from llm.ui.whereabouts import PROCESS, ROUTE, code, whereabouts

MOTION = ASSETS / "motion.css"
"""Animations can't stand inside the rule that holds all other styles."""

TABS = {
    "Train": build_train_tab,
    "Attention": build_attention_tab,
    "Model": build_model_tab,
    "Tokenizer": build_tokenizer_tab,
    "Generate": build_generate_tab,
}
FIRST_TAB = "attention"


def build_app(limits: Limits = LAPTOP) -> gr.Blocks:
    """The whole page. Launch it with `launch_options()`. Raises ValueError when two panels have one name."""
    subjects = Subjects(Sessions(limits))
    app = gr.Blocks(title="Glassbox", analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600))
    with app:
        build_bar(subjects)
        TabRow(TABS)
        build_timeline(subjects)
        Panel("keys")
        with gr.Tabs(selected=FIRST_TAB):
            for title, build_tab in TABS.items():
                with gr.Tab(title, id=title.lower()):
                    build_tab(subjects)
    names = Counter(block.elem_id for block in app.blocks.values() if isinstance(block, Panel))
    if twice := [name for name, count in names.items() if count > 1]:
        raise ValueError(f"Two panels are called {twice[0]}; give one of them another title.")
    # Nothing here uses Gradio's queue, which else looks for events a thousand times a second, and takes
    # the interpreter from whatever computes: a model writes a sixth faster without.
    app._queue.sleep_when_free = app._queue.progress_update_sleep_when_free = 0.1
    return app


def launch_options(limits: Limits = LAPTOP) -> dict[str, Any]:
    """What `Blocks.launch` needs so that the page is whole, works offline and refuses huge uploads."""
    return {
        "head": _head(),
        "app_kwargs": {"routes": [whereabouts()], "middleware": [Middleware(Subpath)]},
        "theme": gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "max_file_size": round(limits.upload_mb * 1e6),
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
    script = bundle(ASSETS, "app.js", panel_scripts())
    return (
        f'<meta name="glassbox-plotly" content="{html.escape(str(plotly))}">\n'
        f'<meta name="glassbox-server" content="{ROUTE} {PROCESS} {code()}">\n'
        f'<meta name="glassbox-dials" content="{html.escape(json.dumps(dials_for_page()))}">\n'
        f"<style>\n{MOTION.read_text(encoding='utf-8')}\n:root:root {{\n{_styles()}\n}}\n</style>\n"
        f"<script>\n{_sealed(script)}\n</script>"
    )


def panel_scripts() -> list[str]:
    """What brings the panels to life: a script beside each one's markup, and those of the rows made in panel.py."""
    beside = sorted(path.with_suffix(".js").relative_to(ASSETS).as_posix() for path in ASSETS.rglob("*.html"))
    return ["bar/tab_row.js", "bar/views.js", *beside]


def _styles() -> str:
    """The page's own sheet, then everybody's, whose order doesn't matter."""
    page = ASSETS / "page.css"
    others = sorted(path for path in ASSETS.rglob("*.css") if path not in (page, MOTION))
    return "\n".join(path.read_text(encoding="utf-8") for path in (page, *others))


def _sealed(script: str) -> str:
    """A script that may speak of script tags (in the pages it exports) without ending its own."""
    return script.replace("</script", "<\\/script")
