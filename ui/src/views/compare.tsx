/** Two runs side by side: what was asked, what differs, what each found. */

import { count, counted, dollars, duration, moment, share } from "../format";
import type {
  CompareDocument,
  ComparedAnswer,
  ComparedMethod,
  ComparedRun,
} from "../generated/compare";
import { Frame } from "../lists/frame";
import { useAsked } from "../lists/hooks";
import { getComparison } from "../lists/server";
import { StateMark } from "../lists/state";
import { Trouble } from "../lists/trouble";
import { Section, Wide } from "../parts";
import { Value } from "../run/Value";
import { mended } from "../text/cut";
import { Rich, RichLine } from "../text/Rich";
import "../lists/lists.css";
import "./compare.css";

/** How long a comparison is good while one of its runs goes on, in milliseconds. */
const FRESH_MS = 3_000;

/** Show the runs `a` and `b`. */
export function ComparePage({ a, b }: { a: string; b: string }) {
  const {
    answer: compared,
    asking,
    trouble,
    again,
  } = useAsked(
    JSON.stringify([a, b]),
    (signal) => getComparison(a, b, signal),
    ({ a, b }) => ([a, b].some((run) => run.status === "running") ? FRESH_MS : null),
  );
  return (
    <Frame title="Two runs compared" here="compare">
      <h1>Two runs compared</h1>
      <Trouble trouble={trouble} onAgain={again} />
      {!compared && asking && <p role="status">Comparing …</p>}
      {compared && <Compared compared={compared} />}
    </Frame>
  );
}

function Compared({ compared }: { compared: CompareDocument }) {
  const { a, b } = compared;
  return (
    <>
      <p class="compare-summary" role="status">
        <RichLine text={compared.summary} />
      </p>
      {compared.same_problem && <Problem text={a.problem} title="The problem of both" />}
      <div class="sides">
        <Side name="A" run={a} ownProblem={!compared.same_problem} />
        <Side name="B" run={b} ownProblem={!compared.same_problem} />
      </div>
      <Settings settings={compared.settings} />
      <Found
        id="answers"
        title="Answers of the candidates"
        noun="Answer"
        rows={compared.answers.map((row) => ({ ...row, text: row.answer_text }))}
        runs={[a, b]}
      />
      <Found
        id="methods"
        title="Methods of the candidates"
        noun="Method"
        rows={compared.methods.map((row) => ({ ...row, text: row.approach }))}
        runs={[a, b]}
      />
    </>
  );
}

function Problem({ text, title }: { text: string; title: string }) {
  return (
    <details class="compare-problem" open={text.length < 600}>
      <summary>{title}</summary>
      <Rich text={text} />
    </details>
  );
}

function Side({ name, run, ownProblem }: { name: string; run: ComparedRun; ownProblem: boolean }) {
  return (
    <section class="side" aria-label={`Run ${name}`}>
      <h2>
        <span class="side-name">{name}</span>{" "}
        <a href={`/runs/${encodeURIComponent(run.run_id)}`}>
          {ownProblem && run.title ? (
            <RichLine text={mended(run.title)} />
          ) : (
            <span class="side-id">{run.run_id}</span>
          )}
        </a>
      </h2>
      {ownProblem && <Problem text={run.problem} title="Its problem" />}
      <div class="side-answer">
        {run.answer_text === null ? (
          <p class="aside">No answer.</p>
        ) : (
          <Words text={run.answer_text} />
        )}
      </div>
      <dl class="facts">
        <Fact name="State">
          <StateMark of={run} />
        </Fact>
        <Fact name="Confidence">{run.confidence === null ? "–" : share(run.confidence)}</Fact>
        <Fact name="Agreement">{run.agreement || "–"}</Fact>
        <Fact name="Explores">
          {count(run.explores)}
          {run.failed > 0 && `, ${count(run.failed)} failed`}
        </Fact>
        <Fact name="Cost">
          {dollars(run.cost_usd)}
          {run.orchestrator_usd !== null &&
            run.solvers_usd !== null &&
            ` (orchestrator ${dollars(run.orchestrator_usd)}, solvers ${dollars(run.solvers_usd)})`}
        </Fact>
        <Fact name="Tokens">
          {count(run.usage.input_tokens)} in, {count(run.usage.output_tokens)} out,{" "}
          {counted(run.usage.requests, "request")}
        </Fact>
        <Fact name="Time">{duration(run.elapsed_s)}</Fact>
        <Fact name="Started">{moment(run.started_at)}</Fact>
      </dl>
    </section>
  );
}

/** An answer or a method: a text, or the value that it writes as JSON. */
function Words({ text }: { text: string }) {
  return <Value value={writtenValue(text) ?? text} />;
}

/** The object or list that a text is, as answers under a schema are. */
function writtenValue(text: string): unknown {
  if (!/^[[{]/.test(text)) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Settings({ settings }: { settings: CompareDocument["settings"] }) {
  return (
    <Section id="settings" title="Settings that differ">
      {settings.length === 0 ? (
        <p>None: both runs were asked in the same way.</p>
      ) : (
        <Wide label="Settings that differ">
          <table class="beside">
            <thead>
              <tr>
                <th scope="col">Setting</th>
                <th scope="col">A</th>
                <th scope="col">B</th>
              </tr>
            </thead>
            <tbody>
              {settings.map((setting) => (
                <tr key={setting.name}>
                  <th scope="row">{setting.name}</th>
                  <td>{setting.a ?? "–"}</td>
                  <td>{setting.b ?? "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
    </Section>
  );
}

interface FoundProps {
  id: string;
  title: string;
  noun: string;
  rows: (Partial<ComparedAnswer> & Pick<ComparedMethod, "a" | "b"> & { text: string })[];
  runs: [ComparedRun, ComparedRun];
}

/** What the explores of each run found, a row for each of the things found. */
function Found({ id, title, noun, rows, runs: [a, b] }: FoundProps) {
  if (rows.length === 0) return null;
  return (
    <Section id={id} title={title}>
      <Wide label={title}>
        <table class="beside">
          <thead>
            <tr>
              <th scope="col">{noun}</th>
              <th scope="col">A</th>
              <th scope="col">B</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row, at) => (
              <tr key={at}>
                <th scope="row">
                  <Words text={row.text} />
                </th>
                <Explores run={a} ids={row.a} chosen={row.chosen_in_a ?? false} />
                <Explores run={b} ids={row.b} chosen={row.chosen_in_b ?? false} />
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </Section>
  );
}

function Explores({ run, ids, chosen }: { run: ComparedRun; ids: number[]; chosen: boolean }) {
  return (
    <td>
      {ids.length === 0 && "–"}
      {ids.map((id) => (
        <a
          key={id}
          class="explore-link"
          href={`/runs/${encodeURIComponent(run.run_id)}#explore-${id}`}
        >
          <span class="unseen">explore </span>#{id}
        </a>
      ))}
      {chosen && <strong class="chosen-here">the answer</strong>}
    </td>
  );
}
