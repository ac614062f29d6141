"""The office's ordinary work: people, machines at night, and duties that look like attacks.

In: a day and a random generator. Out: the day's events, and the look-alikes among them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from clearhouse.defense.scenario.event import EventUid, SourceKind
from clearhouse.defense.scenario.office.logs import DOMAIN, SYSTEM32, ZONE, Logs, address_of
from clearhouse.defense.scenario.truth import Truth, TruthClass

STAFF = (
    ("ws-01", "a.brandt"), ("ws-02", "m.okafor"), ("ws-03", "j.lindqvist"), ("ws-04", "s.ferri"),
    ("ws-05", "k.novak"), ("ws-06", "d.amsel"), ("ws-07", "p.haas"), ("ws-08", "r.tanaka"),
)  # fmt: skip
ADMIN, ADMIN_HOST = "adm.weiss", "ws-09"
EXPLORER = "C:\\Windows\\explorer.exe"
SERVICES = f"{SYSTEM32}services.exe"
POWERSHELL = f"{SYSTEM32}WindowsPowerShell\\v1.0\\powershell.exe"
_OFFICE = "C:\\Program Files\\Microsoft Office\\root\\Office16\\"
_PROGRAMS = (
    (f"{_OFFICE}WINWORD.EXE", '"{image}" /n "C:\\Users\\{user}\\Documents\\letter-{n}.docx"'),
    (f"{_OFFICE}EXCEL.EXE", '"{image}" "C:\\Users\\{user}\\Documents\\billing-{n}.xlsx"'),
    (f"{_OFFICE}OUTLOOK.EXE", '"{image}" /recycle'),
    ("C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe", '"{image}" --type=renderer --id={n}'),
    ("C:\\Program Files\\Praxis\\praxis.exe", '"{image}" --patient {n}'),
    ("C:\\Program Files\\Adobe\\Acrobat.exe", '"{image}" "C:\\Users\\{user}\\Downloads\\result-{n}.pdf"'),
    (f"{SYSTEM32}notepad.exe", '"{image}" C:\\Users\\{user}\\Desktop\\note-{n}.txt'),
    (f"{SYSTEM32}mspaint.exe", '"{image}"'),
    (f"{SYSTEM32}taskhostw.exe", "{image} KEYROAMING"),
)  # fmt: skip
_SITES = (
    "www.google.example", "mail.kestrel-clinic.example", "updates.praxis.example",
    "guidelines.health.example", "news.daily.example", "labs.partner.example",
    "maps.city.example", "static.cdn.example", "insurer.claims.example", "weather.example",
)  # fmt: skip
_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Day:
    """One day's work being written."""

    start: datetime
    """Midnight, UTC."""
    logs: Logs
    pace: float = 1.0
    """How much happens, against the ordinary."""

    @property
    def working(self) -> bool:
        """Return whether people come."""
        return self.start.weekday() < 5

    def at(self, low: float, high: float) -> datetime:
        """Return an instant between two hours of the day."""
        seconds = self.logs.chance.uniform(low * 3600, high * 3600)
        return self.start + timedelta(milliseconds=round(seconds * 1000))


def write_day(day: Day) -> list[Truth]:
    """Write one day of ordinary work and return its look-alikes."""
    if day.working:
        for host, user in STAFF:
            _person(day, host, user)
        _person(day, ADMIN_HOST, ADMIN)
    _machines(day)
    return _duties(day)


def _person(day: Day, host: str, user: str) -> None:
    logs, chance = day.logs, day.logs.chance
    begin = chance.uniform(7.0, 8.6)
    end = chance.uniform(15.8, 17.9)
    came = day.at(begin, begin + 0.1)
    if chance.random() < 0.12:  # a typing mistake
        logs.logon(came - timedelta(seconds=9), host, user, kind=2, source="127.0.0.1", failed=True)
    logs.logon(came, host, user, kind=2, source="127.0.0.1")
    logs.logon(came + timedelta(seconds=4), "dc-01", user, kind=3, source=address_of(host))
    for _ in range(round(chance.uniform(28, 40) * day.pace)):
        image, pattern = chance.choice(_PROGRAMS)
        command = pattern.format(image=image, user=user, n=chance.randrange(1000, 9999))
        logs.process(day.at(begin, end), host, user, command, image=image, parent=EXPLORER)
    for _ in range(round(chance.uniform(60, 90) * day.pace)):
        _browse(day, host, begin, end)
    for _ in range(round(chance.uniform(6, 12) * day.pace)):
        target = f"C:\\Users\\{user}\\Documents\\scan-{chance.randrange(10000)}.pdf"
        logs.file(day.at(begin, end), host, user, "C:\\Program Files\\Praxis\\praxis.exe", target)
        logs.audit(
            day.at(begin, end), user, f"cat /srv/records/{chance.randrange(4000)}.hl7",
            "/usr/sbin/smbd", key="records",
        )  # fmt: skip
    if chance.random() < 0.6:
        logs.cloud(day.at(begin, end), user, "signin", "ConsoleLogin", "203.0.113.9",
                   **{"responseElements.ConsoleLogin": "Success"})  # fmt: skip


def _browse(day: Day, host: str, begin: float, end: float) -> None:
    logs, chance = day.logs, day.logs.chance
    site, when = chance.choice(_SITES), day.at(begin, end)
    logs.dns(when, address_of(host), site)
    target = f"198.51.100.{10 + _SITES.index(site)}"
    if chance.random() < 0.4:
        logs.http(when, address_of(host), target, site, f"/page/{chance.randrange(900)}",
                  size=chance.randrange(300, 90_000))  # fmt: skip
    if chance.random() < 0.5:
        logs.flow(when + timedelta(seconds=2), address_of(host), target, 443,
                  chance.randrange(500, 60_000))  # fmt: skip


