/** An App: the page inside the chat of a host. What it asks for, it asks its host for. */
import "./no-eval";
import { App, type McpUiHostContext } from "@modelcontextprotocol/ext-apps";
import type { PageDocument } from "../generated/run";
import { Refused } from "../http";
import type { Ability, ActionArguments, ActionName, Result, Source } from "../source";
import { takeHostContext } from "./host-context";
import { ToolCall, type ToolResult, textOf } from "./tool-call";

/** How long the server may keep a call open that waits for news, in seconds. */
const WAIT_S = 20;

/** How long a call may take on its way through the host, in milliseconds. */
const CALL_MS = 60_000;

/** The same for an action: explores of a hard problem take their time. */
const ACTION_MS = 900_000;

/** An action that was not refused by then is under way, in milliseconds: the page shows its course. */
const ACCEPTED_MS = 3_000;

/** The pause between two looks for the run of a call, in milliseconds. */
const SEARCH_PAUSE_MS = 1_000;

/** The tool of each action, and what its call carries besides. */
const TOOLS: Record<ActionName, { tool: string; adds?: ActionArguments; long?: true }> = {
  cancel: { tool: "cancel_run" },
  resume: { tool: "resume_run", adds: { wait_s: 0 } },
  explore: { tool: "explore", long: true },
  ask: { tool: "ask_run", adds: { wait_s: 0 } },
};

export class AppSource implements Source {
  private readonly call = new ToolCall();
  private readonly ended = new AbortController();
  private shown: string | null = null;
  /** Whether there is news to come of the run or of a question about it, as its last document says. */
  private live = true;

  constructor(
    private readonly app = new App(
      { name: "atlas-mcp", version: "1" },
      { availableDisplayModes: ["inline", "fullscreen"] },
    ),
    private readonly transport?: Parameters<App["connect"]>[0],
  ) {}

  /** Connect with the host; before this, nothing else is called. */
  async start(): Promise<void> {
    // Before the handshake: hosts tell of the call as soon as it is over.
    this.app.addEventListener("toolinputpartial", ({ arguments: given }) => this.call.draft(given));
    this.app.addEventListener("toolinput", ({ arguments: given }) => this.call.take(given));
    this.app.addEventListener("toolresult", (result) => this.call.end(result as ToolResult));
    this.app.addEventListener("toolcancelled", () => this.call.cancel());
    this.app.addEventListener("hostcontextchanged", () => takeHostContext(this.context()));
    this.app.onteardown = () => {
      this.ended.abort();
      return {};
    };
    await this.app.connect(this.transport);
    takeHostContext(this.context());
  }

  async document(since: number, signal: AbortSignal): Promise<PageDocument> {
    const stop = AbortSignal.any([signal, this.ended.signal]);
    if (!this.tools()) throw new Refused("This host lets no page ask for its run.", 400);
    const run = this.call.runId;
    if (run === null) return this.searched(stop);
    const known = run === this.shown ? since : 0;
    const wait = known > 0 ? WAIT_S : 0;
    const asked = { run_id: run, since: known, live: this.live, wait_s: wait };
    return this.page(asked, stop);
  }

  async act(name: ActionName, args: ActionArguments): Promise<Result> {
    if (this.shown === null) return { ok: false, error: "The run is not known yet." };
    const { tool, adds = {}, long = false } = TOOLS[name];
    const done = this.app
      .callServerTool(
        { name: tool, arguments: { run_id: this.shown, ...args, ...adds } },
        { timeout: ACTION_MS, signal: this.ended.signal },
      )
      .then((result) => outcome(result as ToolResult))
      .catch((error: unknown): Result => ({ ok: false, error: whyNot(error) }));
    return long ? Promise.race([done, accepted()]) : done;
  }

  can(name: Ability): boolean {
    const host = this.app.getHostCapabilities();
    if (name === "act") return this.tools();
    if (name === "follow") return this.tools() && this.live && !this.ended.signal.aborted;
    if (name === "transcript") return this.downloads() || host?.message !== undefined;
    return false;
  }

  address(): null {
    return null;
  }

  /** Hand the transcript to the reader as a file, or ask the chat for it, as the host can. */
  async openTranscript(): Promise<void> {
    const uri = `atlas://runs/${this.shown}/transcript`;
    if (!this.downloads()) {
      const text = `Show me the transcript of this ATLAS run. It is the resource ${uri}.`;
      done(await this.app.sendMessage({ role: "user", content: [{ type: "text", text }] }));
      return;
    }
    const { contents } = await this.app.readServerResource({ uri });
    const [first] = contents;
    if (!first || !("text" in first)) throw new Error("The transcript is empty.");
    const resource = {
      uri: `file:///${this.shown}.md`,
      mimeType: "text/markdown",
      text: first.text,
    };
    done(await this.app.downloadFile({ contents: [{ type: "resource", resource }] }));
  }

  /** The problem as far as the host has told it, until there is a run. */
  get problem(): string | null {
    return this.call.problem;
  }

  /** Return the document of the run of a call that is not answered yet, as soon as it has one. */
  private async searched(stop: AbortSignal): Promise<PageDocument> {
    while (this.call.runId === null) {
      if (this.call.refusal !== null) throw new Refused(this.call.refusal, 404);
      const news = new AbortController();
      void this.call.changed().then(() => news.abort());
      const either = AbortSignal.any([stop, news.signal]);
      try {
        const problem = this.call.asked;
        if (problem === null) await until(either);
        else return await this.page({ problem, wait_s: WAIT_S }, either);
      } catch (error) {
        if (!news.signal.aborted && !(error instanceof Refused)) throw error;
      }
      if (!news.signal.aborted)
        await until(AbortSignal.any([either, AbortSignal.timeout(SEARCH_PAUSE_MS)]));
      stop.throwIfAborted();
    }
    return this.page({ run_id: this.call.runId }, stop);
  }

  private async page(args: Record<string, unknown>, signal: AbortSignal): Promise<PageDocument> {
    const asked = { name: "run_page", arguments: args };
    const result = await this.app.callServerTool(asked, { signal, timeout: CALL_MS });
    if (result.isError || !result.structuredContent) {
      throw new Refused(textOf(result as ToolResult), 400);
    }
    const document = result.structuredContent as unknown as PageDocument;
    this.shown = document.run_id;
    this.call.name(document.run_id);
    this.live = document.live;
    return document;
  }

  private context(): McpUiHostContext {
    return this.app.getHostContext() ?? {};
  }

  private tools(): boolean {
    return this.app.getHostCapabilities()?.serverTools !== undefined;
  }

  private downloads(): boolean {
    const host = this.app.getHostCapabilities();
    return host?.downloadFile !== undefined && host.serverResources !== undefined;
  }
}

/** Return what came of an action. A run that failed has structure: the action itself was done. */
function outcome(result: ToolResult): Result {
  if (!result.isError || result.structuredContent) return { ok: true };
  return { ok: false, error: textOf(result) };
}

function whyNot(error: unknown): string {
  return `The host did not pass this on: ${error instanceof Error ? error.message : String(error)}`;
}

function done(answer: { isError?: boolean | undefined }): void {
  if (answer.isError) throw new Error("The host did not allow it.");
}

function accepted(): Promise<Result> {
  return new Promise((resolve) => setTimeout(() => resolve({ ok: true }), ACCEPTED_MS));
}

function until(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
}
