// @vitest-environment happy-dom
import { InMemoryTransport } from "@modelcontextprotocol/client";
import { App } from "@modelcontextprotocol/ext-apps";
import { AppBridge, type McpUiHostCapabilities } from "@modelcontextprotocol/ext-apps/app-bridge";
import { expect, test } from "vitest";
import { AppSource } from "../src/sources/app";

interface Asked {
  name: string;
  arguments: Record<string, unknown>;
  signal: AbortSignal;
}

type Answer = Record<string, unknown>;

const NOTHING = new AbortController().signal;

/** A host of the kit, whose tools a test plays. */
async function hosted(
  answer: (asked: Asked) => Promise<Answer> | Answer,
  capabilities: McpUiHostCapabilities = { serverTools: {} },
) {
  const [here, there] = InMemoryTransport.createLinkedPair();
  const context = { theme: "dark" as const, displayMode: "inline" as const };
  const bridge = new AppBridge(null, { name: "host", version: "1" }, capabilities, {
    hostContext: context,
  });
  const asked: Asked[] = [];
  let open = 0;
  let most = 0;
  bridge.oncalltool = async ({ name, arguments: given = {} }, extra) => {
    const one = { name, arguments: given, signal: extra.mcpReq.signal };
    asked.push(one);
    open += 1;
    most = Math.max(most, open);
    try {
      return (await answer(one)) as never;
    } finally {
      open -= 1;
    }
  };
  await bridge.connect(there);
  const source = new AppSource(
    new App({ name: "page", version: "1" }, {}, { autoResize: false }),
    here,
  );
  await source.start();
  return { bridge, source, asked, most: () => most };
}

function page(run: string, more: Record<string, unknown> = {}): Answer {
  const structuredContent = { run_id: run, version: 3, live: true, questions: [], ...more };
  return { content: [{ type: "text", text: "Run." }], structuredContent };
}

function refused(text: string): Answer {
  return { content: [{ type: "text", text }], isError: true };
}

function silent(signal: AbortSignal): Promise<Answer> {
  return new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(new Error("cancelled"))),
  );
}

test("the run of a result is drawn, and followed from the version that is shown", async () => {
  const { bridge, source, asked } = await hosted(() => page("r1"));
  await bridge.sendToolResult(page("r1") as never);

  await source.document(0, NOTHING);
  await source.document(3, NOTHING);

  expect(asked.map((one) => one.arguments)).toEqual([
    { run_id: "r1", since: 0, live: true, wait_s: 0 },
    { run_id: "r1", since: 3, live: true, wait_s: 20 },
  ]);
  expect(document.documentElement.dataset.theme).toBe("dark");
});

test("a call that is not answered yet is searched by its problem", async () => {
  let looks = 0;
  const { bridge, source, asked } = await hosted(() =>
    ++looks === 1 ? refused("problem: has no run under way") : page("r2"),
  );
  await bridge.sendToolInputPartial({ arguments: { problem: "How ma" } });
  await bridge.sendToolInput({ arguments: { problem: "How many?" } });

  const shown = await source.document(0, NOTHING);

  expect(shown.run_id).toBe("r2");
  expect(asked.map((one) => one.arguments.problem)).toEqual(["How many?", "How many?"]);
});

test("a result that comes while its run is searched ends the search", async () => {
  const { bridge, source, asked } = await hosted((one) =>
    one.arguments.problem ? silent(one.signal) : page("r3"),
  );
  await bridge.sendToolInput({ arguments: { problem: "How many?" } });
  const shown = source.document(0, NOTHING);
  await expect.poll(() => asked.length).toBe(1);

  await bridge.sendToolResult(page("r3") as never);

  expect((await shown).run_id).toBe("r3");
  expect(asked[0]?.signal.aborted).toBe(true);
});

test("a host that hands on text alone names the run by it", async () => {
  const { bridge, source, asked } = await hosted(() => page("abc-123"));
  const text = "Running. Call get_run with run_id='abc-123'.";
  await bridge.sendToolResult({ content: [{ type: "text", text }] });

  await source.document(0, NOTHING);

  expect(asked[0]?.arguments.run_id).toBe("abc-123");
});

test("a call that was refused says why", async () => {
  const { bridge, source } = await hosted(() => page("r1"));
  await bridge.sendToolResult(refused("problem: is empty") as never);

  await expect(source.document(0, NOTHING)).rejects.toThrow("problem: is empty");
});

