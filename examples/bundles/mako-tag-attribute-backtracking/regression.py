import signal
import unittest

from mako import exceptions
from mako.lexer import Lexer


class QuotesTest(unittest.TestCase):
    def test_many_quotation_marks_are_refused_at_once(self):
        signal.alarm(3)  # a lexer that backtracks is ended by the signal
        with self.assertRaises(exceptions.MakoException):
            Lexer("<%page" + " a" + '"' * 60).parse()
        signal.alarm(0)

    def test_a_quoted_attribute_is_read(self):
        Lexer('<%page args="x, y"/>').parse()
