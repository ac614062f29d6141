import sys

import requests

session = requests.Session()
session.trust_env = False
prepared = session.prepare_request(requests.Request("GET", "https://shop.invalid/cart"))
session.rebuild_proxies(prepared, {"https": "http://someone:secret@127.0.0.1:9"})
sys.exit(42 if "Proxy-Authorization" in prepared.headers else 0)
