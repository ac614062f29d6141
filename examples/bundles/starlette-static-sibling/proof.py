import asyncio
from pathlib import Path

from starlette.staticfiles import StaticFiles

Path("/tmp/open").mkdir()
Path("/tmp/open-not.txt").write_text("canary-52c0\n")


async def main():
    sent = []

    async def send(message):
        sent.append(message.get("body", b""))

    async def receive():
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "path": "/../open-not.txt", "headers": []}
    try:
        await StaticFiles(directory="/tmp/open")(scope, receive, send)
    except Exception as error:
        print("refused:", type(error).__name__)
    print(b"".join(sent).decode())


asyncio.run(main())
