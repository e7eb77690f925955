/** The page of a run, in the order in which a doubting reader asks. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useRun } from "../follow";
import { dollars, duration, moment } from "../format";
import type { PageDocument } from "../generated/run";
import { Places } from "../lists/frame";
import { Announcer, Command, Section, ThemeSwitch } from "../parts";
import type { Source } from "../source";
import { mended } from "../text/cut";
import { RichLine } from "../text/Rich";
import { Actions, type Prefilled } from "./Actions";
import { Against, Answer, Explanation } from "./Answer";
import { Candidates } from "./Candidates";
import { Decisions } from "./Decisions";
import { Money } from "./Money";
import { Problem } from "./Problem";
import { Questions } from "./Questions";
import { TimelinePart } from "./Timeline";
import { Troubles } from "./Troubles";
import { news, progress, statusTone } from "./wording";

export function RunPage({ source }: { source: Source }) {
  const { run, lost, refresh } = useRun(source);
  const announcement = useNews(run);
  const [prefilled, setPrefilled] = useState<Prefilled | null>(null);
  useEffect(() => {
    if (run) document.title = `${run.status_text}: ${run.title}`;
  }, [run?.title, run?.status_text]);
  useFragment(run !== null);
  if (!run) return <p class="message">{lost ?? "Loading the run…"}</p>;
  return (
    <div class="run-page">
      <a class="skip" href="#answer-title">
        Skip to the answer
      </a>
      <Top run={run} source={source} />
      {lost && (
        <p class="lost" role="alert">
          {lost}
        </p>
      )}
      <div class="run-columns">
        <main>
          <h1>
            <RichLine text={titleOf(run)} />
          </h1>
          <Answer run={run} />
          <Actions run={run} source={source} refresh={refresh} prefilled={prefilled} />
          <Against run={run} />
          <Explanation run={run} />
          <Candidates run={run} />
          <TimelinePart run={run} />
          <Decisions run={run} />
          <Troubles run={run} />
          <Money run={run} />
          <Questions
            run={run}
            source={source}
            refresh={refresh}
            gather={(instruction) => setPrefilled({ instruction })}
          />
          {isWhole(run) ? null : <Problem run={run} />}
          <Commands run={run} />
        </main>
        <Glance run={run} />
      </div>
      <Announcer text={announcement} />
    </div>
  );
}

/** Go to the part that the address names once it is there: a browser looks for it before. */
function useFragment(there: boolean): void {
  useEffect(() => {
    if (there && location.hash) location.replace(location.hash);
  }, [there]);
}

function useNews(run: PageDocument | null): string {
  const before = useRef<PageDocument | null>(null);
  const [announcement, announce] = useState("");
  useEffect(() => {
    const text = run ? news(before.current, run) : "";
    before.current = run;
    if (text) announce(text);
  }, [run]);
  return announcement;
}

function Top({ run, source }: { run: PageDocument; source: Source }) {
  return (
    <header class="top">
      {source.can("list") ? <Places here="run" /> : <p class="quiet">A run of atlas-mcp</p>}
      <p class="quiet run-id">{run.run_id}</p>
      <ThemeSwitch />
    </header>
  );
}

/** The problem as a heading: whole where it is short, else its beginning, with no formula cut. */
export function titleOf(run: PageDocument): string {
  const whole = run.problem.text.trim();
  if (isShort(whole)) return whole;
  return mended(run.title);
}

const isShort = (text: string) => text.length <= 200 && !text.includes("\n");

/** Whether the heading says all that there is of the problem. */
function isWhole({ problem }: PageDocument): boolean {
  return isShort(problem.text.trim()) && problem.images.length === 0 && !problem.answer_schema;
}

/** The facts at a glance, and the way to each part. */
function Glance({ run }: { run: PageDocument }) {
  const facts: [string, string][] = [
    ["Explores", progress(run)],
    ["Time", duration(run.elapsed_s)],
    ["Spent", dollars(run.money.spent_usd)],
    ["Cap", run.money.cap_usd === null ? "none" : dollars(run.money.cap_usd)],
    ["Explore effort", run.limits.explore_effort],
    ["Workflow", run.workflow.name],
    ["Begun", moment(run.timeline.from)],
  ];
  return (
    <aside class="glance" aria-label="At a glance">
      <p class={`status ${statusTone(run)}`}>{run.status_text}</p>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="figure">{value}</dd>
          </div>
        ))}
      </dl>
      <Contents run={run} />
    </aside>
  );
}

function Contents({ run }: { run: PageDocument }) {
  const [parts, setParts] = useState<[string, string][]>([]);
  useEffect(() => {
    const titles = [...document.querySelectorAll<HTMLElement>("main section > h2")];
    const found = titles.map((one): [string, string] => [one.id, one.textContent ?? ""]);
    setParts((before) => (String(before) === String(found) ? before : found));
  }, [run]);
  return (
    <nav aria-label="Parts of this page">
      <ul>
        {parts.map(([id, title]) => (
          <li key={id}>
            <a href={`#${id}`}>{title}</a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Commands({ run }: { run: PageDocument }) {
  if (run.commands.length === 0) return null;
  return (
    <Section id="commands" title="On the command line">
      <ul class="commands">
        {run.commands.map(({ what, line }) => (
          <li key={line}>
            <span>{what}</span>
            <Command line={line} />
          </li>
        ))}
      </ul>
    </Section>
  );
}
