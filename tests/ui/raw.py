"""The app on a port of its own, asked by raw HTTP, as anybody may."""

import contextlib
import http.client
import json

from llm.limits import Limits
from llm.ui import build_app, launch_options
from llm.ui.panel import Panel


class Raw:
    """One client of a running app; `visitor` is its token."""

    def __init__(self, app, address):
        self.app, self.host, self.port = app, "127.0.0.1", int(address.rstrip("/").rpartition(":")[2])
        self.panels = [block for block in app.blocks.values() if isinstance(block, Panel)]
        self.visitor = self.new_visitor()

    def send(self, method, path, body=None, timeout=60, **headers):
        """Status, headers by lower-case names, and what came back; a header's name is written with underscores."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host="host" in headers, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            chunked = hasattr(body, "__next__")
            if chunked:
                connection.putheader("Transfer-Encoding", "chunked")
            elif body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body, encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def new_visitor(self):
        return json.loads(self.send("POST", "/visitor")[2])["visitor"]

    def endpoints(self):
        """All there are: (component, name)."""
        return [(panel._id, name) for panel in self.panels for name in sorted(panel.may_call())]

    def question(self, name, data):
        """An endpoint's question as the page spells it; `data` may be JSON already."""
        panel = next(panel for panel in self.panels if name in panel.may_call())
        return spelt(panel._id, name, data)

    def ask(self, name, data=None, **headers):
        body = self.question(name, {"visitor": self.visitor} | (data or {}))
        return self.send("POST", "/gradio_api/component_server", body, content_type="application/json", **headers)


def spelt(component, name, data):
    """A question's body; `data` may be JSON already, as Python would not write it."""
    data = data if isinstance(data, str) else json.dumps(data)
    call = json.dumps({"component_id": component, "fn_name": name, "session_hash": "glassbox"})
    return f'{call[:-1]}, "data": {data}}}'.encode()


@contextlib.contextmanager
def raw_app(names=(), **limits):
    """A client of an app with these limits."""
    limits = Limits(**limits)
    app = build_app(limits)
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options(limits, names=names))
    try:
        yield Raw(app, address)
    finally:
        app.close()


def said(answer):
    """The sentence of a refusal."""
    return json.loads(answer[2]).get("error")
