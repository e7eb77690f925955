/** The answer and how sure it is; what speaks against it; how it follows. */

import { counted, explores, share } from "../format";
import type { PageDocument, PageGroup } from "../generated/run";
import { Section } from "../parts";
import { Rich, RichLine } from "../text/Rich";
import { AnswerLine, Value } from "./Value";

export function Answer({ run }: { run: PageDocument }) {
  const stop = run.stop_text;
  const failed = run.stop_reason === "no_candidates" || run.stop_reason === "error";
  return (
    <section id="answer" aria-labelledby="answer-title" class="answer">
      <h2 id="answer-title" tabIndex={-1}>
        {run.answer ? "Answer" : run.status_text}
      </h2>
      {run.answer ? <Shown answer={run.answer} /> : <p class="lead">{run.without_answer}</p>}
      <div class="sure">
        {run.confidence !== null && run.answer && (
          <p>
            <span class="meter" aria-hidden="true">
              <span style={{ width: `${run.confidence * 100}%` }} />
            </span>
            <strong class="figure">{share(run.confidence)} sure</strong>
            <span class="note"> by its own estimate</span>
          </p>
        )}
        {run.agreement.groups.length > 0 && <p>{run.agreement.sentence}</p>}
        {stop && !(failed && run.error) && <p>{stop}</p>}
        {run.error && <p class={run.answer ? "note" : "bad"}>{run.error}</p>}
      </div>
    </section>
  );
}

function Shown({ answer }: { answer: NonNullable<PageDocument["answer"]> }) {
  const { value, text } = answer;
  if (value !== null && typeof value === "object")
    return (
      <div class="the-answer shaped">
        <Value value={value} />
      </div>
    );
  if (text.length <= 160 && !text.includes("\n"))
    return (
      <p class={text.length <= 40 ? "the-answer short" : "the-answer"}>
        <RichLine text={text} />
      </p>
    );
  return (
    <div class="the-answer long">
      <Rich text={text} />
    </div>
  );
}

export function Against({ run }: { run: PageDocument }) {
  const minorities = run.agreement.groups.filter((group) => !group.chosen);
  const chosen = run.agreement.groups.some((group) => group.chosen);
  const others = chosen || run.answer ? minorities : [];
  if (!run.dissent && others.length === 0 && run.warnings.length === 0) {
    if (!run.answer) return null;
    return (
      <Section id="against" title="What speaks against it">
        <p>Nothing on record: no dissent, no other answer, no warning.</p>
      </Section>
    );
  }
  return (
    <Section id="against" title={run.answer ? "What speaks against it" : "Warnings"}>
      {run.dissent && (
        <blockquote class="dissent">
          <Rich text={run.dissent} />
        </blockquote>
      )}
      {others.length > 0 && (
        <ul class="minorities">
          {others.map((group) => (
            <Minority key={group.number} group={group} />
          ))}
        </ul>
      )}
      {run.warnings.length > 0 && (
        <ul class="warnings">
          {run.warnings.map((one) => (
            <li key={one}>
              <RichLine text={one} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function Minority({ group }: { group: PageGroup }) {
  const { text, explore_ids: ids } = group;
  return (
    <li>
      {counted(ids.length, "candidate")} {ids.length === 1 ? "answers" : "answer"}{" "}
      <strong>
        <AnswerLine answer={group.answer} text={text} />
      </strong>{" "}
      <a href={`#explore-${ids[0]}`} class="note">
        {explores(ids)}
      </a>
    </li>
  );
}

export function Explanation({ run }: { run: PageDocument }) {
  if (!run.explanation) return null;
  return (
    <Section id="how" title="How it follows">
      <Rich text={run.explanation} />
    </Section>
  );
}
