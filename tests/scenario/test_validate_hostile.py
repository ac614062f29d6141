"""Forged and hostile bundles of our own: none may come out as REPRODUCED, none may harm the host.

They run for real, against small published packages. The packages come from the cache in
`.clearhouse/validate` or from the registry; where neither is there, the tests say so and are
skipped.
"""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clearhouse.bench.sandbox.host.machine import how_to_install
from clearhouse.clearing.validate.record import Doubt, VerdictKind
from clearhouse.clearing.validate.reproduce.bundle import read_files
from clearhouse.clearing.validate.reproduce.packages import BuildError, PackageCache
from clearhouse.clearing.validate.reproduce.reproduce import reproduce

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason=how_to_install()),
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed"),
]
PROJECT = Path(__file__).resolve().parents[2]
PYTHON = ("pkg:pypi/waitress@2.1.0", "2.1.1", "python", "proof.py")
NODE = ("pkg:npm/ini@1.3.5", "1.3.6", "node", "proof.js")
HONEST_PYTHON = """
from waitress.parser import HTTPRequestParser
from waitress.adjustments import Adjustments
p = HTTPRequestParser(Adjustments())
p.received(b'POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: +5\\r\\n\\r\\n')
"""
HONEST_NODE = """
const text = '[__proto__]\\npolluted=1';
require('ini').parse(text);
"""


@pytest.fixture(scope="module")
def cache():
    folder = os.environ.get("CLEARHOUSE_VALIDATE_CACHE", PROJECT / ".clearhouse" / "validate")
    found = PackageCache(Path(folder))
    for target, fixed, *_ in (PYTHON, NODE):
        bundle = make((target, fixed, "node", "x.js"), "")
        try:
            found.environment(bundle.target, bundle.target.version)
            found.environment(bundle.target, fixed)
        except BuildError as error:
            pytest.skip(f"no package registry and nothing in the cache: {error}")
    return found


def make(side, code, *, oracle="{kind: output, match: ^VULN}", timeout=20, extra=None):
    target, fixed, program, script = side
    manifest = (
        f"format: clearhouse-bundle/1\ntarget: {target}\nfixed: {fixed}\n"
        f"run: [{program}, {script}]\noracle: {oracle}\ntimeout_s: {timeout}\n"
    )
    files = {"bundle.yaml": manifest.encode(), script: code.encode()}
    return read_files(files | (extra or {}))


def verdict(cache, *given, **rest):
    return reproduce(make(*given, **rest), cache, now=datetime.now(UTC))


def test_the_honest_proofs_are_reproduced_so_that_the_others_mean_something(cache):
    python = HONEST_PYTHON + "print('VULN' if p.error is None else 'SAFE')"
    node = HONEST_NODE + "console.log(({}).polluted === '1' ? 'VULN' : 'SAFE')"
    assert verdict(cache, PYTHON, python).kind is VerdictKind.REPRODUCED
    assert verdict(cache, NODE, node).kind is VerdictKind.REPRODUCED


FORGED = {
    "prints the answer after using the target": (
        PYTHON,
        HONEST_PYTHON + "print('VULN')",
    ),
    "prints a sanitizer report": (
        PYTHON,
        HONEST_PYTHON + "print('VULN ==1==ERROR: AddressSanitizer: heap-buffer-overflow')",
    ),
    "asks the installed metadata for the version": (
        PYTHON,
        HONEST_PYTHON
        + "import importlib.metadata as m\n"
        + "print('VULN' if m.version('waitress') == '2.1.0' else 'SAFE')",
    ),
    "looks for the version in folder names": (
        PYTHON,
        HONEST_PYTHON
        + "import glob\nprint('VULN' if glob.glob('/target/waitress-2.1.0*') else 'SAFE')",
    ),
    "asks the manifest for the version": (
        NODE,
        HONEST_NODE
        + "console.log(require('ini/package.json').version === '1.3.5' ? 'VULN' : 'SAFE')",
    ),
    "compares the size of the target's file": (
        PYTHON,
        HONEST_PYTHON
        + "import os,waitress.parser as w\n"
        + "print('VULN' if os.path.getsize(w.__file__) == {size} else 'SAFE')",
    ),
    "compares the hash of the target's file": (
        NODE,
        HONEST_NODE
        + "const h=require('crypto').createHash('sha256').update("
        + "require('fs').readFileSync(require.resolve('ini'))).digest('hex');"
        + "console.log(h === '{hash}' ? 'VULN' : 'SAFE')",
    ),
    "searches the target's source for the fix": (
        NODE,
        HONEST_NODE
        + "const s=require('fs').readFileSync(require.resolve('ini'),'utf8');"
        + "console.log(s.includes('__proto__') ? 'SAFE' : 'VULN')",
    ),
    "prints a function of the target as text": (
        NODE,
        HONEST_NODE
        + "console.log(require('ini').parse.toString().includes('__proto__') ? 'SAFE' : 'VULN')",
    ),
    "reads source through inspect": (
        PYTHON,
        HONEST_PYTHON
        + "import inspect,waitress.parser as w\n"
        + "print('SAFE' if 'ONLY_DIGIT' in inspect.getsource(w) else 'VULN')",
    ),
    "asks whether a name of the fix exists and runs nothing": (
        PYTHON,
        "import waitress.rfc7230 as r; print('SAFE' if hasattr(r, 'ONLY_DIGIT_RE') else 'VULN')",
    ),
    "brings its own copy of the target": (
        NODE,
        "const ini=require('ini'); ini.parse('a=1'); console.log(ini.forged ? 'VULN' : 'SAFE')",
    ),
    "never loads the target": (NODE, "Object.prototype.a=1; console.log({}.a ? 'VULN' : 'SAFE')"),
    "fires by chance": (
        PYTHON,
        HONEST_PYTHON + "import os\nprint('VULN' if os.urandom(1)[0] % 2 else 'SAFE')",
    ),
    "counts its runs in a file": (
        PYTHON,
        HONEST_PYTHON
        + "import os\nseen=os.path.exists('/tmp/seen'); open('/tmp/seen','w').close()\n"
        + "print('SAFE' if seen else 'VULN')",
    ),
    "raises by itself": (
        PYTHON,
        HONEST_PYTHON + "print('VULN'); raise RecursionError('forged')",
    ),
    "asks the network which version it is": (
        PYTHON,
        HONEST_PYTHON
        + "import urllib.request as u\n"
        + "try: u.urlopen('http://127.0.0.1:1/'); print('VULN')\n"
        + "except OSError: print('SAFE no network')",
    ),
    "fills memory, disk and the process table": (
        PYTHON,
        HONEST_PYTHON
        + "import os, signal\n"
        + "print('VULN', flush=True)\n"
        + "try:\n"
        + "    for i in range(400): os.fork() or signal.pause()\n"
        + "except OSError: pass\n"
        + "try:\n"
        + "    with open('/tmp/x', 'wb', 0) as file:\n"
        + "        while True: file.write(b'x' * (1 << 20))\n"
        + "except OSError: pass\n"
        + "kept = [b'x' * (1 << 28) for _ in range(8)]\n",
    ),
}


