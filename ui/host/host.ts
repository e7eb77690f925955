/**
 * A host of MCP Apps, for tests: it calls a tool, and draws the tool's page in a sandboxed frame.
 *
 * A test drives it by `window.host`, and reads there what the page has asked for.
 */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  AppBridge,
  getToolUiResourceUri,
  isToolVisibilityAppOnly,
  type McpUiHostCapabilities,
  type McpUiHostContext,
  PostMessageTransport,
  RESOURCE_MIME_TYPE,
} from "@modelcontextprotocol/ext-apps/app-bridge";

const EXTENSION = "io.modelcontextprotocol/ui";

const CAPABILITIES: McpUiHostCapabilities = {
  serverTools: {},
  serverResources: {},
  openLinks: {},
  downloadFile: {},
  message: { text: {} },
};

type Given = Record<string, unknown>;

/** A call of the page that the host has passed on. */
interface Passed {
  tool: string;
  given: Given;
  open: boolean;
}

class Host {
  /** Calls of the page, as they came. */
  readonly passed: Passed[] = [];
  /** The most calls of `run_page` that were open at once. */
  mostOpen = 0;
  /** Messages to the chat, files and links that the page has asked for. */
  readonly asked: Given[] = [];
  /** The sizes that the page has told. */
  readonly sizes: Given[] = [];
  /** The tools that a model of this host would see. */
  tools: string[] = [];
  /** Whether the call has been answered. */
  answered = false;
  private readonly client = new Client(
    { name: "atlas-test-host", version: "1" },
    { capabilities: { extensions: { [EXTENSION]: { mimeTypes: [RESOURCE_MIME_TYPE] } } } },
  );
  private bridge: AppBridge | null = null;
  private uri: string | undefined;

  /** Connect to the server behind this page's own. */
  async connect(tool: string): Promise<void> {
    await this.client.connect(new StreamableHTTPClientTransport(new URL("/mcp", location.href)));
    const { tools } = await this.client.listTools();
    this.tools = tools.filter((one) => !isToolVisibilityAppOnly(one)).map((one) => one.name);
    const called = tools.find((one) => one.name === tool);
    this.uri = called && getToolUiResourceUri(called);
    if (!this.uri) throw new Error(`${tool} has no page`);
  }

  /** Draw the page of a tool, call the tool, and tell the page of its result. */
  async call(
    tool: string,
    given: Given,
    context: McpUiHostContext,
    sandbox?: string,
  ): Promise<void> {
    await this.connect(tool);
    await this.draw(context, sandbox);
    await this.bridge?.sendToolInput({ arguments: given });
    const options = { timeout: 600_000 };
    const result = await this.client.callTool({ name: tool, arguments: given }, options);
    this.answered = true;
    await this.bridge?.sendToolResult(result as never);
  }

  /** Change the place that the page has. */
  change(context: McpUiHostContext): void {
    this.bridge?.setHostContext(context);
  }

  /** Take the page away. */
  async teardown(): Promise<void> {
    await this.bridge?.teardownResource({});
    document.querySelector("iframe")?.remove();
  }

  private async draw(context: McpUiHostContext, sandbox?: string): Promise<void> {
    const { contents } = await this.client.readResource({ uri: this.uri ?? "" });
    const [page] = contents;
    if (!page || !("text" in page)) throw new Error("the page is no text");
    if (page.mimeType !== RESOURCE_MIME_TYPE) throw new Error(`the page is ${page.mimeType}`);
    const frame = document.createElement("iframe");
    frame.style.cssText = "border: 0; width: 100vw; height: 100vh; display: block";
    frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms");
    document.body.append(frame);
    const view = frame.contentWindow as Window;
    const bridge = this.bridged(context);
    const ready = new Promise<void>((resolve) => {
      bridge.addEventListener("sandboxready", () => resolve());
    });
    const drawn = new Promise<void>((resolve) => {
      bridge.addEventListener("initialized", () => resolve());
    });
    await bridge.connect(new PostMessageTransport(view, view));
    frame.src = sandboxAddress();
    await ready;
    await bridge.sendSandboxResourceReady({
      html: page.text,
      sandbox: sandbox ?? "allow-scripts",
      csp: (page._meta?.ui as { csp?: object } | undefined)?.csp ?? {},
    });
    await drawn;
  }

  private note(asked: Given): Given {
    this.asked.push(asked);
    return {};
  }

  private bridged(context: McpUiHostContext): AppBridge {
    // Without the client: the kit would pass calls on by itself, and they are to be counted.
    const bridge = new AppBridge(null, { name: "atlas-test-host", version: "1" }, CAPABILITIES, {
      hostContext: context,
    });
    this.bridge = bridge;
    bridge.oncalltool = async ({ name, arguments: given = {} }, extra) => {
      const one = { tool: name, given, open: true };
      this.passed.push(one);
      const open = this.passed.filter((each) => each.open && each.tool === "run_page").length;
      this.mostOpen = Math.max(this.mostOpen, open);
      try {
        const options = { signal: extra.mcpReq.signal, timeout: 600_000 };
        return (await this.client.callTool({ name, arguments: given }, options)) as never;
      } finally {
        one.open = false;
      }
    };
    bridge.onreadresource = async (params) => (await this.client.readResource(params)) as never;
    bridge.onmessage = async (params) => this.note({ ...params });
    bridge.onopenlink = async (params) => this.note({ ...params });
    bridge.ondownloadfile = async (params) => this.note({ ...params });
    bridge.onrequestdisplaymode = async ({ mode }) => ({ ...this.note({ mode }), mode });
    bridge.addEventListener("sizechange", (size) => this.sizes.push({ ...size }));
    return bridge;
  }
}

/** The sandbox, under this server's other name: another origin, as hosts have it. */
function sandboxAddress(): string {
  const address = new URL("/sandbox.html", location.href);
  address.hostname = address.hostname === "localhost" ? "127.0.0.1" : "localhost";
  return address.href;
}

declare global {
  interface Window {
    host: Host;
  }
}

window.host = new Host();
