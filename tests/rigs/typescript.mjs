// One client of the TypeScript SDK that asks for a long run, with the time-out it is given.
// Reads its orders from argv as JSON, writes one line of JSON a tool call, then the answer.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const orders = JSON.parse(process.argv[2]);
const require = createRequire(`${orders.folder}/package.json`);
const load = async (name) => import(pathToFileURL(require.resolve(name)).href);

const [{ Client }, { StdioClientTransport }] =
  orders.sdk === "v1"
    ? [
        await load("@modelcontextprotocol/sdk/client/index.js"),
        await load("@modelcontextprotocol/sdk/client/stdio.js"),
      ]
    : [await load("@modelcontextprotocol/client"), await load("@modelcontextprotocol/client/stdio")];

const client = new Client({ name: orders.name, version: "1.0.0" });
await client.connect(
  new StdioClientTransport({ command: orders.command, args: orders.args, env: process.env }),
);

// Without options the SDK gives up after its default time-out; nothing here asks for progress.
const options = orders.timeout === null ? [] : [{ timeout: orders.timeout }];
async function call(name, args) {
  const began = performance.now();
  const params = { name, arguments: args };
  const result =
    orders.sdk === "v1"
      ? await client.callTool(params, undefined, ...options)
      : await client.callTool(params, ...options);
  const seconds = (performance.now() - began) / 1000;
  if (result.isError) throw new Error(JSON.stringify(result.content));
  const view = result.structuredContent;
  console.log(JSON.stringify({ tool: name, seconds, status: view.status }));
  return view;
}

let view = await call("solve_with_atlas", { problem: orders.problem });
while (view.status === "running") {
  view = await call("get_run", { run_id: view.run_id });
}
console.log(JSON.stringify({ status: view.status, answer: view.answer, elapsed: view.elapsed_s }));
await client.close();
