/** How a run stands: a word, and a mark whose shape says it too. */
import { type State, stateText } from "./format";

export function StateMark({ of }: { of: State }) {
  const kind = of.stop_reason === "no_supported_answer" ? "unsupported" : of.status;
  return (
    <span class="state">
      <span class="mark" data-kind={kind} aria-hidden="true" />
      {stateText(of)}
    </span>
  );
}
