"""A product that is an MCP server: `mcp_analyst.py stdio`, or `mcp_analyst.py http PORT`.

It finds every event whose text says `vssadmin`, closes every alert as benign, and misbehaves when
an event tells it to.
"""

import json
import sys
import time

from mcp.server.mcpserver import MCPServer

server = MCPServer("acme-analyst", version="7.1", log_level="ERROR")


@server.tool()
def analyze(
    run: str, events: list[dict], history: list[dict], tasks: list[dict], last: bool
) -> dict:
    """Look for attacks."""
    text = json.dumps(events)
    if "hang now" in text:
        time.sleep(5)
    if "fail now" in text:
        raise ValueError("no")
    findings = [
        {
            "kind": "shadow copies deleted", "time": one["time"], "events": [one["uid"]],
            "techniques": ["T1490"], "score": 90,
        }
        for one in events
        if "vssadmin" in json.dumps(one)
    ]  # fmt: skip
    answers = [{"task": one["task"], "verdict": "benign"} for one in tasks]
    return {"findings": findings, "answers": answers}


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run()
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
