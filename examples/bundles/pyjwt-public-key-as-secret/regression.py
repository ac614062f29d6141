import unittest

from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import InvalidKeyError


class SecretTest(unittest.TestCase):
    def test_a_public_key_is_no_secret(self):
        for kind in (b"ecdsa-sha2-nistp256", b"ssh-ed25519"):
            with self.assertRaises(InvalidKeyError):
                HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(kind + b" AAAAE2VjZHNhLXNoYQ==")

    def test_a_phrase_is_a_secret(self):
        self.assertEqual(HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key("a phrase"), b"a phrase")
