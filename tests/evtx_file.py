"""Writes small EVTX files, so that reading them is tested on files of our own.

Only what a reader needs: one chunk for each list of events, every element spelt out, no templates.
Source: libyal's description of the Windows XML Event Log format (EVTX).
"""

import struct
import zlib
from datetime import UTC, datetime, timedelta

_CHUNK, _CHUNK_HEADER, _FILE_HEADER = 0x10000, 512, 4096
_FRAGMENT, _OPEN, _CLOSE_START, _END, _TEXT, _ATTRIBUTE, _EOF = (
    0x0F,
    0x01,
    0x02,
    0x04,
    0x05,
    0x06,
    0,
)
_WITH_MORE = 0x40
_1601 = datetime(1601, 1, 1, tzinfo=UTC)


def evtx(*chunks):
    """Return a file whose chunks hold these events, each `(time, number, channel, data)`."""
    count, made = 0, []
    for events in chunks:
        made.append(_chunk(events, count + 1))
        count += len(events)
    head = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, max(0, len(made) - 1), count + 1, 128, 1, 3,
                       _FILE_HEADER, len(made))  # fmt: skip
    head = head.ljust(120, b"\0")
    head += struct.pack("<II", 0, zlib.crc32(head))
    return head.ljust(_FILE_HEADER, b"\0") + b"".join(made)


def _chunk(events, first):
    body, last = b"", 0
    for number, one in enumerate(events, first):
        last = _CHUNK_HEADER + len(body)
        body += _record(number, last, *one)
    end = _CHUNK_HEADER + len(body)
    final = first + len(events) - 1
    head = struct.pack("<8sQQQQIIII", b"ElfChnk\0", first, final, first, final, 128, last, end,
                       zlib.crc32(body))  # fmt: skip
    return (head.ljust(_CHUNK_HEADER, b"\0") + body).ljust(_CHUNK, b"\0")


def _record(number, offset, at, event_id, channel, data):
    ticks = (at - _1601) // timedelta(microseconds=1) * 10
    xml = _Xml(offset + 24)
    xml.raw(struct.pack("<BBBB", _FRAGMENT, 1, 1, 0))
    with_data = [("Data", {"Name": name}, value) for name, value in data.items()]
    xml.element("Event", {}, [
        ("System", {}, [
            ("Provider", {"Name": "Microsoft-Windows-Sysmon"}, ""),
            ("EventID", {}, str(event_id)),
            ("TimeCreated", {"SystemTime": at.isoformat()}, ""),
            ("Channel", {}, channel),
            ("Computer", {}, "ws-01"),
        ]),
        ("EventData", {}, with_data),
    ])  # fmt: skip
    xml.raw(bytes([_EOF]))
    size = 24 + len(xml.data) + 4
    return (
        struct.pack("<4sIQQ", b"**\0\0", size, number, ticks) + xml.data + struct.pack("<I", size)
    )


class _Xml:
    """Binary XML that knows where in the chunk it stands."""

    def __init__(self, start):
        self._start, self.data = start, b""

    def raw(self, data):
        self.data += data

    def element(self, name, attributes, inside):
        self.raw(bytes([_OPEN | (_WITH_MORE if attributes else 0)]))
        size_at = len(self.data)
        self.raw(b"\0" * 4)
        self._name(name)
        if attributes:
            list_at = len(self.data)
            self.raw(b"\0" * 4)
            for place, (key, value) in enumerate(attributes.items(), 1):
                more = _WITH_MORE if place < len(attributes) else 0
                self.raw(bytes([_ATTRIBUTE | more]))
                self._name(key)
                self._text(value)
            self._size(list_at)
        self.raw(bytes([_CLOSE_START]))
        if isinstance(inside, str):
            self._text(inside)
        else:
            for one in inside:
                self.element(*one)
        self.raw(bytes([_END]))
        self._size(size_at)

    def _name(self, name):
        self.raw(struct.pack("<I", self._start + len(self.data) + 4))
        self.raw(struct.pack("<IHH", 0, 0, len(name)) + name.encode("utf-16-le") + b"\0\0")

    def _text(self, value):
        text = value.encode("utf-16-le")
        self.raw(struct.pack("<BBH", _TEXT, 1, len(value)) + text)

    def _size(self, at):
        size = struct.pack("<I", len(self.data) - at - 4)
        self.data = self.data[:at] + size + self.data[at + 4 :]
