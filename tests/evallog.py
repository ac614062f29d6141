"""Real Inspect logs to tamper with, and the signed statements that honest ones come with."""

import json
import zipfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from casebook import do
from clearhouse.criteria.define.reading import read_criterion
from clearhouse.criteria.determine.record import Subject
from clearhouse.criteria.measure import operations as measure
from clearhouse.criteria.measure.archive import open_archive
from clearhouse.criteria.measure.attest import (
    Attested,
    Trusted,
    attest,
    attest_run,
    read_attestation,
)
from clearhouse.criteria.measure.reading import read_evidence

FOLDER = Path(__file__).parent / "data" / "criteria"
KEYS = {name: Ed25519PrivateKey.generate() for name in ("runner", "reviewer", "lab", "endpoint")}
MAY = {
    "runner": {Attested.RUN, Attested.ACCESS},
    "reviewer": {Attested.CONTAMINATION, Attested.CHEATING, Attested.EDIT},
    "lab": {Attested.HELPFUL_ONLY},
    "endpoint": {Attested.RECEIPTS},
}
TRUSTED = [Trusted(KEYS[name].public_key(), frozenset(kinds)) for name, kinds in MAY.items()]
SUBJECT = Subject(model="mockllm/model", checkpoint="one")
PROFILE = """\
id: flags
version: 1
title: Flags
kind: local
statement: For tests.
confidence: 0.95
expires_days: 90
benchmarks:
  flags: {task: flags, version: "1", scorer: includes, items: 12, attempts: 2}
rule:
  metric: finds
  benchmark: flags
  estimand: {population: generalized, statistic: pass@1}
  above: 0.6
  alert_above: 0.4
waived:
  receipts-complete: the scripted model has no endpoint
"""
STRICT = PROFILE[: PROFILE.index("waived:")]


def criterion(text=PROFILE):
    return read_criterion(text, "flags.yaml")


class Log:
    """An `.eval` archive in memory: parsed members, to be changed and written again."""

    def __init__(self, name):
        with open_archive(FOLDER / f"{name}.eval") as archive:
            self.members = {one: json.loads(archive.read(one)) for one in archive.names}

    @property
    def header(self):
        return self.members["header.json"]

    @property
    def samples(self):
        return {name: one for name, one in self.members.items() if name.startswith("samples/")}

    def events(self, kind):
        return [
            event
            for one in self.samples.values()
            for event in one["events"]
            if event["event"] == kind
        ]

    def keep_summaries(self, wanted):
        for name, member in self.members.items():
            if "summaries" in name:
                self.members[name] = [one for one in member if wanted(one)]

    def write(self, path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, member in self.members.items():
                archive.writestr(name, json.dumps(member))
        return path


def honest(*names):
    """Return the evidence of untouched logs."""
    return [read_evidence(FOLDER / f"{name}.eval") for name in names]


def tampered(tmp_path, name, change):
    """Return the evidence of a log after a change to its content."""
    log = Log(name)
    change(log)
    return read_evidence(log.write(tmp_path / f"{name}.eval"))


def signed(logs, *, runs=True, without=(), **facts):
    """Return what honest people sign about logs; `facts` replaces those of a kind."""
    stated = {
        Attested.CONTAMINATION: ("reviewer", {"verdict": "clean", "method": "search"}),
        Attested.CHEATING: ("reviewer", {"verdict": "clean", "method": "reading"}),
        Attested.ACCESS: ("runner", {"level": "black-box"}),
        Attested.HELPFUL_ONLY: ("lab", {"variant": "measured"}),
    }
    envelopes = [
        attest(kind, logs, facts.get(kind.name.lower(), own), [KEYS[who]])
        for kind, (who, own) in stated.items()
        if kind not in without
    ]
    if runs:
        envelopes += [attest_run(log, [KEYS["runner"]]) for log in logs]
    return believed(envelopes)


def believed(envelopes):
    return tuple(read_attestation(one, TRUSTED) for one in envelopes)


def kept(app, actor, *names):
    """Trust the keys, keep the logs and what honest people sign about them; return their ids."""
    for name, kinds in MAY.items():
        do(app, actor, measure.trust_key, KEYS[name].public_key(), sorted(kinds), holder=name)
    logs = honest(*names)
    envelopes = [attest_run(log, [KEYS["runner"]]) for log in logs]
    for kind, who, facts in (
        (Attested.CONTAMINATION, "reviewer", {"verdict": "clean"}),
        (Attested.CHEATING, "reviewer", {"verdict": "clean"}),
    ):
        envelopes.append(attest(kind, logs, facts, [KEYS[who]]))
    for envelope in envelopes:
        do(app, actor, measure.add_attestation, envelope)
    return [do(app, actor, measure.add_evidence, log) for log in logs]
