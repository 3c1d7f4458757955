"""Start the playground: `python app.py`. Then open the address it prints."""

import argparse
import os

# One core stays free for the page: on two cores, a picture drawn while a model trains takes 11 ms
# instead of 20. It has to be set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))

from llm.ui import build_app, launch_options


def main() -> None:
    parser = argparse.ArgumentParser(description="Glassbox: build, train and look inside a GPT-2 in the browser.")
    parser.add_argument("--host", help="address to listen on; 0.0.0.0 lets other machines in (default: this machine)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    arguments = parser.parse_args()
    build_app().launch(
        server_name=arguments.host, server_port=arguments.port, inbrowser=arguments.open, **launch_options()
    )


if __name__ == "__main__":
    main()
