"""An agent of the OpenAI Agents SDK, whose model is asked over the Responses API.

Reads its orders from argv as JSON and prints the model's last words.
"""

import asyncio
import json
import sys

from agents import Agent, OpenAIResponsesModel, Runner, set_tracing_disabled
from agents.mcp import MCPServerStdio
from openai import AsyncOpenAI

orders = json.loads(sys.argv[1])


async def main():
    set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=f"{orders['url']}/v1", api_key="none")
    model = OpenAIResponsesModel(model="host", openai_client=client)
    patience = {"client_session_timeout_seconds": orders["timeout"]} if orders["timeout"] else {}
    async with MCPServerStdio(params=orders["server"], **patience) as server:
        agent = Agent(name="rig", model=model, mcp_servers=[server])
        print((await Runner.run(agent, orders["prompt"], max_turns=100)).final_output)


asyncio.run(main())
