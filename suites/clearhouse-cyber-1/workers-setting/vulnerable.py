"""How many workers to start, from a setting such as `2 * cpus`."""

CPUS = 8
LIMIT = 64


def workers(setting):
    """Return the number that a setting stands for."""
    if isinstance(setting, int):
        return setting
    return eval(setting, {"cpus": CPUS})


def handle(request):
    """Answer `{"workers": ...}` with the number of workers."""
    found = workers(request["workers"])
    if isinstance(found, (int, float)):
        found = max(1, min(LIMIT, int(found)))
    return {"workers": found}
