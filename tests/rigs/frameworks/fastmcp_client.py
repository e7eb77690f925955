"""The client of FastMCP under a bare loop: the model's calls are made, and it gets the texts.

Reads its orders from argv as JSON and prints the model's last words.
"""

import asyncio
import json
import sys
import urllib.request

from fastmcp import Client
from fastmcp.client.transports import StdioTransport

orders = json.loads(sys.argv[1])
server = orders["server"]


def asked(messages, tools):
    body = json.dumps({"model": "host", "messages": messages, "tools": tools}).encode()
    request = urllib.request.Request(
        f"{orders['url']}/v1/chat/completions", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)["choices"][0]["message"]


async def called(client, call):
    function = call["function"]
    try:
        result = await client.call_tool(
            function["name"],
            json.loads(function["arguments"]),
            timeout=orders["timeout"],
            raise_on_error=False,
        )
        # Read by the output schema; where that cannot be, there is only the bare structure.
        assert result.is_error or hasattr(result.data, "run_id"), result
        text = "\n".join(block.text for block in result.content)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
    return {"role": "tool", "tool_call_id": call["id"], "content": text}


async def main():
    transport = StdioTransport(server["command"], server["args"], env=server["env"])
    async with Client(transport) as client:
        tools = [
            {
                "type": "function",
                "function": {
                    "name": one.name,
                    "description": one.description,
                    "parameters": one.input_schema,
                },
            }
            for one in await client.list_tools()
        ]
        messages = [{"role": "user", "content": orders["prompt"]}]
        while True:
            said = await asyncio.to_thread(asked, messages, tools)
            messages.append(said)
            if not said.get("tool_calls"):
                print(said["content"])
                return
            messages += await asyncio.gather(*(called(client, one) for one in said["tool_calls"]))


asyncio.run(main())
