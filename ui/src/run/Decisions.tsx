/** Each decision about the course of the run, and why it was taken. */

import { dollars, duration } from "../format";
import type { PageDecision, PageDocument } from "../generated/run";
import { Section } from "../parts";
import { Rich, RichLine } from "../text/Rich";

export function Decisions({ run }: { run: PageDocument }) {
  if (run.decisions.length === 0) return null;
  return (
    <Section id="decisions" title="Decisions" note="Why it went on, and why it stopped.">
      <ol class="decisions">
        {run.decisions.map((one, index) => (
          <Decision key={index} one={one} from={run.timeline.from} />
        ))}
      </ol>
    </Section>
  );
}

function Decision({ one, from }: { one: PageDecision; from: number }) {
  return (
    <li>
      <p class="decision-head">
        <time class="figure">{duration(Math.max(0, one.ended_at - from))}</time>
        <span>
          <strong>{one.sentence}</strong>
          {one.cost_usd !== null && <span class="note"> {dollars(one.cost_usd)}</span>}
        </span>
      </p>
      <div class="decision-body">
        {one.by === "rule" ? (
          <p>
            <RichLine text={one.reason} />
          </p>
        ) : (
          <blockquote>
            <Rich text={one.reason} />
          </blockquote>
        )}
        {one.words && one.words !== one.reason && (
          <blockquote>
            <Rich text={one.words} />
          </blockquote>
        )}
        {one.explore_ids.length > 0 && (
          <p class="note">
            {one.kind === "limit" ? "Kept from running: " : "Explores: "}
            {one.explore_ids.map((id) => (
              <a key={id} href={`#explore-${id}`}>
                #{id}
              </a>
            ))}
          </p>
        )}
        {[...new Set(one.refused)].map((why) => (
          <p key={why} class="note">
            Refused: {why}
          </p>
        ))}
      </div>
    </li>
  );
}
