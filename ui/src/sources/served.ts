/** A page of a server: the document by long polls, actions by POST. */
import type { PageDocument } from "../generated/run";
import { getJson, postJson, Refused } from "../http";
import type { ActionArguments, ActionName, Result, Source } from "../source";

/** How long the server may keep a request open that waits for news, in seconds. */
const WAIT_S = 25;

export class ServedSource implements Source {
  /** What the last document said: the server answers at once where it knows better. */
  private live = false;

  constructor(
    private readonly runId: string,
    private readonly token: string,
  ) {}

  async document(since: number, signal: AbortSignal): Promise<PageDocument> {
    const wanted = since > 0 ? `since=${since}&wait_s=${WAIT_S}&live=${this.live}` : "since=0";
    const news = await getJson<PageDocument>(`${this.api()}?${wanted}`, signal);
    this.live = news.live;
    return news;
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

  can(): boolean {
    return true;
  }

  address(of: "transcript" | "file"): string {
    return `/runs/${encodeURIComponent(this.runId)}/${of}`;
  }

  private api(): string {
    return `/api/runs/${encodeURIComponent(this.runId)}`;
  }
}
