/** A page of a server that answers from a test. */
import { type ComponentChild, render } from "preact";
import { afterEach, beforeEach, vi } from "vitest";

export interface Request {
  address: URL;
  signal: AbortSignal;
}

export interface Served {
  /** Where the page is drawn. */
  place: HTMLElement;
  /** What was asked for, in order. */
  asked: Request[];
  /** Gives the document, or fails. */
  reply: (address: URL) => unknown;
  /** Draw a page, and let what is under way come to rest. */
  show(page: ComponentChild): Promise<void>;
  /** Let time go by: effects run after a frame, replies after a few turns. */
  rest(milliseconds?: number): Promise<void>;
}

/** Serve the page of each test of a file, at an address of its own, in time that is not real. */
export function served(path: string, reply: (address: URL) => unknown): Served {
  const rest = async (milliseconds = 0) => {
    await vi.advanceTimersByTimeAsync(milliseconds + 50);
  };
  const all: Served = {
    place: document.createElement("div"),
    asked: [],
    reply,
    rest,
    async show(page) {
      render(page, all.place);
      await rest();
    },
  };
  beforeEach(() => {
    vi.useFakeTimers();
    all.asked = [];
    all.reply = reply;
    history.replaceState(null, "", path);
    vi.stubGlobal("fetch", async (to: string, { signal }: { signal: AbortSignal }) => {
      const address = new URL(to, "http://127.0.0.1");
      all.asked.push({ address, signal });
      const answer = await all.reply(address);
      return answer instanceof Response ? answer : Response.json(answer);
    });
    document.body.append(all.place);
  });
  afterEach(() => {
    render(null, all.place);
    all.place.remove();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
  return all;
}
