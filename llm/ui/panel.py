"""The playground's one kind of component: a `gr.HTML` whose picture lives in a file of assets/.

A `Panel` named "heads" shows heads.html, from whichever folder of assets/ holds it, and is brought to
life by heads.js. Its endpoints are Python functions that the page calls directly, without Gradio's
queue: a plain POST each (about 15 ms on loopback, against 20 to 80 for an event), and the
page decides when to ask next, so a slow picture is never handed more than it can draw.
"""

from __future__ import annotations

import functools
import html
import json
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.components.base import server
from gradio.routes import ORJSONResponse

from llm.files import disk_trouble
from llm.training.hardware import out_of_memory
from llm.ui.fair_share import FairShare
from llm.ui.guests import ONLY_LOOKS, only_looks
from llm.ui.right_of_way import RIGHT_OF_WAY

ASSETS = Path(__file__).resolve().parents[2] / "assets"

Request = dict[str, Any]
Answer = dict[str, Any]

_PATH = re.compile(r"(?<![\w.:/~])(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\'\"]+[/\\])+([^\s/\\'\"]*)")
_FAILURES = ("error", "failure")
"""What an answer calls the sentences that may come from anywhere inside."""

log = logging.getLogger(__name__)

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Answer])


def changing(endpoint: _Endpoint) -> _Endpoint:
    """Mark an endpoint that changes something here, or makes something that goes on.

    The page asks it once, since a second time it would happen twice; whoever only looks is refused.
    """
    endpoint.changing = True  # type: ignore[attr-defined]
    return endpoint


class Panel(gr.HTML):
    """A part of the page: static markup, a script that draws it, and the functions it may call."""

    shows_paths = True
    """Whether a failure may say where on this computer things lie."""

    def __init__(self, name: str, endpoints: Sequence[Callable[[Request], Answer]] = (), **more: Any) -> None:
        once = json.dumps([endpoint.__name__ for endpoint in endpoints if _changes(endpoint)])
        super().__init__(
            value=None,
            html_template=_markup(name),
            js_on_load=f"glassbox.mount({name!r}, element, {once});",
            apply_default_css=False,
            elem_id=f"gb-{name}",
            server_functions=[_guarded(endpoint, self) for endpoint in endpoints],
            **more,
        )

    def may_call(self) -> set[str]:
        """The names of the functions that the page may call."""
        return {endpoint.__name__ for endpoint in self.server_fns}

    def by_turns(self, share: FairShare) -> None:
        """Let each visitor's questions in only a few at a time. Who calls `server_fns` from Python passes by this."""
        for endpoint in self.server_fns:
            setattr(self, endpoint.__name__, server(share.between(_in_json(endpoint))))

    def get_block_name(self) -> str:
        return "html"


class View(Panel):
    """One of several panels of a tab, of which one is seen at a time. Its files are called what its title says."""

    def __init__(self, title: str, endpoints: Sequence[Callable[[Request], Answer]] = ()) -> None:
        self.title = title
        self.name = title.lower().replace(" ", "_")
        super().__init__(self.name, endpoints, elem_classes=["gb-view"], render=False)


class TabRow(gr.HTML):
    """The page's second row: its tabs by their titles, and room for each one's views."""

    def __init__(self, titles: Iterable[str]) -> None:
        tabs = "".join(
            f'<button type="button" role="tab" data-tab="{title.lower()}">{html.escape(title)}</button>'
            f'<span class="gb-views-of" role="none" data-views-of="{title.lower()}" hidden></span>'
            for title in titles
        )
        super().__init__(
            value=None,
            html_template=f'<nav class="gb-panel gb-tab-row"><div role="tablist" aria-label="Tabs">{tabs}</div></nav>',
            js_on_load="glassbox.mount('tab_row', element);",
            apply_default_css=False,
            elem_id="gb-tab-row",
        )

    def get_block_name(self) -> str:
        return "html"


class Views(gr.HTML):
    """A row of buttons that shows one view of a tab at a time; put on the page together with the views.

    No argument may be called what the script below has in quotes: Gradio takes that for an event of this component,
    puts a handle of it into the page's settings, and copies the whole app through it whenever a page is opened.
    """

    def __init__(self, tab: str, shown: Sequence[View]) -> None:
        buttons = "".join(
            f'<button type="button" data-view="{view.name}">{html.escape(view.title)}</button>' for view in shown
        )
        super().__init__(
            value=None,
            html_template=f'<nav class="gb-panel gb-views" aria-label="Views">{buttons}</nav>',
            js_on_load="glassbox.mount('views', element);",
            apply_default_css=False,
            elem_id=f"gb-{tab}-views",
        )
        for view in shown:
            view.render()

    def get_block_name(self) -> str:
        return "html"


def _markup(name: str) -> str:
    """The one file of that name. Raises ValueError when there is none, or a second one."""
    found = list(ASSETS.rglob(f"{name}.html"))
    if len(found) != 1:
        raise ValueError(f"assets/ holds {len(found)} files {name}.html; a panel needs exactly one.")
    return found[0].read_text(encoding="utf-8")


def _changes(endpoint: Callable[[Request], Answer]) -> bool:
    return getattr(endpoint, "changing", False)


def _in_json(endpoint: Callable[[Request], Answer]) -> Callable[[Request], ORJSONResponse]:
    """The endpoint with its answer put into JSON on the thread that found it.

    Else FastAPI does it while nobody else is served, and looks at every number of a picture before. The JSON is
    Gradio's, which has null for what is no number, as the loss of a run that diverged.
    """

    @functools.wraps(endpoint)
    def response(request: Request) -> ORJSONResponse:
        return ORJSONResponse(endpoint(request))

    return response


def _guarded(endpoint: Callable[[Request], Answer], panel: Panel) -> Callable[[Request], Answer]:
    """Turn refusals into an answer the page can show, and keep everything else out of the page.

    Anyone can call an endpoint with anything, so the request may not even be a dictionary.
    """

    def told(answer: Answer) -> Answer:
        return answer if panel.shows_paths else _without_paths(answer)

    @functools.wraps(endpoint)
    def answer(request: Request) -> Answer:
        try:
            if not isinstance(request, dict):
                raise ValueError("The page sent something this server doesn't understand. Reload the page.")
            if only_looks.get() and _changes(endpoint):
                raise ValueError(ONLY_LOOKS)
            with RIGHT_OF_WAY.taken():
                return told(endpoint(request))
        except ValueError as refusal:
            return told({"error": str(refusal)})
        except Exception as error:
            if sentence := out_of_memory(error) or disk_trouble(error):
                log.warning("%s: %s", endpoint.__name__, error)
                return {"error": sentence}
            log.exception("%s failed", endpoint.__name__)
            return {"error": "Something went wrong inside the server; its log has the details."}

    return answer


def _without_paths(answer: Answer) -> Answer:
    """An answer whose failures, also those a level deeper, name files without saying where they lie."""
    for name, value in answer.items():
        if name in _FAILURES and isinstance(value, str):
            answer[name] = _PATH.sub(r"\1", value)
        elif isinstance(value, dict):
            answer[name] = _without_paths(value)
    return answer
