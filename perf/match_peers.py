"""Runs TF-IDF and osv-dedupe over a flood; `perf/match.py` starts it in an environment with both.

In: the reports, the key (unused here), how many reports. Out: JSON with the reports per second of
each peer and its clusters at several thresholds: a report joins its best earlier one from there on.
"""

import gzip
import json
import sys
import time
from collections import defaultdict

import numpy as np
from osv_dedupe._core import _score_advisory
from sklearn.feature_extraction.text import TfidfVectorizer

STEP = 500
AT = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def main() -> None:
    _, path, _, limit = sys.argv
    reports = []
    with (gzip.open if path.endswith(".gz") else open)(path, "rt") as file:
        for line in file:
            if len(reports) == int(limit):
                break
            reports.append(json.loads(line))
    print(json.dumps({"tf-idf": measured(tfidf, reports), "osv-dedupe": measured(osv, reports)}))


def measured(method, reports):
    begun = time.perf_counter()
    best = method(reports)
    spent = time.perf_counter() - begun
    return {
        "reports": len(reports),
        "reports_per_second": round(len(reports) / spent, 1),
        "labels": [(at, joined(reports, best, at)) for at in AT],
    }


def joined(reports, best, at):
    labels = {}
    for report, (other, score) in zip(reports, best, strict=True):
        linked = other is not None and score >= at
        labels[report["rid"]] = labels[reports[other]["rid"]] if linked else report["rid"]
    return labels


def text_of(report):
    fields = report["fields"]
    return f"{fields['title']}\n{fields['text']}\n{' '.join(fields['component'])}"


def tfidf(reports):
    """Give each report the earlier one with the highest cosine."""
    vectors = TfidfVectorizer(sublinear_tf=True).fit_transform([text_of(one) for one in reports])
    best = []
    for start in range(0, len(reports), STEP):
        part = vectors[start : start + STEP]
        alike = (part @ vectors[: start + STEP].T).toarray()
        for row, scores in enumerate(alike):
            earlier = scores[: start + row]
            place = int(np.argmax(earlier)) if len(earlier) else None
            best.append((place, float(earlier[place]) if place is not None else 0.0))
    return best


def osv(reports):
    """Give each report the earlier one of the same package that osv-dedupe scores highest."""
    seen, best = defaultdict(list), []
    for number, report in enumerate(reports):
        fields = report["fields"]
        package = (fields["purl"] or fields["component"] or [""])[0].rpartition("/")[2].lower()
        cwe = (fields["cwe"] or [""])[0]
        finding = {"title": fields["title"], "description": fields["text"], "cwe": cwe}
        scored = [
            (match.confidence, -other)
            for other, advisory in seen[package]
            if (match := _score_advisory(advisory, package, cwe, finding)) is not None
        ]
        top = max(scored, default=None)
        best.append((None, 0.0) if top is None else (-top[1], top[0]))
        advisory = {
            "source": "OSV",
            "id": report["rid"],
            "summary": fields["title"],
            "details": f"{fields['text']} {package}",
            "database_specific": {"cwe_ids": fields["cwe"]},
        }
        seen[package].append((number, advisory))
    return best


if __name__ == "__main__":
    main()
