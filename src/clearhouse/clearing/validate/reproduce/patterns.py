"""Take a stranger's regular expression only when matching it cannot take long.

The host matches it against output that the same stranger controls, so a pattern that can backtrack
without bound would be an attack on the host.
"""

import re
from re import _constants as codes  # type: ignore[attr-defined]  # the parse tree has no public name
from re import _parser as parser  # type: ignore[attr-defined]

MAX_CHARS = 300
_MAX_OPEN_REPEATS = 3
_REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}
_REFUSED = {codes.GROUPREF, codes.GROUPREF_EXISTS, codes.ASSERT, codes.ASSERT_NOT}


class UnsafePatternError(ValueError):
    """The pattern is no regular expression, or matching it could take too long."""


def compile_pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern that can be matched in reasonable time against any line.

    Raises: UnsafePatternError.
    """
    if len(text) > MAX_CHARS:
        raise UnsafePatternError(f"longer than {MAX_CHARS} characters")
    try:
        tree = parser.parse(text)
        compiled = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise UnsafePatternError("not a regular expression") from error
    if _open_repeats(tree, inside=False) > _MAX_OPEN_REPEATS:
        raise UnsafePatternError(f"more than {_MAX_OPEN_REPEATS} unbounded repeats")
    return compiled


def _open_repeats(tree: object, *, inside: bool) -> int:
    """Count unbounded repeats, refusing one inside another."""
    found = 0
    if isinstance(tree, parser.SubPattern | list):
        return sum(_open_repeats(one, inside=inside) for one in tree)
    if isinstance(tree, tuple):
        code, *arguments = tree
        if code in _REFUSED:
            raise UnsafePatternError("back references and look-around are not taken")
        if code in _REPEATS:
            _, most, inner = arguments[0]
            if most > 1 and inside:
                raise UnsafePatternError("a repeat inside a repeat")
            found += 1 if most > MAX_CHARS else 0
            return found + _open_repeats(inner, inside=inside or most > 1)
        return found + sum(_open_repeats(one, inside=inside) for one in arguments)
    return found
