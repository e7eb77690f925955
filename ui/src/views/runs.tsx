/** The list of runs: the newest ones, or those that a search finds. */

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { count, counted } from "../format";
import type { RunLine, RunsDocument } from "../generated/runs";
import { LONGEST_QUERY, MOST_RUNS } from "../limits";
import { type Chosen, comparison, hint, toggled } from "../lists/chosen";
import { ago } from "../lists/format";
import { Frame } from "../lists/frame";
import { useAsked, useNow, useSettled } from "../lists/hooks";
import { kept } from "../lists/kept";
import { Row } from "../lists/row";
import { nextRow } from "../lists/rows";
import { getRuns } from "../lists/server";
import { Trouble } from "../lists/trouble";
import { Command } from "../parts";
import "../lists/lists.css";

/** Runs of one portion. */
const PORTION = 50;

/** How long a list is good: while a run goes on or is still to be read, and while none is. */
const FRESH_MS = { live: 2_000, quiet: 5_000 } as const;

/** How long the typing must rest before it is searched for, in milliseconds. */
const REST_MS = 150;

export function RunsPage() {
  const [query, setQuery] = useState(queryOfAddress);
  const [wanted, setWanted] = useState({ query, limit: PORTION });
  const limit = wanted.query === query ? wanted.limit : PORTION;
  const [chosen, setChosen] = useState<Chosen>([]);
  const {
    answer: list,
    asking,
    trouble,
    again,
  } = useAsked(
    JSON.stringify([query, limit]),
    (signal) => getRuns(query, limit, signal),
    ({ runs, unindexed }) => (runs.some(goesOn) || unindexed > 0 ? FRESH_MS.live : FRESH_MS.quiet),
  );
  // The address names what is listed, so that it can be kept and sent.
  useEffect(() => {
    const address = query ? `?${new URLSearchParams({ query })}` : location.pathname;
    history.replaceState(null, "", address);
  }, [query]);
  const choose = useCallback((runId: string) => setChosen((now) => toggled(now, runId)), []);
  const more = () => setWanted({ query, limit: Math.min(MOST_RUNS, limit + PORTION) });

  return (
    <Frame title={query ? `“${query}” – runs` : "Runs"} here="runs">
      <h1>Runs</h1>
      <Search query={query} onQuery={setQuery} />
      <Trouble trouble={trouble} onAgain={again} />
      <p class="runs-count" role="status">
        {list ? countText(list) : asking && "Reading …"}
      </p>
      {list?.note && <p class="note">{list.note}</p>}
      {list?.runs.length === 0 && <Nothing query={list.query} />}
      {list && list.runs.length > 0 && (
        <List
          runs={list.runs}
          stale={asking && list.query !== query}
          chosen={chosen}
          onChoose={choose}
        />
      )}
      {list && <More list={list} onMore={more} />}
      <Choice chosen={chosen} onDrop={() => setChosen([])} />
    </Frame>
  );
}

function queryOfAddress(): string {
  return new URLSearchParams(location.search).get("query")?.trim() ?? "";
}

function goesOn(run: RunLine): boolean {
  return run.status === "running";
}

/** The field; it hands on what is typed once the typing rests. */
function Search({ query, onQuery }: { query: string; onQuery: (query: string) => void }) {
  const [typed, setTyped] = useState(query);
  const settled = useSettled(typed.trim(), REST_MS);
  useEffect(() => onQuery(settled), [settled, onQuery]);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      if (
        event.key !== "/" ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        isTyping(event.target)
      )
        return;
      event.preventDefault();
      field.current?.select();
      field.current?.focus();
    }
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return (
    <search class="runs-search">
      <label for="query">Search problems, answers and models</label>
      <input
        id="query"
        maxLength={LONGEST_QUERY}
        ref={field}
        type="search"
        value={typed}
        autocomplete="off"
        spellcheck={false}
        aria-keyshortcuts="/"
        aria-describedby="query-keys"
        onInput={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={(event) => moveFrom(event, -1)}
      />
      <p id="query-keys" class="runs-keys">
        <kbd>/</kbd> to search, <kbd>↑</kbd> <kbd>↓</kbd> to move, <kbd>Enter</kbd> to open
      </p>
    </search>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName))
  );
}

function links(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(".runs-list a.runs-title")];
}

function moveFrom(event: KeyboardEvent, at: number) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const rows = links();
  const next = nextRow(event.key, at, rows.length);
  if (next === null || (next === -1 && at === -1)) return;
  event.preventDefault();
  (next === -1 ? document.getElementById("query") : rows[next])?.focus();
}

interface ListProps {
  runs: readonly RunLine[];
  stale: boolean;
  chosen: Chosen;
  onChoose: (runId: string) => void;
}

function List({ runs: latest, stale, chosen, onChoose }: ListProps) {
  const now = useNow(20_000) / 1_000;
  const before = useRef<RunLine[]>([]);
  const runs = useMemo(() => kept(before.current, latest), [latest]);
  before.current = runs;
  return (
    <>
      <div class="runs-heads" aria-hidden="true">
        <span />
        <span>Problem and answer</span>
        <span>State</span>
        <span>Cost</span>
        <span>Started</span>
      </div>
      <ol
        class="runs-list"
        aria-label="Runs"
        aria-busy={stale}
        onKeyDown={(event) => moveFrom(event, links().indexOf(event.target as HTMLElement))}
      >
        {runs.map((run) => (
          <Row
            key={run.run_id}
            run={run}
            began={ago(run.started_at, now)}
            chosen={chosen.includes(run.run_id)}
            onChoose={onChoose}
          />
        ))}
      </ol>
    </>
  );
}

/** How many runs there are, or were found. */
function countText({ total, query, runs }: RunsDocument): string {
  if (total === 0) return "";
  if (query) return `${counted(total, "run")} found`;
  const all = counted(total, "run");
  return runs.length < total
    ? `The newest ${count(runs.length)} of ${all}`
    : `${all}, the newest first`;
}

function More({ list: { runs, total }, onMore }: { list: RunsDocument; onMore: () => void }) {
  if (runs.length >= total) return null;
  if (runs.length >= MOST_RUNS)
    return (
      <p class="runs-more">
        The list ends after {count(MOST_RUNS)} runs. A search finds the others.
      </p>
    );
  return (
    <button class="runs-more" type="button" onClick={onMore}>
      Show {count(Math.min(PORTION, total - runs.length))} more
    </button>
  );
}

function Choice({ chosen, onDrop }: { chosen: Chosen; onDrop: () => void }) {
  const address = comparison(chosen);
  return (
    <div class="runs-choice" role="status" data-empty={chosen.length === 0}>
      {hint(chosen)}
      {address && (
        <a class="button" href={address}>
          Compare them
        </a>
      )}
      {chosen.length > 0 && (
        <button type="button" onClick={onDrop}>
          Drop the choice
        </button>
      )}
    </div>
  );
}

function Nothing({ query }: { query: string }) {
  if (query) {
    return (
      <div class="nothing">
        <p>No run holds “{query}”.</p>
        <p>
          A search looks into problems, answers, models and ids of runs. Every word must occur; the
          last one may be unfinished.
        </p>
      </div>
    );
  }
  return (
    <div class="nothing">
      <p>There is no run yet. Ask your client to use the tool solve_with_atlas, or type:</p>
      <p class="command">
        <Command line={'atlas-mcp solve "How many primes are there below 100?"'} />
      </p>
    </div>
  );
}
