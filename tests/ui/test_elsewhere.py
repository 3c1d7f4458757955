"""The page below another page: behind a proxy's path, and in a frame that may store nothing."""

import http.server
import threading
import urllib.error
import urllib.request

import pytest
from server_process import ServerProcess

from tests.ui.desk import READY

HOP = {"connection", "transfer-encoding", "content-length", "accept-encoding"}


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def serve():
    """serve(handler) -> the address of a little server."""
    running = []

    def begin(handler):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield begin
    for server in running:
        server.shutdown()
        server.server_close()


def proxy_to(target, prefix):
    """A reverse proxy that takes its prefix away, as most do."""

    class Proxy(Quiet):
        def forward(self):
            if not self.path.startswith(prefix):
                return self.answer(404, [], b"")
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
            path = self.path.removeprefix(prefix)
            url = target + (path if path.startswith("/") else "/" + path)
            request = urllib.request.Request(url, body, headers, method=self.command)
            try:
                response = urllib.request.urlopen(request)
            except urllib.error.HTTPError as error:
                response = error
            with response:
                self.answer(response.status, response.headers.items(), response.read())

        do_GET = do_POST = do_HEAD = forward

    return Proxy


@pytest.mark.slow
def test_behind_the_path_of_a_proxy(browser, serve, tmp_path):
    """With and without the slash at its end: pictures come, nothing is asked for beside the path, no query is lost."""
    server = ServerProcess(tmp_path, "--root-path", "/glassbox")
    try:
        address = serve(proxy_to(server.url, "/glassbox"))
        for path in ("/glassbox/", "/glassbox", "/glassbox?__theme=dark#tab=generate"):
            context = browser.new_context()
            page = context.new_page()
            failed = []
            page.on("requestfailed", lambda request, failed=failed: failed.append(request.url))
            page.goto(address + path)
            page.wait_for_function(READY)
            page.get_by_role("tab", name="Attention").click()
            page.locator("#gb-heads .gb-next li").first.wait_for()
            assert not failed and "/glassbox" in page.url and ("?__theme" in page.url) == ("?__theme" in path)
            context.close()
    finally:
        server.kill()


@pytest.mark.slow
def test_in_a_frame_that_may_store_nothing(browser, serve, tmp_path):
    """In a sandboxed frame without an origin, where localStorage throws, the page opens and draws."""
    server = ServerProcess(tmp_path)
    inside = server.url.replace("127.0.0.1", "glassbox.localhost")  # Gradio keeps frames without origin off localhost

    class Outside(Quiet):
        def do_GET(self):
            page = f'<iframe sandbox="allow-scripts" src="{inside}" width="1200" height="800"></iframe>'
            self.answer(200, [("Content-Type", "text/html")], page.encode())

    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(serve(Outside))
        frame = page.frame_locator("iframe")
        frame.locator("#gb-heads .gb-next li").first.wait_for()
        frame.get_by_role("tab", name="Generate").click()
        frame.locator("#gb-write [data-id=generate]").wait_for()
        frame.locator(".gb-bar [data-id=theme]").click()
        assert not errors, errors
    finally:
        page.close()
        server.kill()
