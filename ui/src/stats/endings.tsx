/** How runs ended: a table whose cells draw their count. */
import type { OutcomeCount } from "../generated/stats";
import { stopText } from "../lists/words";
import { count } from "../words";

export function Endings({ rows }: { rows: readonly OutcomeCount[] }) {
  if (rows.length === 0) return null;
  const all = rows.reduce((sum, row) => sum + row.runs, 0);
  const most = Math.max(...rows.map((row) => row.runs));
  return (
    <section aria-labelledby="endings">
      <h2 id="endings">How runs ended</h2>
      <div class="wide-table">
        <table class="endings">
          <thead>
            <tr>
              <th scope="col">Status</th>
              <th scope="col">Reason</th>
              <th scope="col">Runs</th>
              <th scope="col">Share</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.status} ${row.stop_reason}`}>
                <th scope="row">
                  <span class="mark" data-status={row.status} aria-hidden="true" />
                  {row.status}
                </th>
                <td>{stopText(row.stop_reason)}</td>
                <td class="number">{count(row.runs)}</td>
                <td class="endings-share">
                  <svg width="100%" height="10" aria-hidden="true">
                    <rect class="columns-bar" width={`${(100 * row.runs) / most}%`} height="10" />
                  </svg>
                  <span class="number">{Math.round((100 * row.runs) / all)} %</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
