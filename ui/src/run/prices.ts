/** What an action may cost, from what the run has paid so far. */

import { dollars } from "../format";
import type { PageDocument } from "../generated/run";

function mean(costs: (number | null)[]): number | null {
  const known = costs.filter((one): one is number => one !== null);
  return known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0) / known.length;
}

/** The mean cost of an explore of this run, of one solver where it is named. */
export function explorePrice(run: PageDocument, solver = ""): number | null {
  const done = run.candidates.filter(
    (one) => one.state === "ok" && (!solver || one.solver === solver),
  );
  return mean(done.map((one) => one.cost_usd));
}

/** The mean cost of a turn of the orchestrator. */
export function turnPrice(run: PageDocument): number | null {
  return mean(run.decisions.filter((one) => one.turn !== null).map((one) => one.cost_usd));
}

/** What is left under a cap; null without one, or where a price is unknown. */
export function leftUnder(run: PageDocument, cap: number | null): number | null {
  const { spent_usd: spent, held_usd: held, uncertain_usd: uncertain } = run.money;
  if (cap === null || spent === null) return null;
  return Math.max(0, cap - spent - held - uncertain);
}

/** "about $0.03", or that nothing is known. */
export function about(price: number | null): string {
  return price === null ? "an unknown amount" : `about ${dollars(price)}`;
}
