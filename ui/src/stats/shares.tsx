/** How often candidates ended on the winning side: a table whose cells draw their share. */
import type { WinningShare } from "../generated/stats";
import { count } from "../words";
import { knownCost } from "./spending";

/** With fewer judged candidates than this, a share is marked: it may be chance. */
const FEW = 10;

export interface SharesProps {
  /** What the rows are, as in Solver. */
  kind: string;
  rows: readonly WinningShare[];
}

export function Shares({ kind, rows }: SharesProps) {
  if (rows.length === 0) return null;
  return (
    <div class="wide-table">
      <table class="shares">
        <caption>By {kind.toLowerCase()}</caption>
        <thead>
          <tr>
            <th scope="col">{kind}</th>
            <th scope="col">On the winning side</th>
            <th scope="col">Explores</th>
            <th scope="col">Failed</th>
            <th scope="col">Cost</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">
                <bdi>{row.name || "the model's default"}</bdi>
              </th>
              <td class="shares-share">
                <Interval row={row} />
                {shareText(row)}
              </td>
              <td class="number">{count(row.explores)}</td>
              <td class="number">{count(row.failed)}</td>
              <td class="number">{knownCost(row.cost_usd, row.unpriced, "explore")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Return the share with its counts, and what they are worth. */
export function shareText({ won, judged, share, low, high }: WinningShare): string {
  if (share === null) return "none judged yet";
  const range = low === null || high === null ? "" : `, ${whole(low)} to ${whole(high)} % likely`;
  const few = judged < FEW ? " – few" : "";
  return `${count(won)} of ${count(judged)} (${whole(share)} %${range})${few}`;
}

function whole(share: number): string {
  return String(Math.round(share * 100));
}

function Interval({ row: { share, low, high, judged } }: { row: WinningShare }) {
  if (share === null) return null;
  const at = (value: number) => `${value * 100}%`;
  return (
    <svg class="interval" width="100%" height="16" overflow="visible" aria-hidden="true">
      <line class="interval-track" x1="0" x2="100%" y1="8" y2="8" />
      <line class="interval-half" x1="50%" x2="50%" y1="4" y2="12" />
      <line
        class={judged < FEW ? "interval-range few" : "interval-range"}
        x1={at(low ?? share)}
        x2={at(high ?? share)}
        y1="8"
        y2="8"
      />
      <circle class={judged < FEW ? "interval-share few" : "interval-share"} cx={at(share)} cy="8" r="4.5" />
    </svg>
  );
}
