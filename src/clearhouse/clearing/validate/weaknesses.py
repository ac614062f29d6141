"""Families of weaknesses, wide enough that two honest reports of one flaw never seem to disagree.

A CWE id belongs to every family under which reporters file such a flaw; the broad classes (CWE-20,
CWE-693, CWE-707, ...) and ids not listed here agree with everything.

Source: CWE 4.x, with the research view's parents joined where public advisories of one flaw vary.
"""

from collections.abc import Iterable

FAMILIES: dict[str, frozenset[int]] = {
    "memory": frozenset(
        {118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 129, 130, 131, 170, 188, 190, 191, 192}
        | {193, 194, 195, 196, 197, 242, 252, 369, 401, 415, 416, 457, 466, 467, 468, 476, 562}
        | {590, 665, 680, 681, 682, 690, 761, 762, 763, 770, 786, 787, 788, 789, 805, 806, 822}
        | {823, 824, 825, 843, 908, 909, 1284, 1325, 1335}
    ),
    "resources": frozenset(
        {185, 248, 369, 395, 399, 400, 401, 404, 405, 407, 409, 459, 606, 617, 662, 667, 674, 703}
        | {730, 754, 755, 770, 771, 772, 774, 775, 776, 779, 789, 799, 834, 835, 920, 1050, 1284}
        | {1325, 1333, 476, 1321}
    ),
    "injection": frozenset(
        {74, 75, 76, 77, 78, 88, 89, 90, 91, 93, 94, 95, 96, 97, 99, 113, 116, 117, 134, 138, 140}
        | {184, 470, 502, 564, 643, 652, 624, 913, 914, 915, 917, 943, 1236, 1321, 1336, 1427}
        | {436, 444}
    ),
    "markup": frozenset({74, 75, 79, 80, 81, 83, 84, 85, 86, 87, 116, 138, 184, 601, 692, 1021}),
    "files": frozenset(
        {22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 35, 36, 37, 38, 39, 40, 41, 59, 61, 62, 64, 65}
        | {73, 98, 281, 362, 367, 377, 378, 379, 426, 427, 428, 434, 538, 548, 552, 610, 641, 706}
        | {732, 829}
    ),
    "secrets": frozenset(
        {117, 200, 201, 203, 204, 208, 209, 210, 212, 214, 215, 226, 256, 257, 260, 311, 312, 313}
        | {319, 359, 402, 488, 497, 522, 524, 525, 526, 532, 538, 539, 598, 613, 668, 669, 706}
        | {863, 601, 1230, 1258}
    ),
    "trust": frozenset(
        {250, 255, 259, 264, 266, 269, 270, 272, 273, 274, 275, 276, 277, 280, 284, 285, 286, 287}
        | {288, 289, 290, 291, 294, 295, 296, 297, 299, 300, 302, 303, 304, 305, 306, 307, 308}
        | {310, 320, 321, 322, 323, 324, 325, 326, 327, 328, 329, 330, 331, 335, 338, 340, 345}
        | {346, 347, 348, 349, 350, 352, 353, 354, 358, 384, 385, 425, 441, 444, 471, 494, 521}
        | {522, 548, 565, 566, 592, 602, 603, 613, 614, 620, 636, 639, 640, 642, 644, 648, 657}
        | {664, 668, 670, 697, 732, 757, 759, 760, 778, 784, 798, 807, 840, 841, 842, 862, 863}
        | {913, 915, 916, 918, 922, 923, 940, 941, 942, 1004, 1188, 1220, 1240, 1275, 1385, 436}
        | {113, 93, 208, 203}
    ),
    "requests": frozenset(
        {74, 93, 113, 436, 441, 444, 601, 610, 644, 918, 348, 349, 350, 1286, 352, 697}
    ),
}


def families(cwe: str) -> frozenset[str] | None:
    """Return the families of one id, or None when it agrees with everything."""
    number = cwe.upper().removeprefix("CWE-")
    if not number.isdecimal():
        return None
    found = frozenset(name for name, ids in FAMILIES.items() if int(number) in ids)
    return found or None


def disjoint(one: Iterable[str], other: Iterable[str]) -> bool:
    """Say whether two sets of ids cannot describe the same flaw.

    False whenever either set is empty or holds an id that agrees with everything.
    """
    left, right = [families(cwe) for cwe in one], [families(cwe) for cwe in other]
    if not left or not right or None in left or None in right:
        return False
    mine = frozenset[str]().union(*(group for group in left if group))
    theirs = frozenset[str]().union(*(group for group in right if group))
    return not mine & theirs
