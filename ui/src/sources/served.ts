/** A page of a server: the document by long polls, actions by POST. */
import type { PageDocument } from "../generated/run";
import { getJson, postJson, Refused } from "../http";
import type { Ability, ActionArguments, ActionName, Result, Source } from "../source";

/** How long the server may keep a request open that waits for news, in seconds. */
const WAIT_S = 25;

const ABILITIES: readonly Ability[] = ["act", "follow", "copy", "transcript", "file", "list"];

export class ServedSource implements Source {
  constructor(
    private readonly runId: string,
    private readonly token: string,
  ) {}

  async start(): Promise<void> {}

  async document(since: number, signal: AbortSignal): Promise<PageDocument> {
    const wait = since > 0 ? WAIT_S : 0;
    return getJson<PageDocument>(`${this.api()}?since=${since}&wait_s=${wait}`, signal);
  }

  async act(name: ActionName, args: ActionArguments): Promise<Result> {
    try {
      await postJson(`${this.api()}/${name}`, this.token, args);
      return { ok: true };
    } catch (error) {
      if (error instanceof Refused) return { ok: false, error: error.message };
      return { ok: false, error: "The server does not answer. Is it still running?" };
    }
  }

  can(name: Ability): boolean {
    return ABILITIES.includes(name);
  }

  address(of: "transcript" | "file" | "list" | "stats"): string {
    if (of === "list") return "/runs";
    if (of === "stats") return "/stats";
    return `/runs/${encodeURIComponent(this.runId)}/${of}`;
  }

  private api(): string {
    return `/api/runs/${encodeURIComponent(this.runId)}`;
  }
}
