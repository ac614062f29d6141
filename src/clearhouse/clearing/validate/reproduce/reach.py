"""Ask whether a registry answers at all, before tools wait minutes for one that does not.

Only the network's own answer counts: refused, no such host, no answer in time. A registry that
answers anything, an error or a certificate that nobody knows, is in reach, and what is wrong with
it is the tools' to say. The answer is remembered for half a minute.
"""

import ssl
import time
import urllib.error
import urllib.request
from functools import lru_cache

_ASK_S = 10
_REMEMBERED_S = 30


def out_of_reach(address: str) -> bool:
    """Say whether nobody answers at an address; other addresses than the web's are not asked."""
    if not address.startswith(("https://", "http://")):
        return False
    return _fails(address, int(time.monotonic() // _REMEMBERED_S))


@lru_cache(maxsize=8)
def _fails(address: str, _moment: int) -> bool:
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310  # see above
    try:
        urllib.request.urlopen(request, timeout=_ASK_S).close()  # noqa: S310  # see above
    except urllib.error.HTTPError:
        return False
    except urllib.error.URLError as error:
        return not isinstance(error.reason, ssl.SSLError)
    except (TimeoutError, ConnectionError):
        return True
    return False
