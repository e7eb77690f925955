/** What happened when: a lane for each that works at one time. */
import { useEffect, useState } from "preact/hooks";
import { duration } from "../format";
import type { PageDocument, TimelineBar } from "../generated/run";
import { Section } from "../parts";

export function TimelinePart({ run }: { run: PageDocument }) {
  const { timeline } = run;
  const now = useNow(run);
  const from = timeline.from;
  const to = Math.max(timeline.to, run.live ? now : from, from + 1);
  const lanes = timeline.lanes.filter((lane) => lane.bars.length > 0);
  if (lanes.length === 0) return null;
  const place = (at: number) => ((at - from) / (to - from)) * 100;
  return (
    <Section id="timeline" title="Time line" note={`${duration(to - from)} in all.`}>
      <div class="timeline">
        <div class="ticks" aria-hidden="true">
          {ticks(to - from).map((at) => (
            <span key={at} class="tick" style={{ left: `${place(from + at)}%` }}>
              {at === 0 ? "0" : tickLabel(at)}
            </span>
          ))}
        </div>
        {lanes.map((lane) => (
          <div key={lane.name} class="lane">
            <p class="lane-name" id={laneId(lane.name)}>
              {lane.name}
            </p>
            <ol class="bars" aria-labelledby={laneId(lane.name)}>
              {lane.bars.map((bar) => (
                <li
                  key={`${bar.from}-${bar.label}`}
                  class={`bar ${bar.kind} ${bar.state}`}
                  style={{
                    left: `${place(bar.from)}%`,
                    width: `${place(bar.to ?? now) - place(bar.from)}%`,
                  }}
                >
                  <Bar bar={bar} from={from} now={now} />
                </li>
              ))}
            </ol>
          </div>
        ))}
      </div>
    </Section>
  );
}

/** Marks may stand closer than a second. */
function tickLabel(at: number): string {
  return at < 10 ? `${Number(at.toFixed(1))} s` : duration(at);
}

function Bar({ bar, from, now }: { bar: TimelineBar; from: number; now: number }) {
  const states = { running: "at work", ok: "", failed: "failed", lost: "lost" };
  const length = duration((bar.to ?? now) - bar.from);
  const parts = [bar.label, states[bar.state], `${length} from ${duration(bar.from - from)} on`];
  const title = parts.filter(Boolean).join(", ");
  if (bar.explore_id === null)
    return (
      <span class="label" title={title}>
        <Label bar={bar} />
        <span class="unseen">{title}</span>
      </span>
    );
  return (
    <a class="label" href={`#explore-${bar.explore_id}`} title={title} aria-label={title}>
      <Label bar={bar} />
    </a>
  );
}

/** What stands in a bar: all of it, or a number alone, as there is room; the styles choose. */
function Label({ bar }: { bar: TimelineBar }) {
  const ending = bar.state === "failed" || bar.state === "lost" ? ` (${bar.state})` : "";
  const number = bar.explore_id === null ? String(bar.turn ?? "") : `#${bar.explore_id}`;
  return (
    <span aria-hidden="true">
      <span class="long">
        {bar.label.replaceAll("_", " ")}
        {ending}
      </span>
      <span class="short">{number}</span>
    </span>
  );
}

const laneId = (name: string) => `lane-${name.replace(/\W+/g, "-")}`;

/** The server's time now, by its own clock: once a second while the run goes on. */
function useNow(run: PageDocument): number {
  const [now, setNow] = useState(run.at);
  useEffect(() => {
    setNow(run.at);
    if (!run.live) return;
    const arrived = performance.now();
    const timer = setInterval(() => setNow(run.at + (performance.now() - arrived) / 1_000), 1_000);
    return () => clearInterval(timer);
  }, [run.at, run.live]);
  return now;
}

const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400,
];

/** Return about four places for marks on an axis of so many seconds. */
export function ticks(length: number): number[] {
  const step = STEPS.find((one) => length / one <= 5) ?? Math.ceil(length / 4 / 86_400) * 86_400;
  const marks: number[] = [];
  for (let at = 0; at <= length * 0.97; at += step) marks.push(at);
  return marks;
}
