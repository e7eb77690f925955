/** Asking a server, again after a failure, and again when its answer has grown old. */
import { Refused } from "../http";
import { delay, pauseAfter, seen } from "../pauses";

export interface Asked<T> {
  /** The last answer: it stays while the next one is awaited, and after a failure. */
  answer: T | null;
  asking: boolean;
  trouble: Trouble | null;
}

export interface Trouble {
  /** Why there is no newer answer. */
  reason: string;
  /** The time of `Date.now()` of the next attempt; `null` for none. */
  againAt: number | null;
}

/**
 * Ask until the signal is aborted, or the server refuses.
 *
 * `freshFor` says for how many milliseconds an answer is good, `null` for ever; `onChange` is called
 * with each change of what is known.
 */
export async function ask<T>(
  question: (signal: AbortSignal) => Promise<T>,
  freshFor: (answer: T) => number | null,
  onChange: (change: Partial<Asked<T>>) => void,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    let pause: number | null;
    onChange({ asking: true });
    try {
      const answer = await question(signal);
      if (signal.aborted) return;
      failures = 0;
      pause = freshFor(answer);
      onChange({ answer, asking: false, trouble: null });
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      pause = isFinal(error) ? null : pauseAfter(failures);
      const againAt = pause === null ? null : Date.now() + pause;
      onChange({ asking: false, trouble: { reason: reasonOf(error), againAt } });
    }
    if (pause === null) return;
    await delay(pause, signal);
    await seen(signal);
  }
}

/** Whether asking the same again would not help: below 500, all but the two that ask for patience. */
function isFinal(error: unknown): boolean {
  return error instanceof Refused && error.status < 500 && ![408, 429].includes(error.status);
}

function reasonOf(error: unknown): string {
  if (error instanceof Refused) return error.message;
  return "No connection to the server.";
}
