"""Readers: bytes of any known format in, drafts of reports or a refusal out."""

from clearhouse.clearing.intake.readers.result import (
    Fault,
    Format,
    Reading,
    ReadRefusal,
    ReadResult,
)
from clearhouse.clearing.intake.readers.sniff import read

__all__ = ["Fault", "Format", "ReadRefusal", "ReadResult", "Reading", "read"]
