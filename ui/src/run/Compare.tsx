/** Two candidates side by side, with the step where they part. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { counted, share } from "../format";
import type { PageCandidate } from "../generated/run";
import { Rich, RichLine } from "../text/Rich";
import { aligned, type Pair, partingAt } from "./steps";
import { AnswerLine } from "./Value";
import { makerOf } from "./wording";

/** Longer justifications are not aligned: they stand as they are, below each other in two columns. */
const LONGEST = 100_000;

export function SideBySide(props: {
  left: PageCandidate;
  right: PageCandidate;
  close: () => void;
}) {
  const { left, right } = props;
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), [left.explore_id, right.explore_id]);
  const [a, b] = [left.reasoning ?? "", right.reasoning ?? ""];
  const pairs = useMemo(() => (a.length + b.length > LONGEST ? null : aligned(a, b)), [a, b]);
  return (
    <div class="side-by-side" role="group" aria-labelledby="side-by-side-title">
      <div class="row">
        <h3 id="side-by-side-title" tabIndex={-1} ref={title}>
          Explores #{left.explore_id} and #{right.explore_id} side by side
        </h3>
        <button type="button" onClick={props.close}>
          Close
        </button>
      </div>
      {pairs && <p class="note">{partingWords(pairs)}</p>}
      <table class="pairs">
        <thead>
          <tr>
            {[left, right].map((one) => (
              <th key={one.explore_id} scope="col">
                <Head one={one} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {pairs ? (
            <Pairs pairs={pairs} />
          ) : (
            <tr>
              <td>
                <Rich text={a} />
              </td>
              <td>
                <Rich text={b} />
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function Head({ one }: { one: PageCandidate }) {
  return (
    <>
      <span class="number">#{one.explore_id}</span>{" "}
      <AnswerLine answer={one.answer} text={one.answer_text ?? "no answer"} />
      <span class="note">
        {makerOf(one)}
        {one.confidence !== null && `, confidence ${share(one.confidence)}`}
      </span>
      {one.approach && (
        <span class="note">
          <RichLine text={one.approach} />
        </span>
      )}
    </>
  );
}

function partingWords(pairs: Pair[]): string {
  const at = partingAt(pairs);
  if (pairs.length === 0) return "Neither gives a justification.";
  if (at < 0) return "They take the same steps.";
  if (at === 0) return "They part at the first step.";
  return `They agree for ${counted(at, "step")}, and part at the step that is marked.`;
}

/** Pairs that are drawn at once; the others follow, as many at a time. */
const PORTION = 12;

/** Milliseconds between two portions, in which the page takes keys and clicks. */
const PAUSE_MS = 30;

function Pairs({ pairs }: { pairs: Pair[] }) {
  const parting = partingAt(pairs);
  const [drawn, setDrawn] = useState({ pairs, count: PORTION });
  const count = drawn.pairs === pairs ? drawn.count : PORTION;
  useEffect(() => {
    if (count >= pairs.length) return;
    const next = setTimeout(() => setDrawn({ pairs, count: count + PORTION }), PAUSE_MS);
    return () => clearTimeout(next);
  }, [pairs, count]);
  return (
    <>
      {pairs.slice(0, count).map((pair, index) => (
        <tr key={index} class={`pair ${pair.kind}`} id={index === parting ? "parting" : undefined}>
          {[pair.left, pair.right].map((text, side) => (
            <td key={side}>
              {index === parting && side === 0 && <span class="tag">Here they part</span>}
              {text === null ? <span class="quiet">no such step</span> : <Rich text={text} />}
            </td>
          ))}
        </tr>
      ))}
    </>
  );
}
