import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Refused } from "../src/http";
import { type Asked, ask } from "../src/lists/asking";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Ask with replies that are given one by one, and keep what was changes. */
function asking(replies: (string | Error)[], freshFor: number | null = null) {
  const stop = new AbortController();
  const changes: Partial<Asked<string>>[] = [];
  const asked = { times: 0 };
  const question = async () => {
    const reply = replies[Math.min(asked.times++, replies.length - 1)];
    if (reply instanceof Error) throw reply;
    return reply ?? "";
  };
  void ask(
    question,
    () => freshFor,
    (change) => changes.push(change),
    stop.signal,
  );
  return { changes, asked, stop };
}

test("an answer that stays good is asked for once", async () => {
  const { changes, asked } = asking(["a"]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.times).toBe(1);
  expect(changes.at(-1)).toEqual({ answer: "a", asking: false, trouble: null });
});

test("an answer that grows old is asked for again", async () => {
  const { asked } = asking(["a", "b"], 3_000);
  await vi.advanceTimersByTimeAsync(7_000);
  expect(asked.times).toBe(3);
});

test("a server that is gone is asked again with growing pauses, and said to be gone", async () => {
  const { changes, asked } = asking([new TypeError("fetch failed")]);
  await vi.advanceTimersByTimeAsync(0);
  expect(changes.at(-1)?.trouble?.reason).toBe("No connection to the server.");
  await vi.advanceTimersByTimeAsync(500);
  expect(asked.times).toBe(2);
  await vi.advanceTimersByTimeAsync(999);
  expect(asked.times).toBe(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked.times).toBe(3);
  expect(changes.at(-1)?.trouble?.againAt).toBe(Date.now() + 2_000);
});

test("an answer after a failure ends the trouble", async () => {
  const { changes } = asking([new TypeError("fetch failed"), "a"]);
  await vi.advanceTimersByTimeAsync(500);
  expect(changes.at(-1)).toEqual({ answer: "a", asking: false, trouble: null });
});

test("a refusal is said and not repeated, a plea for patience is", async () => {
  const refused = asking([new Refused("There is no run of this id.", 404)]);
  const busy = asking([new Refused("Too many pages wait.", 429)]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(refused.asked.times).toBe(1);
  expect(refused.changes.at(-1)?.trouble).toEqual({
    reason: "There is no run of this id.",
    againAt: null,
  });
  expect(busy.asked.times).toBe(2);
});

test("nothing is told after an abort", async () => {
  const { changes, asked, stop } = asking(["a"], 100);
  stop.abort();
  const before = changes.length;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(changes).toHaveLength(before);
  expect(asked.times).toBe(1);
});
