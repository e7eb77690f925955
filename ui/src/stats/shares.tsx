/** How often candidates ended on the winning side: a table whose cells draw their share. */

import { count, share } from "../format";
import type { WinningShare } from "../generated/stats";
import { Wide } from "../parts";
import { knownCost } from "./spending";

/** With fewer judged candidates than this, a share is marked: it may be chance. */
const FEW = 10;

/** Show the shares of `rows`; `kind` says what they are, as in Solver. */
export function Shares({ kind, rows }: { kind: string; rows: readonly WinningShare[] }) {
  if (rows.length === 0) return null;
  return (
    <Wide label={`On the winning side by ${kind.toLowerCase()}`}>
      <table class="shares">
        <caption>By {kind.toLowerCase()}</caption>
        <thead>
          <tr>
            <th scope="col">{kind}</th>
            <th scope="col">On the winning side</th>
            <th scope="col" class="figure">
              Explores
            </th>
            <th scope="col" class="figure">
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">
                <bdi>{row.name || "the model's default"}</bdi>
              </th>
              <td>
                <Interval row={row} />
                {shareText(row)}
              </td>
              <td class="figure" data-head="Explores">
                {count(row.explores)}
                {row.failed > 0 && <span class="aside">, {count(row.failed)} failed</span>}
              </td>
              <td class="cost" data-head="Cost">
                {knownCost(row.cost_usd, row.unpriced, "explore")}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

/** Return the share with its range, its counts, and a word where they are few. */
export function shareText({ won, judged, share: value, low, high }: WinningShare): string {
  if (value === null) return "none judged yet";
  const range = low === null || high === null ? "" : ` (${whole(low)} to ${whole(high)} %)`;
  const few = judged < FEW ? ": too few to tell" : "";
  return `${share(value)}${range} · ${count(won)} of ${count(judged)}${few}`;
}

function whole(value: number): number {
  return Math.round(value * 100);
}

function Interval({ row: { share: value, low, high, judged } }: { row: WinningShare }) {
  if (value === null) return null;
  const at = (where: number) => `${where * 100}%`;
  return (
    <svg class="interval" width="100%" height="16" overflow="visible" aria-hidden="true">
      <line class="interval-track" x1="0" x2="100%" y1="8" y2="8" />
      <line class="interval-half" x1="50%" x2="50%" y1="4" y2="12" />
      <line
        class={judged < FEW ? "interval-range few" : "interval-range"}
        x1={at(low ?? value)}
        x2={at(high ?? value)}
        y1="8"
        y2="8"
      />
      <circle
        class={judged < FEW ? "interval-share few" : "interval-share"}
        cx={at(value)}
        cy="8"
        r="4.5"
      />
    </svg>
  );
}
