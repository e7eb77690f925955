/** Questions about the run, answered by the orchestrator from the evidence on record. */
import { useRef, useState } from "preact/hooks";
import { dollars } from "../format";
import type { PageQuestion } from "../generated/run";
import { MAX_INSTRUCTION_CHARS, MAX_QUESTION_CHARS } from "../limits";
import { Outcome, Section, sending } from "../parts";
import { Rich } from "../text/Rich";
import type { ActionProps } from "./Actions";
import { about, turnPrice } from "./prices";

const OFTEN = ["Where is the weakest step?", "What would change your mind?"];

/** `gather`: have the run go on with an instruction, where it can. */
export function Questions(props: ActionProps & { gather: (instruction: string) => void }) {
  const { run, source, refresh } = props;
  const asking = run.questions.some((one) => one.state === "asked");
  const may = source.can("act") && (run.actions.includes("ask") || asking);
  const gather = source.can("act") && run.actions.includes("resume") ? props.gather : null;
  if (!may && run.questions.length === 0) return null;
  return (
    <Section id="questions" title="Questions about this run">
      {run.questions.length > 0 && (
        <ol class="questions">
          {run.questions.map((one) => (
            <Question key={one.number} one={one} gather={gather} />
          ))}
        </ol>
      )}
      {may && <Ask run={run} source={source} refresh={refresh} asking={asking} />}
    </Section>
  );
}

function Question(props: { one: PageQuestion; gather: ((instruction: string) => void) | null }) {
  const { one, gather } = props;
  const missing = one.needs_new_evidence;
  return (
    <li>
      <h3 class="question">
        <Rich text={one.question} />
      </h3>
      {one.state === "asked" && <p class="note">The orchestrator reads the evidence…</p>}
      {one.error && <p class="bad">{one.error}</p>}
      {one.answer && <Rich text={one.answer} />}
      {one.note && <p class="note">{one.note}</p>}
      {missing && (
        <div class="needs">
          <p class="note">It would need new evidence:</p>
          <Rich text={missing} />
          {gather && (
            <button type="button" onClick={() => gather(missing.slice(0, MAX_INSTRUCTION_CHARS))}>
              Gather it…
            </button>
          )}
        </div>
      )}
      <p class="note">
        {one.cites.length > 0 && (
          <>
            Rests on{" "}
            {one.cites.map((id) => (
              <a key={id} href={`#explore-${id}`}>
                #{id}
              </a>
            ))}
            {". "}
          </>
        )}
        {one.state === "answered" && `Cost ${dollars(one.cost_usd)}.`}
      </p>
    </li>
  );
}

function Ask({ run, source, refresh, asking }: ActionProps & { asking: boolean }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<{ text: string; bad: boolean } | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const idle = busy || asking || text.trim() === "";
  const ask = async () => {
    if (idle) return;
    setBusy(true);
    setOutcome(null);
    const result = await source.act("ask", { question: text.trim() });
    setBusy(false);
    if (result.ok) setText("");
    setOutcome({
      text: result.ok ? "Asked: the answer appears above." : result.error,
      bad: !result.ok,
    });
    refresh();
  };
  const suggest = (question: string) => {
    setText(question);
    field.current?.focus();
  };
  const minority = run.agreement.groups.find((group) => !group.chosen && group.text.length <= 40);
  const often = run.answer && minority ? [`Why not ${minority.text}?`, ...OFTEN] : OFTEN;
  return (
    <form class="ask" aria-label="Ask about this run">
      <label>
        Ask the orchestrator
        <textarea
          ref={field}
          name="question"
          rows={2}
          maxLength={MAX_QUESTION_CHARS}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <p class="often">
        {often.map((question) => (
          <button
            key={question}
            type="button"
            class="plain-button"
            onClick={() => suggest(question)}
          >
            {question}
          </button>
        ))}
      </p>
      <p class="price">
        One call of the orchestrator with all the evidence: its turns in this run cost{" "}
        {about(turnPrice(run))} each.
      </p>
      <div class="buttons">
        <button
          type="submit"
          onClick={sending(() => void ask())}
          class="primary"
          aria-disabled={idle}
        >
          {busy || asking ? "Asking…" : "Ask"}
        </button>
      </div>
      {outcome && <Outcome {...outcome} />}
    </form>
  );
}