test("each action calls its tool with the run", async () => {
  const { bridge, source, asked } = await hosted(() => page("r1"));
  await bridge.sendToolResult(page("r1") as never);
  await source.document(0, NOTHING);

  await source.act("cancel", {});
  await source.act("resume", { max_explores: 9 });
  await source.act("explore", { count: 2 });
  await source.act("ask", { question: "Why not 17?" });

  expect(asked.slice(1).map(({ name, arguments: given }) => [name, given])).toEqual([
    ["cancel_run", { run_id: "r1" }],
    ["resume_run", { run_id: "r1", max_explores: 9, wait_s: 0 }],
    ["explore", { run_id: "r1", count: 2 }],
    ["ask_run", { run_id: "r1", question: "Why not 17?", wait_s: 0 }],
  ]);
});

test("an action that is refused says why, and a run that failed is none", async () => {
  const failed = { ...page("r1"), isError: true };
  const { bridge, source } = await hosted(({ name }) => {
    if (name === "resume_run") return refused("max_explores: is 0");
    return name === "cancel_run" ? failed : page("r1");
  });
  await bridge.sendToolResult(page("r1") as never);
  await source.document(0, NOTHING);

  expect(await source.act("resume", {})).toEqual({ ok: false, error: "max_explores: is 0" });
  expect(await source.act("cancel", {})).toEqual({ ok: true });
});

test("once its run has ended, the page follows no more", async () => {
  const { bridge, source } = await hosted(() => page("r1", { live: false }));
  await bridge.sendToolResult(page("r1") as never);
  expect(source.can("follow")).toBe(true);

  await source.document(0, NOTHING);

  expect(source.can("follow")).toBe(false);
});

test("a question about a run that has ended is followed until it is answered", async () => {
  let state = "asked";
  const { bridge, source } = await hosted(() =>
    page("r1", { live: state === "asked", questions: [{ state }] }),
  );
  await bridge.sendToolResult(page("r1") as never);

  await source.document(0, NOTHING);
  expect(source.can("follow")).toBe(true);
  state = "answered";
  await source.document(3, NOTHING);

  expect(source.can("follow")).toBe(false);
});

test("teardown ends the call that is open, and asks for nothing more", async () => {
  const { bridge, source, asked, most } = await hosted((one) =>
    one.arguments.since ? silent(one.signal) : page("r1"),
  );
  await bridge.sendToolResult(page("r1") as never);
  await source.document(0, NOTHING);
  const waiting = source.document(3, NOTHING);
  const outcome = expect(waiting).rejects.toThrow();
  await expect.poll(() => asked.length).toBe(2);

  await bridge.teardownResource({});

  await outcome;
  expect(source.can("follow")).toBe(false);
  await expect(source.document(3, NOTHING)).rejects.toThrow();
  expect(asked.filter((one) => !one.signal.aborted).length).toBe(1);
  expect(most()).toBe(1);
});

test("a host that passes nothing on is told so", async () => {
  const { bridge, source } = await hosted(() => page("r1"), {});
  await bridge.sendToolResult(page("r1") as never);

  expect(source.can("act")).toBe(false);
  expect(source.can("transcript")).toBe(false);
  await expect(source.document(0, NOTHING)).rejects.toThrow("no page");
});

test("the transcript is a file where the host can, else a message to the chat", async () => {
  const whole = { serverTools: {}, serverResources: {}, downloadFile: {} };
  const files = await hosted(() => page("r1"), whole);
  const saved: unknown[] = [];
  files.bridge.onreadresource = async ({ uri }) => ({ contents: [{ uri, text: "# Run" }] });
  files.bridge.ondownloadfile = async ({ contents }) => ({ kept: saved.push(...contents) });
  await files.bridge.sendToolResult(page("r1") as never);
  await files.source.document(0, NOTHING);

  await files.source.openTranscript();

  expect(saved).toMatchObject([{ resource: { text: "# Run", mimeType: "text/markdown" } }]);

  const chat = await hosted(() => page("r1"), { serverTools: {}, message: {} });
  const messages: unknown[] = [];
  chat.bridge.onmessage = async ({ content }) => ({ kept: messages.push(...content) });
  await chat.bridge.sendToolResult(page("r1") as never);
  await chat.source.document(0, NOTHING);

  await chat.source.openTranscript();

  expect(JSON.stringify(messages)).toContain("atlas://runs/r1/transcript");
});