def _machines(day: Day) -> None:
    """Updates, scheduled tasks and copies, also at night and at the weekend."""
    logs, chance = day.logs, day.logs.chance
    for host, _ in (*STAFF, (ADMIN_HOST, ADMIN)):
        for _ in range(round(5 * day.pace)):
            when = day.at(0, 24)
            image = f"{SYSTEM32}svchost.exe"
            logs.process(when, host, "SYSTEM", f"{image} -k netsvcs -p -s wuauserv",
                         image=image, parent=SERVICES)  # fmt: skip
            logs.dns(when, address_of(host), f"update-{chance.randrange(5)}.vendor.example")
        logs.registry(
            day.at(6, 8), host, f"{SYSTEM32}svchost.exe",
            "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\LastSeen", "DWORD",
        )  # fmt: skip
    for hour in range(24):
        logs.audit(
            day.at(hour, hour + 0.05), "root", "/usr/lib/sysstat/sa1 1 1", "/usr/lib/sysstat/sa1"
        )
        logs.logon(day.at(hour, hour + 1), "dc-01", "svc.praxis", kind=3, source="10.20.0.30")
        logs.security(day.at(hour, hour + 1), "dc-01", 4769, TargetUserName=f"svc.praxis@{DOMAIN}",
                      ServiceName="web-01$", TicketEncryptionType="0x12", IpAddress="10.20.0.30")  # fmt: skip


def _duties(day: Day) -> list[Truth]:
    """Do what the administrator has to do, some of it every day, some once a week."""
    made = [_backup(day)]
    weekday = day.start.weekday()
    if weekday == 1:
        made.append(_scan(day))
    if weekday == 2:
        made.append(_rollout(day))
    if weekday == 3:
        made.append(_support(day))
    return made


def _backup(day: Day) -> Truth:
    logs, when = day.logs, day.at(1.0, 1.2)
    image = f"{SYSTEM32}vssadmin.exe"
    first = logs.process(when, "dc-01", "svc.backup", "vssadmin create shadow /for=C:",
                         image=image, parent="C:\\Program Files\\Vault\\vaultd.exe")  # fmt: skip
    last = logs.audit(when + timedelta(minutes=4), "root",
                      "rsync -a /srv/records backup@10.20.0.40:/vault", "/usr/bin/rsync")  # fmt: skip
    kinds = (SourceKind.WINDOWS, SourceKind.AUDITD)
    return _lookalike("backup at night", when, 10, (first, last), ("dc-01", "fs-01"), kinds)


def _scan(day: Day) -> Truth:
    logs, when = day.logs, day.at(19.0, 19.2)
    uids = [
        logs.alert(when + timedelta(seconds=20 * place), "10.20.1.19", address_of(host),
                   "SCAN version probe of a service", 3)
        for place, host in enumerate(("dc-01", "fs-01", "web-01", "ws-01", "ws-04"))
    ]  # fmt: skip
    return _lookalike("weekly vulnerability scan", when, 10, uids, ("10.20.1.19",),
                      (SourceKind.SURICATA,))  # fmt: skip


def _rollout(day: Day) -> Truth:
    logs, when = day.logs, day.at(12.0, 12.3)
    uids = []
    for place, (host, _) in enumerate(STAFF):
        at = when + timedelta(seconds=45 * place)
        command = f"powershell.exe -NoProfile -EncodedCommand SQBuAHMAdABhAGwAbAAt{place:04d}"
        uids += [
            logs.service(at, host, "PraxisDeploy", "C:\\Windows\\PraxisDeploy.exe"),
            logs.process(at, host, ADMIN, command, image=POWERSHELL,
                         parent="C:\\Windows\\PraxisDeploy.exe"),
        ]  # fmt: skip
    hosts = tuple(host for host, _ in STAFF)
    return _lookalike("roll-out of an update", when, 15, uids, hosts, (SourceKind.WINDOWS,))


def _support(day: Day) -> Truth:
    logs, when = day.logs, day.at(10.0, 15.0)
    host, user = day.logs.chance.choice(STAFF)
    net = f"{SYSTEM32}net.exe"
    uids = [
        logs.logon(when, host, ADMIN, kind=10, source=address_of(ADMIN_HOST)),
        logs.process(when + timedelta(seconds=40), host, ADMIN, f"net user {user} /domain",
                     image=net, parent=f"{SYSTEM32}cmd.exe"),
        logs.process(when + timedelta(seconds=80), host, ADMIN, "ipconfig /all",
                     image=f"{SYSTEM32}ipconfig.exe", parent=f"{SYSTEM32}cmd.exe"),
    ]  # fmt: skip
    return _lookalike("help at a desk", when, 5, uids, (host, ADMIN), (SourceKind.WINDOWS,))


def _lookalike(
    title: str, start: datetime, minutes: float, uids: list[EventUid] | tuple[EventUid, ...],
    entities: tuple[str, ...], kinds: tuple[SourceKind, ...],
) -> Truth:  # fmt: skip
    named = tuple(f"{one}.{ZONE}" if one.startswith(("ws-", "dc-")) else one for one in entities)
    return Truth(
        id=f"{start:%m%d}-{title.replace(' ', '-')}",
        attack=None,
        title=title,
        kind=TruthClass.LOOKALIKE,
        start=start,
        end=start + timedelta(minutes=minutes),
        entities=named,
        events=tuple(uids),
        visible_in=kinds,
        source="generator",
    )
