import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pysequoia
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhouse.formats import openpgp_mail, openpgp_signing

NOW = datetime(2026, 11, 27, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)


def verified(certificate, signature, data):
    cert = pysequoia.Cert.from_bytes(certificate.encode())
    sig = pysequoia.Sig.from_bytes(signature.encode())
    return pysequoia.verify(bytes=data, store=lambda _: [cert], signature=sig).valid_sigs


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.text(max_size=30), st.binary(max_size=99))
def test_another_implementation_reads_the_certificate_and_verifies_what_it_signed(seed, name, data):
    key = Ed25519PrivateKey.from_private_bytes(seed)
    certificate = openpgp_signing.certificate(key, name)
    found = pysequoia.Cert.from_bytes(certificate.encode())
    assert found.fingerprint.upper() == openpgp_signing.fingerprint(key.public_key())
    [valid] = verified(certificate, openpgp_signing.sign(key, data, NOW), data)
    assert valid.certificate == found.fingerprint


def test_changed_bytes_do_not_verify():
    certificate = openpgp_signing.certificate(KEY, "House")
    with pytest.raises(RuntimeError):
        verified(certificate, openpgp_signing.sign(KEY, b"a", NOW), b"b")


def test_equal_input_gives_equal_bytes_and_no_signature_is_older_than_its_key():
    early = openpgp_signing.BORN - timedelta(days=9)
    signed = openpgp_signing.sign(KEY, b"a", early)
    assert signed == openpgp_signing.sign(KEY, b"a", openpgp_signing.BORN)
    assert pysequoia.Sig.from_bytes(signed.encode()).created == openpgp_signing.BORN


def test_the_certificate_encrypts_nothing():
    with pytest.raises(openpgp_mail.OpenPgpError, match="nothing can be encrypted"):
        openpgp_mail.certificate(openpgp_signing.certificate(KEY, "House").encode(), NOW)


def test_gnupg_verifies_it(tmp_path):
    gpg = shutil.which("gpg")
    if gpg is None:
        pytest.skip("GnuPG is not installed")
    (tmp_path / "key").write_text(openpgp_signing.certificate(KEY, "House Ü"))
    (tmp_path / "sig").write_text(openpgp_signing.sign(KEY, b"hello", NOW))
    (tmp_path / "data").write_bytes(b"hello")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    for command in (["--import", "key"], ["--verify", "sig", "data"]):
        subprocess.run(
            [gpg, "--batch", "--no-autostart", "--homedir", str(home), *command],
            cwd=tmp_path, check=True, capture_output=True, timeout=20,
        )  # fmt: skip
