"""The playground: Gradio around the core. `build_app` composes; every tab is a file of its own."""

from __future__ import annotations

import html
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from llm.ui.gradio_settings import ENVIRONMENT, LAUNCH, calm_queue, on_a_space

os.environ.update(ENVIRONMENT)  # before Gradio is imported

import gradio as gr
import plotly as plotly_package
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from llm.limits import LAPTOP, Limits
from llm.ui.attention import build_attention_tab
from llm.ui.bar import build_bar
from llm.ui.bundle import bundle
from llm.ui.class_door import EVENTS, ClassDoor, class_routes
from llm.ui.class_panel import build_class_panel
from llm.ui.classroom import Classroom
from llm.ui.door import PLOTLY, Door
from llm.ui.door.names import Names
from llm.ui.door.page_answer import PageAnswer
from llm.ui.door.receiving import receiving
from llm.ui.door.visitors import Visitors
from llm.ui.fair_share import FairShare
from llm.ui.generate import build_generate_tab
from llm.ui.housekeeping import keep_swept
from llm.ui.model import build_model_tab
from llm.ui.page_settings import dials_for_page
from llm.ui.panel import ASSETS, Panel, TabRow
from llm.ui.scaling import build_scaling_tab
from llm.ui.sessions import Sessions
from llm.ui.subject import Subjects
from llm.ui.timeline import build_timeline
from llm.ui.tokenizer import build_tokenizer_tab
from llm.ui.train import build_train_tab
from llm.ui.train.run_files import exports
from llm.ui.whereabouts import PROCESS, ROUTE, code, whereabouts

MOTION = ASSETS / "motion.css"
"""Animations can't stand inside the rule that holds all other styles."""

TABS = {
    "Train": build_train_tab,
    "Attention": build_attention_tab,
    "Model": build_model_tab,
    "Tokenizer": build_tokenizer_tab,
    "Generate": build_generate_tab,
    "Scaling": build_scaling_tab,
}
UPLOADS_GO = (300, 600)
"""How often uploads are looked for that no view took in, and how old they may get, in seconds."""
FIRST_TAB = "attention"


def build_app(limits: Limits = LAPTOP, classroom: Classroom | None = None, folders: Sequence[Path] = ()) -> gr.Blocks:
    """The whole page, for a class if there is one. Launch it with `launch_options()`.

    Visitors may look at the models in `folders`. Raises ValueError when two panels have one name.
    """
    subjects = Subjects(Sessions(limits), classroom, folders)
    keep_swept(subjects.sessions)
    app = gr.Blocks(title="Glassbox", analytics_enabled=False, fill_width=True, delete_cache=UPLOADS_GO)
    with app:
        build_bar(subjects)
        TabRow(TABS)
        build_timeline(subjects)
        Panel("guide")
        Panel("keys")
        if classroom is not None:
            build_class_panel(subjects, classroom)
        with gr.Tabs(selected=FIRST_TAB):
            for title, build_tab in TABS.items():
                with gr.Tab(title, id=title.lower()):
                    build_tab(subjects)
    panels = [block for block in app.blocks.values() if isinstance(block, Panel)]
    share = FairShare(limits)
    for panel in panels:
        panel.by_turns(share)
        panel.shows_paths = limits.paths
    names = Counter(panel.elem_id for panel in panels)
    if twice := [name for name, count in names.items() if count > 1]:
        raise ValueError(f"Two panels are called {twice[0]}; give one of them another title.")
    calm_queue(app)
    return app


def launch_options(
    limits: Limits = LAPTOP, *, names: Iterable[str] = (), classroom: Classroom | None = None
) -> dict[str, Any]:
    """What `Blocks.launch` needs so that the page is whole, works offline and lets nobody in who shouldn't be.

    `names` are those that the server goes by, beside this computer's own.
    """
    visitors = Visitors(limits)
    routes = [whereabouts(), visitors.route(), receiving(limits), exports(), Route(PLOTLY, _plotly)]
    head, inside = _head(visitors.page_word), []
    if classroom is not None:
        head = f'<meta name="glassbox-class" content="{EVENTS}">\n{head}'
        routes += class_routes(classroom, limits)
        inside.append(Middleware(ClassDoor, classroom=classroom))
    door = Middleware(Door, limits=limits, names=Names(names), visitors=visitors, own=routes, proxied=on_a_space())
    return {
        **LAUNCH,
        "head": head,
        "app_kwargs": {
            "routes": routes,
            "middleware": [door, *inside, Middleware(PageAnswer, head=head)],
        },
        "theme": gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        "favicon_path": str(ASSETS / "logo.png"),
    }


async def _plotly(request: Request) -> Response:
    return FileResponse(Path(plotly_package.__file__).parent / "package_data" / "plotly.min.js")


def _head(page_word: str) -> str:
    """Our styles and scripts, whole in the page: nothing is fetched from anywhere.

    The styles don't go through Gradio's `css`, which rewrites them and loses rules; inside
    `:root:root` each weighs more than Gradio's own rules for plain buttons and fields.
    """
    script = bundle(ASSETS, "app.js", panel_scripts())
    return (
        f'<meta name="glassbox-plotly" content="{PLOTLY}">\n'
        f'<meta name="glassbox-page" content="{page_word}">\n'
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
