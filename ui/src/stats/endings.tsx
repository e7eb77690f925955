/** How runs ended: a table whose cells draw their count. */
import type { OutcomeCount } from "../generated/stats";
import { StateMark } from "../lists/state";
import { Wide } from "../lists/wide";
import { count, share } from "../words";

export function Endings({ rows }: { rows: readonly OutcomeCount[] }) {
  if (rows.length === 0) return null;
  const all = rows.reduce((sum, row) => sum + row.runs, 0);
  const most = Math.max(...rows.map((row) => row.runs));
  return (
    <section aria-labelledby="endings">
      <h2 id="endings">How runs ended</h2>
      <Wide label="How runs ended">
        <table class="endings">
          <thead>
            <tr>
              <th scope="col">Outcome</th>
              <th scope="col" class="number">
                Runs
              </th>
              <th scope="col">Share</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.status} ${row.stop_reason}`}>
                <th scope="row">
                  <StateMark of={row} />
                </th>
                <td class="number">{count(row.runs)}</td>
                <td>
                  <div class="endings-share">
                    <span class="number">{share(row.runs / all)}</span>
                    <svg width="100%" height="10" aria-hidden="true">
                      <rect class="columns-bar" width={`${(100 * row.runs) / most}%`} height="10" />
                    </svg>
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </section>
  );
}
