"""How each thing that happens in the office looks in the logs.

In: instants, hosts, users and what they do. Out: events under the field names that the real log
uses. Every maker returns the event's id, for the truth to name.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from clearhouse.defense.scenario.event import Event, EventUid, Scalar, SourceKind, make

DOMAIN = "KESTREL"
ZONE = "kestrel-clinic.example"
_SYSMON = "Microsoft-Windows-Sysmon/Operational"
SYSTEM32 = "C:\\Windows\\System32\\"
_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36"


@dataclass(slots=True)
class Logs:
    """What was written so far."""

    chance: random.Random
    events: list[Event] = field(default_factory=list)

    def windows(
        self, at: datetime, host: str, channel: str, number: int, data: dict[str, Scalar]
    ) -> EventUid:
        """Write one Windows event."""
        short = "Sysmon" if channel == _SYSMON else channel
        fields: dict[str, Scalar] = {
            "Channel": channel,
            "EventID": number,
            "Computer": f"{host}.{ZONE}",
            "@timestamp": at.isoformat(),
            **data,
        }
        user = data.get("User") or data.get("SubjectUserName") or data.get("TargetUserName")
        return self._keep(
            make(
                SourceKind.WINDOWS,
                at,
                f"{short}/{number}",
                fields,
                host=str(fields["Computer"]),
                user=None if user is None else str(user),
            )
        )

    def process(
        self, at: datetime, host: str, user: str, command: str, *, image: str, parent: str
    ) -> EventUid:
        """Sysmon 1: a process starts."""
        return self.windows(at, host, _SYSMON, 1, {
            "Image": image,
            "CommandLine": command,
            "OriginalFileName": image.rpartition("\\")[2],
            "ParentImage": parent,
            "User": f"{DOMAIN}\\{user}",
            "IntegrityLevel": "High" if user.startswith("adm") else "Medium",
            "ProcessId": self.chance.randrange(1000, 60000),
        })  # fmt: skip

    def opened_process(
        self, at: datetime, host: str, source: str, target: str, access: str
    ) -> EventUid:
        """Sysmon 10: a process reads another."""
        return self.windows(at, host, _SYSMON, 10, {
            "SourceImage": source, "TargetImage": target, "GrantedAccess": access,
        })  # fmt: skip

    def file(self, at: datetime, host: str, user: str, image: str, target: str) -> EventUid:
        """Sysmon 11: a file is made."""
        return self.windows(at, host, _SYSMON, 11, {
            "Image": image, "TargetFilename": target, "User": f"{DOMAIN}\\{user}",
        })  # fmt: skip

    def registry(self, at: datetime, host: str, image: str, target: str, details: str) -> EventUid:
        """Sysmon 13: a registry value is set."""
        return self.windows(at, host, _SYSMON, 13, {
            "EventType": "SetValue", "Image": image, "TargetObject": target, "Details": details,
        })  # fmt: skip

    def connection(
        self, at: datetime, host: str, user: str, image: str, address: str, port: int
    ) -> EventUid:
        """Sysmon 3: a process connects."""
        return self.windows(at, host, _SYSMON, 3, {
            "Image": image, "User": f"{DOMAIN}\\{user}", "Protocol": "tcp", "Initiated": "true",
            "SourceIp": address_of(host), "DestinationIp": address, "DestinationPort": port,
        })  # fmt: skip

    def security(self, at: datetime, host: str, number: int, **data: Scalar) -> EventUid:
        """Write to the Security log."""
        return self.windows(at, host, "Security", number, dict(data))

    def logon(
        self, at: datetime, host: str, user: str, *, kind: int, source: str, failed: bool = False
    ) -> EventUid:
        """Security 4624 or 4625."""
        return self.security(
            at, host, 4625 if failed else 4624,
            TargetUserName=user, TargetDomainName=DOMAIN, LogonType=kind,
            IpAddress=source, AuthenticationPackageName="NTLM" if kind == 3 else "Kerberos",
        )  # fmt: skip

    def script(self, at: datetime, host: str, text: str) -> EventUid:
        """PowerShell 4104: a script block."""
        return self.windows(at, host, "Microsoft-Windows-PowerShell/Operational", 4104, {
            "ScriptBlockText": text, "Path": "",
        })  # fmt: skip

    def service(self, at: datetime, host: str, name: str, path: str) -> EventUid:
        """System 7045: a service is installed."""
        return self.windows(at, host, "System", 7045, {
            "Provider_Name": "Service Control Manager", "ServiceName": name, "ImagePath": path,
            "StartType": "demand start", "AccountName": "LocalSystem",
        })  # fmt: skip

    def network(
        self, at: datetime, kind: str, source: str, target: str, more: Mapping[str, Scalar]
    ) -> EventUid:
        """Suricata: one EVE record."""
        fields: dict[str, Scalar] = {
            "event_type": kind, "timestamp": at.isoformat(), "src_ip": source, "dest_ip": target,
            "proto": "UDP" if kind == "dns" else "TCP", **more,
        }  # fmt: skip
        return self._keep(make(SourceKind.SURICATA, at, kind, fields, host=source, user=None))

    def dns(self, at: datetime, source: str, name: str, kind: str = "A") -> EventUid:
        """Look a name up."""
        return self.network(
            at, "dns", source, "10.20.0.10",
            {"dns.type": "query", "dns.rrname": name, "dns.rrtype": kind},
        )  # fmt: skip

    def http(
        self, at: datetime, source: str, target: str, site: str, url: str, *,
        agent: str = _AGENT, method: str = "GET", size: int = 5000,
    ) -> EventUid:  # fmt: skip
        """Ask a web server."""
        return self.network(
            at, "http", source, target,
            {"http.hostname": site, "http.url": url, "http.http_user_agent": agent,
               "http.http_method": method, "http.status": 200, "http.length": size},
        )  # fmt: skip

    def flow(self, at: datetime, source: str, target: str, port: int, size: int) -> EventUid:
        """Count what flowed."""
        return self.network(
            at, "flow", source, target,
            {"dest_port": port, "flow.bytes_toserver": size, "app_proto": "tls"},
        )  # fmt: skip

    def alert(self, at: datetime, source: str, target: str, words: str, severity: int) -> EventUid:
        """Let the sensor raise an alert."""
        return self.network(
            at, "alert", source, target,
            {"alert.signature": words, "alert.severity": severity},
        )  # fmt: skip

    def audit(
        self, at: datetime, user: str, command: str, exe: str, *, key: str = "exec"
    ) -> EventUid:
        """Let the file server's kernel tell of a command."""
        fields: dict[str, Scalar] = {
            "type": "SYSCALL", "syscall": "59", "exe": exe, "comm": exe.rpartition("/")[2],
            "command": command, "acct": user, "key": key, "node": "fs-01", "success": "yes",
        }  # fmt: skip
        for place, word in enumerate(command.split(" ")):
            fields[f"a{place}"] = word
        return self._keep(make(SourceKind.AUDITD, at, "SYSCALL", fields, host="fs-01", user=user))

    def cloud(
        self, at: datetime, user: str, service: str, name: str, source: str, **more: Scalar
    ) -> EventUid:
        """Let the cloud's trail tell of a call."""
        fields: dict[str, Scalar] = {
            "eventTime": at.isoformat(), "eventSource": f"{service}.amazonaws.com",
            "eventName": name, "sourceIPAddress": source, "userIdentity.userName": user,
            "userIdentity.type": "IAMUser", "awsRegion": "eu-central-1", **more,
        }  # fmt: skip
        return self._keep(make(SourceKind.CLOUDTRAIL, at, name, fields, host=source, user=user))

    def _keep(self, event: Event) -> EventUid:
        self.events.append(event)
        return event.uid


def address_of(host: str) -> str:
    """Return the address of a host of the office."""
    fixed = {"dc-01": "10.20.0.10", "fs-01": "10.20.0.20", "web-01": "10.20.0.30"}
    return fixed.get(host) or f"10.20.1.{10 + int(host.rpartition('-')[2])}"
