"""How many workers to start, from a setting such as `2 * cpus`."""

import ast
import operator

CPUS = 8
LIMIT = 64
SIGNS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


def value(node):
    """Return the number of one part of an expression."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value
    if isinstance(node, ast.Name) and node.id == "cpus":
        return CPUS
    if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
        return SIGNS[type(node.op)](value(node.left), value(node.right))
    raise ValueError("not a number of workers")


def workers(setting):
    """Return the number that a setting stands for."""
    if isinstance(setting, int):
        return setting
    return value(ast.parse(setting, mode="eval").body)


def handle(request):
    """Answer `{"workers": ...}` with the number of workers."""
    found = workers(request["workers"])
    if isinstance(found, (int, float)):
        found = max(1, min(LIMIT, int(found)))
    return {"workers": found}
