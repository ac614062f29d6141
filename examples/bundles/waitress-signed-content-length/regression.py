import unittest

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser


class LengthTest(unittest.TestCase):
    def refused(self, length):
        parser = HTTPRequestParser(Adjustments())
        lines = ("PUT /file HTTP/1.1", "Host: here", f"Content-Length: {length}", "", "body")
        parser.received("\r\n".join(lines).encode())
        return parser.error is not None

    def test_a_length_with_a_sign_is_refused(self):
        self.assertTrue(self.refused("+4"))

    def test_a_plain_length_is_taken(self):
        self.assertFalse(self.refused("4"))
