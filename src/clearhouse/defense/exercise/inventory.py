"""What machines and people are called in an operator's own logs, to give a pack their names.

In: a pack and a baseline. Out: for every name of the pack's laboratory one of the baseline's, the
most frequent first, so that planted attacks happen to machines and people that are there.
"""

import re
from collections import Counter

from clearhouse.defense.exercise.transplant import strangers
from clearhouse.defense.scenario.pack import Pack
from clearhouse.defense.scenario.recording import Recording

_ADDRESS = re.compile(r"^[\d.:a-f]+$")
_SYSTEM = frozenset({"system", "local service", "network service", "root", "-", "anonymous logon"})


def local_names(pack: Pack, own: Recording) -> dict[str, str]:
    """Return new names for the pack's; where the baseline has too few, made-up ones stay."""
    hosts: Counter[str] = Counter()
    users: Counter[str] = Counter()
    for one in own:
        if one.host and not _ADDRESS.match(one.host):
            hosts[one.host.partition(".")[0].lower()] += 1
        name = (one.user or "").rpartition("\\")[2].lower()
        if name and name not in _SYSTEM and not name.endswith("$"):
            users[name] += 1
    left_hosts = [name for name, _ in hosts.most_common()]
    left_users = [name for name, _ in users.most_common()]
    chosen = dict(strangers(pack).rename)
    lab = {name.lower() for name in pack.scenario.lab_names}
    for old in chosen:
        if old.lower() in lab:
            continue
        pool = left_hosts if re.search(r"-\d+$", old) else left_users
        if pool:
            chosen[old] = pool.pop(0)
    return chosen
