"""An agent of LangChain with the tools of `langchain-mcp-adapters`.

They are had in one of two ways: over one session, or, as `get_tools` of the adapter gives them,
with a server of its own for every call. Reads its orders from argv as JSON and prints the model's
last words.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from datetime import timedelta

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from langchain_openai import ChatOpenAI

orders = json.loads(sys.argv[1])


async def main():
    patience = orders["timeout"]
    server = {"transport": "stdio", **orders["server"]}
    if patience:
        server["session_kwargs"] = {"read_timeout_seconds": timedelta(seconds=patience)}
    client = MultiServerMCPClient({"atlas": server})
    model = ChatOpenAI(model="host", base_url=f"{orders['url']}/v1", api_key="none")
    async with AsyncExitStack() as stack:
        if orders["each"]:
            tools = await client.get_tools()
        else:
            tools = await load_mcp_tools(await stack.enter_async_context(client.session("atlas")))
        agent = create_agent(model, tools)
        ended = await agent.ainvoke({"messages": [("user", orders["prompt"])]})
    print(ended["messages"][-1].text)


asyncio.run(main())
