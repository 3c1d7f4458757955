"""The playground as a process of its own, which a test may kill and start again on the same port."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class ServerProcess:
    """`python app.py` on a free port, with a home that outlives the process."""

    heard = subprocess.DEVNULL
    """Where what it prints goes."""

    def __init__(self, home, *flags):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.flags = flags
        self.environment = {**os.environ, "GLASSBOX_HOME": str(home), "OMP_NUM_THREADS": "1"}
        self.start()

    def start(self):
        """Start it, and wait until it answers."""
        command = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(self.port), *self.flags]
        outputs = {"stdout": self.heard, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, text=True, **outputs)
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{self.url}/glassbox.json", timeout=5).read()
                return
            except OSError:
                assert self.process.poll() is None, "the server ended by itself"
                time.sleep(0.1)
        raise AssertionError("the server never answered")

    def kill(self):
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()
