/** Following a run: documents as they come, merged into a whole one. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { PageDocument } from "./generated/run";
import { Refused } from "./http";
import { delay, pauseAfter, seen } from "./pauses";
import type { Source } from "./source";

/** The least time between two requests, in milliseconds: a server may answer at once. */
const LEAST_PAUSE = 250;

export interface Followed {
  run: PageDocument | null;
  /** Why there is no news, in words; null while all is well. */
  lost: string | null;
  /** Ask again now, after an action. */
  refresh(): void;
}

/** Put what has changed into the document of before. */
export function merged(before: PageDocument | null, news: PageDocument): PageDocument {
  if (!before || !news.partial || before.run_id !== news.run_id) return news;
  return {
    ...news,
    partial: false,
    problem: {
      ...news.problem,
      images: news.problem.images.length > 0 ? news.problem.images : before.problem.images,
    },
    candidates: regrouped(byExplore(before.candidates, news.candidates), news),
    remarks: byExplore(before.remarks, news.remarks),
  };
}

function byExplore<T extends { explore_id: number }>(before: T[], news: T[]): T[] {
  const all = new Map(before.map((one) => [one.explore_id, one]));
  for (const one of news) all.set(one.explore_id, one);
  return [...all.values()].sort((a, b) => a.explore_id - b.explore_id);
}

/** Give each candidate the number that its group has now: groups are always whole. */
function regrouped(candidates: PageDocument["candidates"], news: PageDocument) {
  const groups = new Map<number, number>();
  for (const group of news.agreement.groups)
    for (const id of group.explore_ids) groups.set(id, group.number);
  return candidates.map((one) => {
    const group = groups.get(one.explore_id) ?? null;
    return one.group === group ? one : { ...one, group };
  });
}

/** Whether two documents of a run that rests show the same. */
function sameAs(before: PageDocument | null, now: PageDocument): boolean {
  const facts = (one: PageDocument) => [one.version, one.live, one.driven, ...one.actions].join();
  return before !== null && facts(before) === facts(now);
}

/** Return the run of a source, kept current as long as the place has news of it. */
export function useRun(source: Source): Followed {
  const [run, setRun] = useState<PageDocument | null>(null);
  const [lost, setLost] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  const last = useRef<PageDocument | null>(null);

  useEffect(() => {
    const stop = new AbortController();
    const take = (news: PageDocument) => {
      const whole = merged(last.current, news);
      const unchanged = !whole.live && sameAs(last.current, whole);
      last.current = whole;
      setLost(null);
      if (!unchanged) setRun(whole);
    };
    void follow(source, () => last.current?.version ?? 0, take, setLost, stop.signal);
    return () => stop.abort();
  }, [source, round]);

  return { run, lost, refresh: () => setRound((n) => n + 1) };
}

async function follow(
  source: Source,
  version: () => number,
  take: (news: PageDocument) => void,
  lose: (why: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    let pause = LEAST_PAUSE;
    try {
      const news = await source.document(version(), signal);
      if (signal.aborted) return;
      take(news);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      pause = pauseAfter(failures);
      lose(whyLost(error));
      if (error instanceof Refused && error.status < 500 && error.status !== 429) return;
    }
    if (!source.can("follow")) return;
    await seen(signal);
    await delay(pause, signal);
  }
}

function whyLost(error: unknown): string {
  if (error instanceof Refused) return error.message;
  return "No connection to the server. This page shows what it knew last, and tries again.";
}
