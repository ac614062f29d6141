"""SECURITY-INSIGHTS: what a project says of its own security, as a file in its repository.

In: the bytes of `SECURITY-INSIGHTS.yml`, of version 1 or 2. Out: whether reports are welcome, whom
to send them to, and where the policy stands. Refused with `SecurityInsightsError`: what is not
YAML, or of another version. Unknown fields are passed over.
Source: OpenSSF Security Insights, schemas 1.0.0 and 2.0.0.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import yaml

MOST_BYTES = 256 * 1024


class SecurityInsightsError(ValueError):
    """The bytes are no such file; the message never repeats them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SecurityInsights:
    """What the file says of reporting."""

    version: str
    accepts_reports: bool | None
    """None when the file does not say."""
    contacts: tuple[str, ...]
    """E-mail addresses and web addresses, the preferred one first."""
    policy: str | None


def parse(data: bytes) -> SecurityInsights:
    """Read a file.

    Raises: SecurityInsightsError.
    """
    if len(data) > MOST_BYTES:
        raise SecurityInsightsError("larger than such a file can be")
    try:
        document = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise SecurityInsightsError("not YAML") from error
    version = str(_at(document, "header", "schema-version") or "")
    if version.startswith("1."):
        return _first(document, version)
    if version.startswith("2."):
        return _second(document, version)
    raise SecurityInsightsError("neither of schema version 1 nor of 2")


def _first(document: object, version: str) -> SecurityInsights:
    reporting = _at(document, "vulnerability-reporting")
    listed = _at(document, "security-contacts")
    contacts = [_text(_at(reporting, "email-contact"))]
    if isinstance(listed, list):
        contacts += [_text(_at(one, "value")) for one in listed]
    accepts = _at(reporting, "accepts-vulnerability-reports")
    return SecurityInsights(
        version=version,
        accepts_reports=accepts if isinstance(accepts, bool) else None,
        contacts=_once(contacts),
        policy=_text(_at(reporting, "security-policy")),
    )


def _second(document: object, version: str) -> SecurityInsights:
    reporting = _at(document, "project", "vulnerability-reporting")
    accepts = _at(reporting, "reports-accepted")
    people = [_at(reporting, "contact"), *_primary(_at(document, "project", "administrators"))]
    return SecurityInsights(
        version=version,
        accepts_reports=accepts if isinstance(accepts, bool) else None,
        contacts=_once(_text(_at(one, "email")) for one in people),
        policy=_text(_at(reporting, "policy")) or _text(_at(reporting, "security-policy")),
    )


def _primary(people: object) -> Iterator[object]:
    if isinstance(people, list):
        yield from (one for one in people if _at(one, "primary") is True)


def _at(document: object, *path: str) -> object:
    for name in path:
        if not isinstance(document, Mapping):
            return None
        document = document.get(name)
    return document


def _text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and 0 < len(value.strip()) <= 400 else None


def _once(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in values if one))