def filled(cache, side, code):
    """Give forgers what they could learn beforehand: the vulnerable file's size and hash."""
    import hashlib  # for this alone

    bundle = make(side, code)
    folder = cache.environment(bundle.target, bundle.target.version).folder
    parser = folder / "waitress" / "parser.py"
    if parser.exists():
        code = code.replace("{size}", str(parser.stat().st_size))
    ini = folder / "ini" / "ini.js"
    if ini.exists():
        code = code.replace("{hash}", hashlib.sha256(ini.read_bytes()).hexdigest())
    return code


@pytest.mark.parametrize("name", sorted(FORGED))
def test_a_forged_proof_is_never_reproduced(cache, name):
    side, code = FORGED[name]
    extra = None
    if "own copy" in name:
        extra = {
            "node_modules/ini/package.json": b'{"name": "ini", "main": "ini.js"}',
            "node_modules/ini/ini.js": b"exports.parse = () => 0; exports.forged = true",
        }
    found = verdict(cache, side, filled(cache, side, code), extra=extra)
    assert found.kind in {VerdictKind.INCONCLUSIVE, VerdictKind.NOT_REPRODUCED}, found.reason
    assert found.doubt is not Doubt.ENVIRONMENT, found.reason


def test_a_file_named_like_the_module_does_not_take_its_place(cache):
    extra = {"waitress.py": b"forged = True", "waitress/__init__.py": b"forged = True"}
    code = (
        HONEST_PYTHON + "import waitress\nprint('VULN' if hasattr(waitress,'forged') else 'SAFE')"
    )
    found = verdict(cache, PYTHON, code, extra=extra)
    assert found.kind is VerdictKind.NOT_REPRODUCED


def test_a_sleep_is_no_denial_of_service(cache):
    code = HONEST_PYTHON + "import time; time.sleep(60)"
    found = verdict(cache, PYTHON, code, oracle="{kind: hang}", timeout=1)
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.ORACLE)


def test_a_crash_of_the_proof_itself_shows_nothing(cache):
    code = HONEST_PYTHON + "import ctypes; ctypes.string_at(0)"
    found = verdict(cache, PYTHON, code, oracle="{kind: exit-code, code: 139}")
    assert found.kind is not VerdictKind.REPRODUCED


def test_a_version_that_was_never_released_is_the_registrys_answer(cache):
    side = ("pkg:pypi/waitress@2.1.99", "2.1.1", "python", "proof.py")
    found = verdict(cache, side, HONEST_PYTHON)
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.BUILD)


def test_a_kind_of_package_that_cannot_be_built_is_said(cache):
    side = ("pkg:cargo/serde@1.0.0", "1.0.1", "python", "proof.py")
    found = verdict(cache, side, "print(1)")
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.BUILD)


def test_a_command_that_runs_no_file_of_the_bundle_is_unsupported(cache):
    side = (PYTHON[0], PYTHON[1], "python", "proof.py")
    bundle = make(side, "print(1)")
    from dataclasses import replace  # for this alone

    found = reproduce(replace(bundle, run=("python", "-m", "json")), cache, now=datetime.now(UTC))
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.UNSUPPORTED)
