/** How runs ended: a table whose cells draw their count. */

import { count, share } from "../format";
import type { OutcomeCount } from "../generated/stats";
import { StateMark } from "../lists/state";
import { Section, Wide } from "../parts";

export function Endings({ rows }: { rows: readonly OutcomeCount[] }) {
  if (rows.length === 0) return null;
  const all = rows.reduce((sum, row) => sum + row.runs, 0);
  const most = Math.max(...rows.map((row) => row.runs));
  return (
    <Section id="endings" title="How runs ended">
      <Wide label="How runs ended">
        <table class="endings">
          <thead>
            <tr>
              <th scope="col">Outcome</th>
              <th scope="col" class="figure">
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
                <td class="figure">{count(row.runs)}</td>
                <td>
                  <div class="endings-share">
                    <span class="figure">{share(row.runs / all)}</span>
                    <svg width="100%" height="10" aria-hidden="true">
                      <rect class="months-bar" width={`${(100 * row.runs) / most}%`} height="10" />
                    </svg>
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </Section>
  );
}
