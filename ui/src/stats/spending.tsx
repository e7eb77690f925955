/** What was spent by month and model. */

import { count, counted, dollars } from "../format";
import type { StatsDocument } from "../generated/stats";
import { short } from "../lists/format";
import { Section, Wide } from "../parts";
import { Columns } from "./columns";
import { gathered, monthName } from "./months";

export function Spending({ months: rows }: { months: StatsDocument["months"] }) {
  if (rows.length === 0) return null;
  const { months, all, models } = gathered(rows);
  const top = Math.max(...models.flatMap((model) => model.amounts));
  return (
    <Section id="spent" title="Spent by month">
      <figure>
        <figcaption class="series-name">
          {all.name} <span class="amount">{knownCost(all.total, all.unpriced, "call")}</span>
        </figcaption>
        <Columns
          months={months}
          amounts={all.amounts}
          top={Math.max(...all.amounts)}
          height={130}
          marks={3}
          named
        />
      </figure>
      {models.length > 1 && (
        <div class="series">
          {models.map((model) => (
            <figure key={model.name}>
              <figcaption class="series-name">
                <bdi>{model.name}</bdi>{" "}
                <span class="amount">{knownCost(model.total, model.unpriced, "call")}</span>
              </figcaption>
              <Columns
                months={months}
                amounts={model.amounts}
                top={top}
                height={52}
                marks={1}
                named={false}
              />
            </figure>
          ))}
        </div>
      )}
      <div class="spent-notes">
        <p class="aside">
          Months are those of UTC{models.length > 1 && "; all models have one scale"}.
          {all.unpriced > 0 && " Calls of unknown price are not drawn."}
        </p>
        <details>
          <summary>The same as a table</summary>
          <Figures rows={rows} />
        </details>
      </div>
    </Section>
  );
}

function Figures({ rows }: { rows: StatsDocument["months"] }) {
  return (
    <Wide label="Spending by month, model and part">
      <table>
        <thead>
          <tr>
            <th scope="col">Month</th>
            <th scope="col">Model</th>
            <th scope="col">As</th>
            <th scope="col" class="figure">
              Runs
            </th>
            <th scope="col" class="figure">
              Requests
            </th>
            <th scope="col" class="figure">
              Tokens in
            </th>
            <th scope="col" class="figure">
              Tokens out
            </th>
            <th scope="col" class="figure">
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.month} ${row.role} ${row.model}`}>
              <td class="month">{monthName(row.month)}</td>
              <th scope="row">
                <bdi>{row.model}</bdi>
              </th>
              <td>{row.role}</td>
              <td class="figure">{count(row.runs)}</td>
              <td class="figure">{count(row.requests)}</td>
              <td class="figure">{short(row.input_tokens)}</td>
              <td class="figure">{short(row.output_tokens)}</td>
              <td class="cost">{knownCost(row.cost_usd, row.unpriced_calls, "call")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

/** What is known of a cost, and of how many it is unknown. */
export function knownCost(usd: number, unknown: number, noun: string): string {
  if (unknown === 0) return dollars(usd);
  const those = `${counted(unknown, noun)} of unknown price`;
  return usd === 0 ? those : `${dollars(usd)} and ${those}`;
}
