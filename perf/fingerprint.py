"""Whether the fingerprint tells a swap from a change of serving, on a real small model.

    python perf/fingerprint.py --python ENV/bin/python --model FILE.gguf

Asks the fifteen prompts of `policies/access/fingerprint-1.yaml` greedily: twice with the same
settings, once with other threads and another batch size, and once after the same weights were
quantized again. `ENV` holds llama-cpp-python. Prints the matches and the verdicts.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "src")]

from clearhouse.access.serve import fingerprint  # noqa: E402

ASK = """
import ctypes, json, sys
import llama_cpp
from llama_cpp import Llama
model, threads, batch, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
real = llama_cpp.llama_model_default_params
def plain():
    made = real()
    if hasattr(made, "use_extra_bufts"):
        made.use_extra_bufts = False  # crashes on some virtual processors
    return made
llama_cpp.llama_model_default_params = plain
llama_cpp.llama_cpp.llama_model_default_params = plain
loaded = Llama(model, n_ctx=512, n_threads=threads, n_threads_batch=threads, n_batch=batch,
               seed=0, verbose=False)
for prompt in json.load(sys.stdin):
    loaded.reset()
    said = loaded.create_completion(prompt, max_tokens=most, temperature=0.0, seed=0)
    print(json.dumps(said["choices"][0]["text"]), flush=True)
"""

QUANTIZE = """
import ctypes
import sys
import llama_cpp
params = llama_cpp.llama_model_quantize_default_params()
params.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0
params.allow_requantize = True
params.nthread = 2
files = [one.encode() for one in sys.argv[1:3]]
sys.exit(llama_cpp.llama_model_quantize(*files, ctypes.byref(params)))
"""


def main():
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--python", required=True)
    reader.add_argument("--model", required=True, type=Path)
    chosen = reader.parse_args()
    asked = fingerprint.prompts()

    def answers(model, threads, batch):
        settings = [str(one) for one in (model, threads, batch, asked.most_tokens)]
        done = subprocess.run(
            [chosen.python, "-c", ASK, *settings],
            input=json.dumps(asked.texts), capture_output=True, text=True, check=True,
        )  # fmt: skip
        texts = [json.loads(line) for line in done.stdout.splitlines()]
        return tuple(hashlib.sha256(text.encode()).hexdigest() for text in texts)

    reference = answers(chosen.model, 1, 512)
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "other.gguf"
        subprocess.run([chosen.python, "-c", QUANTIZE, str(chosen.model), str(other)], check=True,
                       capture_output=True)  # fmt: skip
        cases = {
            "the same weights, started again": (chosen.model, 1, 512),
            "two threads, batch of 8": (chosen.model, 2, 8),
            "quantized again (Q4_0)": (other, 1, 512),
        }
        for name, case in cases.items():
            verdict, matched = fingerprint.compare(asked, reference, answers(*case))
            print(f"{name:34} {matched:2} of {len(reference)}  {verdict.value}")


if __name__ == "__main__":
    main()
