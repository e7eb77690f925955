/** The candidates by answer, where each came from, and two of them side by side. */
import { useRef, useState } from "preact/hooks";
import { count, counted, dollars, duration, explores, share } from "../format";
import type { PageCandidate, PageDocument, PageGroup, PageRemark } from "../generated/run";
import { Section } from "../parts";
import { Rich, RichLine } from "../text/Rich";
import { SideBySide } from "./Compare";
import { chosenFirst, Matrix } from "./Matrix";
import { AnswerLine } from "./Value";
import { makerOf } from "./wording";

interface Choice {
  chosen: number[];
  toggle: (id: number) => void;
}

export function Candidates({ run }: { run: PageDocument }) {
  const [chosen, setChosen] = useState<number[]>([]);
  const list = useRef<HTMLDivElement>(null);
  const toggle = (id: number) =>
    setChosen((before) =>
      before.includes(id) ? before.filter((one) => one !== id) : [...before, id].slice(-2),
    );
  const close = () => {
    const last = chosen.at(-1);
    setChosen([]);
    list.current?.querySelector<HTMLInputElement>(`#compare-${last}`)?.focus();
  };
  const pair = chosen
    .map((id) => run.candidates.find((one) => one.explore_id === id))
    .filter((one): one is PageCandidate => one?.state === "ok");
  const usable = run.candidates.filter((one) => one.state === "ok").length;
  const choice = usable > 1 ? { chosen, toggle } : null;
  return (
    <Section id="candidates" title="Candidates" note={candidatesNote(run, usable)}>
      <div ref={list}>
        {chosenFirst(run.agreement.groups).map((group) => (
          <Group key={group.explore_ids[0]} run={run} group={group} choice={choice} />
        ))}
        <Others run={run} choice={choice} />
      </div>
      <p class="unseen" role="status">
        {chosen.length === 1 &&
          "One candidate is chosen; choose a second to see both side by side."}
      </p>
      {pair[0] && pair[1] && <SideBySide left={pair[0]} right={pair[1]} close={close} />}
      <Matrix run={run} />
      <Remarks remarks={run.remarks} />
    </Section>
  );
}

function candidatesNote(run: PageDocument, usable: number): string {
  if (run.candidates.length === 0) return "No explore has been made.";
  const agreement = run.agreement.groups.length > 0 ? run.agreement.sentence : "";
  if (usable < 2) return agreement;
  return `${agreement} Tick two to see them side by side.`;
}

function Group(props: { run: PageDocument; group: PageGroup; choice: Choice | null }) {
  const { run, group } = props;
  const found = run.candidates.filter((one) => group.explore_ids.includes(one.explore_id));
  const all = run.agreement.groups.reduce((sum, one) => sum + one.explore_ids.length, 0);
  return (
    <div class={group.chosen ? "group chosen" : "group"}>
      <div class="group-head">
        <h3>
          <AnswerLine answer={group.answer} text={group.text} />
        </h3>
        <p class="note">
          {group.explore_ids.length} of {counted(all, "candidate")}
          {group.chosen && ", the answer of the run"}
          {group.by === "judgement" && ", counted as one by the orchestrator's judgement"}
        </p>
      </div>
      {found.map((one) => (
        <Candidate
          key={one.explore_id}
          one={one}
          live={run.live}
          choice={props.choice}
          apart={group.by === "judgement"}
        />
      ))}
    </div>
  );
}

/** Explores without a candidate: those at work, those to come, those that failed. */
function Others({ run, choice }: { run: PageDocument; choice: Choice | null }) {
  const grouped = new Set(run.agreement.groups.flatMap((group) => group.explore_ids));
  const others = run.candidates.filter((one) => !grouped.has(one.explore_id) && one.state !== "ok");
  const loose = run.candidates.filter((one) => !grouped.has(one.explore_id) && one.state === "ok");
  if (others.length + loose.length === 0) return null;
  return (
    <div class="group others">
      <div class="group-head">
        <h3>{loose.length > 0 ? "Drafts" : "Without an answer"}</h3>
      </div>
      {[...loose, ...others].map((one) => (
        <Candidate
          key={one.explore_id}
          one={one}
          live={run.live}
          choice={one.state === "ok" ? choice : null}
          apart={true}
        />
      ))}
    </div>
  );
}

