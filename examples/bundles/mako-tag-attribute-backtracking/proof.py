import contextlib
import sys

from mako import exceptions
from mako.lexer import Lexer

template = "<%page" + " a" + chr(34) * int(sys.argv[1])
with contextlib.suppress(exceptions.MakoException):
    Lexer(template).parse()
