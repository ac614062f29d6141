from twisted.web.test.requesthelper import DummyRequest
from twisted.web.util import redirectTo

print(redirectTo(b'https://here.invalid/"><script>run()</script>', DummyRequest([b""])).decode())