function Candidate(props: {
  one: PageCandidate;
  live: boolean;
  choice: Choice | null;
  apart: boolean;
}) {
  const { one, choice } = props;
  return (
    <article
      id={`explore-${one.explore_id}`}
      class={`candidate ${one.state}`}
      aria-label={`Explore ${one.explore_id}`}
    >
      <div class="candidate-head">
        {choice && (
          <input
            type="checkbox"
            id={`compare-${one.explore_id}`}
            aria-label={`Compare explore ${one.explore_id}`}
            checked={choice.chosen.includes(one.explore_id)}
            onChange={() => choice.toggle(one.explore_id)}
          />
        )}
        <p class="maker">
          <span class="number">#{one.explore_id}</span> {makerOf(one)}{" "}
          <span class="model">{one.model}</span>
        </p>
        <p class="figures">
          <Figures one={one} live={props.live} />
        </p>
      </div>
      {one.approach && (
        <p class="approach">
          <RichLine text={one.approach} />
        </p>
      )}
      {props.apart && one.answer_text !== null && (
        <p class="approach">
          Answer: <AnswerLine answer={one.answer} text={one.answer_text} />
        </p>
      )}
      {one.instruction && (
        <p class="note">
          Asked to: <RichLine text={one.instruction} />
        </p>
      )}
      {one.error && <p class="bad">{one.error}</p>}
      {one.skipped && <p class="note">Not run: {one.skipped}</p>}
      {one.reasoning && <Reasoning text={one.reasoning} of={one.explore_id} />}
    </article>
  );
}

function Figures({ one, live }: { one: PageCandidate; live: boolean }) {
  if (one.state === "running" && !live) return <>broken off</>;
  if (one.state === "planned") return <>planned</>;
  if (one.state === "skipped") return <>not run</>;
  if (one.state === "running")
    return <>at work{one.received_tokens ? `, ${count(one.received_tokens)} tokens` : ""}</>;
  return (
    <>
      {one.state === "failed" && <strong class="bad">failed</strong>}
      {one.confidence !== null && (
        <span title="Its own estimate">{share(one.confidence)} sure</span>
      )}
      {one.elapsed_s !== null && <span>{duration(one.elapsed_s)}</span>}
      <span>{one.cost_usd === null ? "price unknown" : dollars(one.cost_usd)}</span>
    </>
  );
}

/** A justification: drawn when it is opened, and not before. */
function Reasoning({ text, of }: { text: string; of: number }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Justification <span class="unseen">of explore {of}</span>
        <span class="note"> {counted(text.length, "character")}</span>
      </summary>
      {open && <Rich text={text} />}
    </details>
  );
}

function Remarks({ remarks }: { remarks: PageRemark[] }) {
  if (remarks.length === 0) return null;
  return (
    <div class="group others">
      <div class="group-head">
        <h3>Remarks</h3>
        <p class="note">Replies of calls that attempt no answer.</p>
      </div>
      {remarks.map((one) => (
        <article
          key={one.explore_id}
          id={`explore-${one.explore_id}`}
          class="candidate"
          aria-label={`Remark ${one.explore_id}`}
        >
          <div class="candidate-head">
            <p class="maker">
              <span class="number">#{one.explore_id}</span> {one.role} {one.solver}{" "}
              <span class="model">{one.model}</span>
            </p>
            <p class="figures">
              {one.about.length > 0 && <span>about {explores(one.about)}</span>}
              <span>{dollars(one.cost_usd)}</span>
            </p>
          </div>
          <Rich text={one.text} />
        </article>
      ))}
    </div>
  );
}
