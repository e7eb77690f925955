/** Rows that stay the same object as long as they say the same, so that they are not drawn again. */
import type { RunLine } from "../generated/runs";

/** Return `now` with those rows of `before` that have not changed. */
export function kept(before: readonly RunLine[], now: readonly RunLine[]): RunLine[] {
  const known = new Map(before.map((run) => [run.run_id, run]));
  return now.map((run) => {
    const same = known.get(run.run_id);
    return same && JSON.stringify(same) === JSON.stringify(run) ? same : run;
  });
}
