"""An agent of Pydantic AI with its toolset of an MCP server.

Reads its orders from argv as JSON and prints the model's last words.
"""

import asyncio
import json
import sys

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

orders = json.loads(sys.argv[1])
server = orders["server"]


async def main():
    patience = {"read_timeout": orders["timeout"]} if orders["timeout"] else {}
    transport = StdioTransport(server["command"], server["args"], env=server["env"])
    provider = OpenAIProvider(base_url=f"{orders['url']}/v1", api_key="none")
    agent = Agent(
        OpenAIChatModel("host", provider=provider),
        toolsets=[MCPToolset(transport, **patience)],
    )
    print((await agent.run(orders["prompt"])).output)


asyncio.run(main())
