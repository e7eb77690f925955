/** The runs that are chosen for a comparison: at most two, in the order in which they were chosen. */

export type Chosen = readonly string[];

/** Choose a run, or drop it when it is chosen. A third one takes the place of the second. */
export function toggled(chosen: Chosen, runId: string): Chosen {
  if (chosen.includes(runId)) return chosen.filter((other) => other !== runId);
  return [...chosen.slice(0, 1), runId];
}

/** What is to be done next, in words; empty where there is nothing chosen. */
export function hint(chosen: Chosen): string {
  if (chosen.length === 1) return "1 run chosen. Choose another one to compare them.";
  return chosen.length === 2 ? "2 runs chosen." : "";
}

/** The address of the comparison; `null` until there are two. */
export function comparison(chosen: Chosen): string | null {
  const [first, second] = chosen;
  if (first === undefined || second === undefined) return null;
  return `/compare/${encodeURIComponent(first)}/${encodeURIComponent(second)}`;
}
