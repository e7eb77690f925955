/** One run of the list. */

import { Component } from "preact";
import { counted, dollars, moment } from "../format";
import type { RunLine } from "../generated/runs";
import { mended } from "../text/cut";
import { RichLine } from "../text/Rich";
import { StateMark } from "./state";

interface RowProps {
  run: RunLine;
  /** How long ago the run began, in words. */
  began: string;
  chosen: boolean;
  onChoose: (runId: string) => void;
}

/** A row; it is drawn again only when what it shows has changed, for there may be hundreds. */
export class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const { run, began, chosen } = this.props;
    return run !== next.run || began !== next.began || chosen !== next.chosen;
  }

  override render({ run, began, chosen, onChoose }: RowProps) {
    return <Line run={run} began={began} chosen={chosen} onChoose={onChoose} />;
  }
}

function Line({ run, began, chosen, onChoose }: RowProps) {
  const found = placeOf(run);
  return (
    <li class="runs-row" data-status={run.status}>
      <label class="runs-choose">
        <input type="checkbox" checked={chosen} onChange={() => onChoose(run.run_id)} />
        <span class="unseen">Compare: {run.title}</span>
      </label>
      <div class="runs-text">
        <a class="runs-title" href={`/runs/${encodeURIComponent(run.run_id)}`} dir="auto">
          {found === "title" ? (
            <Hits parts={run.snippet} />
          ) : (
            <RichLine text={mended(run.title) || "(no text)"} />
          )}
        </a>
        {run.answer_text !== null && (
          <p class="runs-answer">
            <span class="unseen">Answer: </span>
            <RichLine text={mended(run.answer_text)} />
          </p>
        )}
        {found === "text" && run.found_in && (
          <p class="runs-snippet">
            {PLACES[run.found_in]}:{" "}
            <bdi>
              <Hits parts={run.snippet} />
            </bdi>
          </p>
        )}
        {run.models.length > 0 && run.found_in !== "names" && (
          <p class="runs-models">
            {run.models.join(", ")} · {counted(run.explores, "explore")}
          </p>
        )}
      </div>
      <p class="runs-state">
        <StateMark of={run} />
      </p>
      <p class="runs-cost">
        <span class="unseen">Cost: </span>
        {costText(run)}
      </p>
      <p class="runs-when">
        <span class="unseen">Started: </span>
        <time
          dateTime={new Date(run.started_at * 1000).toISOString()}
          title={moment(run.started_at)}
        >
          {began}
        </time>
      </p>
    </li>
  );
}

const PLACES: Record<NonNullable<RunLine["found_in"]>, string> = {
  problem: "in the problem",
  answer: "in the answer",
  candidates: "in a candidate",
  names: "in the names",
};

function costText({ cost_usd, indexed }: RunLine): string {
  if (!indexed) return "not read yet";
  return cost_usd === null ? "cost unknown" : dollars(cost_usd);
}

/** Where a search shows what it found: in the title, where the text around it is the title. */
function placeOf({ found_in, snippet, title }: RunLine): "title" | "text" | null {
  if (found_in === null || snippet.length === 0) return null;
  const text = snippet.map((part) => part.text).join("");
  return found_in === "problem" && text === title ? "title" : "text";
}

function Hits({ parts }: { parts: RunLine["snippet"] }) {
  return <>{parts.map((part, at) => (part.hit ? <mark key={at}>{part.text}</mark> : part.text))}</>;
}
