import ujson

print(len(ujson.dumps([[0]], indent=70000)))
