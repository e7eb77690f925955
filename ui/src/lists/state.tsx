/** How a run stands: in words, and by a mark whose shape says it too. */
import type { RunLine } from "../generated/runs";

export type State = Pick<RunLine, "status" | "stop_reason" | "state">;

export function StateMark({ of }: { of: State }) {
  const kind = of.stop_reason === "no_supported_answer" ? "unsupported" : of.status;
  return (
    <span class="state">
      <span class="mark" data-kind={kind} aria-hidden="true" />
      {of.state}
    </span>
  );
}
