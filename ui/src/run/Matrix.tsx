/** Which answer came by which method from which model: three votes along one path are one path. */

import type { PageDocument, PageGroup } from "../generated/run";
import { Wide } from "../parts";
import { RichLine } from "../text/Rich";
import { AnswerLine } from "./Value";

export function Matrix({ run }: { run: PageDocument }) {
  const { matrix } = run;
  const models = [...new Set(matrix.map((cell) => cell.model))];
  if (matrix.length === 0) return null;
  return (
    <div class="matrix">
      <h3>Where each answer came from</h3>
      <p class="note">{run.agreement.paths}</p>
      <Wide label="Answers by method and model">
        <table>
          <thead>
            <tr>
              <th scope="col">Answer and method</th>
              {models.map((model) => (
                <th key={model} scope="col">
                  {shortModel(model)}
                </th>
              ))}
            </tr>
          </thead>
          {chosenFirst(run.agreement.groups).map((group) => (
            <GroupRows key={group.number} run={run} group={group} models={models} />
          ))}
        </table>
      </Wide>
    </div>
  );
}

function GroupRows(props: { run: PageDocument; group: PageGroup; models: string[] }) {
  const cells = props.run.matrix.filter((cell) => cell.group === props.group.number);
  const approaches = [...new Set(cells.map((cell) => cell.approach))];
  return (
    <tbody>
      <tr class="group-row">
        <th scope="rowgroup" colSpan={props.models.length + 1}>
          <AnswerLine answer={props.group.answer} text={props.group.text} />
        </th>
      </tr>
      {approaches.map((approach) => (
        <tr key={approach}>
          <th scope="row">
            {approach ? <RichLine text={approach} /> : <span class="quiet">no method named</span>}
          </th>
          {props.models.map((model) => (
            <td key={model}>
              <Cell
                ids={
                  cells.find((one) => one.approach === approach && one.model === model)
                    ?.explore_ids ?? []
                }
              />
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

function Cell({ ids }: { ids: number[] }) {
  if (ids.length === 0) return <span class="quiet">–</span>;
  return (
    <span class={ids.length > 1 ? "path again" : "path"}>
      {ids.map((id) => (
        <a key={id} href={`#explore-${id}`}>
          #{id}
        </a>
      ))}
    </span>
  );
}

/** The groups with the answer of the run first, then the largest. */
export function chosenFirst(groups: PageGroup[]): PageGroup[] {
  return [...groups].sort((a, b) => Number(b.chosen) - Number(a.chosen));
}

/** The model without its vendor, which the list of candidates names. */
function shortModel(model: string): string {
  return model.slice(model.indexOf("/") + 1) || "unknown";
}
