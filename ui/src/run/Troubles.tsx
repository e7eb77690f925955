/** What went wrong, and why. */

import { duration } from "../format";
import type { PageDocument } from "../generated/run";
import { Section, Wide } from "../parts";

export function Troubles({ run }: { run: PageDocument }) {
  if (run.troubles.length === 0) return null;
  return (
    <Section id="troubles" title="Failures, retries and refusals">
      <Wide label="Failures, retries and refusals">
        <table>
          <thead>
            <tr>
              <th scope="col">After</th>
              <th scope="col">What</th>
              <th scope="col">Cause</th>
            </tr>
          </thead>
          <tbody>
            {run.troubles.map((one, index) => (
              <tr key={index}>
                <td class="figure">{duration(Math.max(0, one.at - run.timeline.from))}</td>
                <td>
                  {one.explore_id === null ? (
                    one.sentence
                  ) : (
                    <a href={`#explore-${one.explore_id}`}>{one.sentence}</a>
                  )}
                </td>
                <td class="cause">{one.cause.slice(0, 2_000)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </Section>
  );
}
