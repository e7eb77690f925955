/** What a reader can have done about the run: each says before what it may cost, and after what came of it. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { dollars } from "../format";
import type { PageDocument } from "../generated/run";
import { MAX_COUNT, MAX_EXPLORES_CEILING, MAX_INSTRUCTION_CHARS, STRATEGIES } from "../limits";
import { CopyButton, Outcome, sending } from "../parts";
import type { ActionArguments, ActionName, Source } from "../source";
import { asMarkdown } from "./markdown-copy";
import { about, explorePrice, leftUnder } from "./prices";

export interface ActionProps {
  run: PageDocument;
  source: Source;
  refresh: () => void;
}

/** What the form to go on begins with. A new object opens the form, also with the same text. */
export interface Prefilled {
  instruction: string;
}

const NAMES: Record<ActionName, string> = {
  explore: "Explore more",
  resume: "Go on",
  ask: "Ask",
  cancel: "Cancel the run",
};

/** `prefilled` comes from elsewhere on the page, such as a question that needs new evidence. */
export function Actions(props: ActionProps & { prefilled: Prefilled | null }) {
  const { run, source, refresh, prefilled } = props;
  const [open, setOpen] = useState<ActionName | null>(null);
  const [outcome, setOutcome] = useState<Shown | null>(null);
  const [busy, setBusy] = useState(false);
  const bar = useRef<HTMLDivElement>(null);
  const possible: ActionName[] = source.can("act")
    ? run.actions.filter((one) => one !== "ask")
    : [];

  useEffect(() => {
    if (prefilled) setOpen("resume");
  }, [prefilled]);

  const close = () => {
    const name = open;
    setOpen(null);
    requestAnimationFrame(() =>
      bar.current?.querySelector<HTMLElement>(`[data-action="${name}"]`)?.focus(),
    );
  };
  const act = async (name: ActionName, args: ActionArguments) => {
    setBusy(true);
    setOutcome(null);
    const result = await source.act(name, args);
    setBusy(false);
    if (result.ok) setOpen(null);
    setOutcome(result.ok ? { text: doneText(name, run), bad: false } : refused(result.error));
    refresh();
  };
  const panel = open && possible.includes(open) ? open : null;
  return (
    <div class="actions" ref={bar}>
      <div class="buttons">
        {possible.map((name) => (
          <button
            key={name}
            type="button"
            data-action={name}
            class={name !== "cancel" && run.status !== "answered" ? "primary" : ""}
            aria-expanded={panel === name}
            onClick={() => {
              setOutcome(null);
              setOpen(panel === name ? null : name);
            }}
          >
            {nameOf(name, run)}…
          </button>
        ))}
        {run.answer && <CopyButton text={() => run.answer?.text ?? ""}>Copy answer</CopyButton>}
        <CopyButton text={() => asMarkdown(run)}>Copy as Markdown</CopyButton>
        <Links source={source} fail={(error) => setOutcome(refused(error))} />
      </div>
      {panel === "explore" && <Explore run={run} busy={busy} act={act} close={close} />}
      {panel === "resume" && (
        <Resume
          key={prefilled?.instruction}
          run={run}
          busy={busy}
          act={act}
          close={close}
          prefilled={prefilled}
        />
      )}
      {panel === "cancel" && <Cancel run={run} busy={busy} act={act} close={close} />}
      {outcome && <Outcome {...outcome} />}
    </div>
  );
}

interface Shown {
  text: string;
  bad: boolean;
}

const refused = (text: string): Shown => ({ text, bad: true });

/** After its end, all that can be cancelled is a question. */
const stopsQuestion = (run: PageDocument) => run.status !== "running";

function nameOf(name: ActionName, run: PageDocument): string {
  return name === "cancel" && stopsQuestion(run) ? "Stop the question" : NAMES[name];
}

function doneText(name: ActionName, run: PageDocument): string {
  if (name === "cancel" && stopsQuestion(run))
    return "The question is being stopped. The run stays as it is.";
  return DONE[name];
}

const DONE: Record<ActionName, string> = {
  explore: "The explores are planned; they appear below as they begin.",
  resume: "The run goes on.",
  ask: "The question was asked.",
  cancel: "The run is being stopped. Its evidence is kept.",
};

function Links({ source, fail }: { source: Source; fail: (error: string) => void }) {
  const transcript = source.address("transcript");
  const file = source.address("file");
  const open = () =>
    source.openTranscript?.().catch((error: unknown) => {
      fail(error instanceof Error ? error.message : String(error));
    });
  return (
    <>
      {transcript && (
        <a class="button" href={transcript} target="_blank" rel="noopener">
          Open transcript
        </a>
      )}
      {!transcript && source.can("transcript") && (
        <button type="button" onClick={() => void open()}>
          Open transcript
        </button>
      )}
      {file && (
        <a class="button" href={file} download>
          Save as file
        </a>
      )}
    </>
  );
}

interface FormProps {
  run: PageDocument;
  busy: boolean;
  act: (name: ActionName, args: ActionArguments) => void;
  close: () => void;
}

/** A form of an action: its fields, its price, and what sends it. */
function Form(props: {
  name: ActionName;
  title: string;
  price: ComponentChildren;
  send: string;
  busy: boolean;
  args: (fields: FormData) => ActionArguments;
  act: FormProps["act"];
  close: () => void;
  children?: ComponentChildren;
}) {
  const place = useRef<HTMLFormElement>(null);
  useEffect(() => {
    const field = place.current?.querySelector<HTMLElement>("input, select, textarea");
    (field ?? place.current)?.focus();
  }, []);
  const send = (form: HTMLFormElement) => {
    if (!props.busy) props.act(props.name, props.args(new FormData(form)));
  };
  return (
    <form
      ref={place}
      tabIndex={-1}
      class="panel"
      aria-label={props.title}
      onKeyDown={(event) => event.key === "Escape" && props.close()}
    >
      {props.children}
      <p class="price">{props.price}</p>
      <div class="buttons">
        <button type="submit" onClick={sending(send)} class="primary" aria-disabled={props.busy}>
          {props.busy ? "Working…" : props.send}
        </button>
        <button type="button" onClick={props.close}>
          Leave it
        </button>
      </div>
    </form>
  );
}

/** The fields that were filled in, numbers as numbers. */
export function filled(fields: FormData, numbers: readonly string[]): ActionArguments {
  const args: ActionArguments = {};
  for (const [name, value] of fields) {
    const text = String(value).trim();
    if (text !== "") args[name] = numbers.includes(name) ? Number(text) : text;
  }
  return args;
}

function Explore({ run, busy, act, close }: FormProps) {
  const [number, setNumber] = useState(1);
  const [solver, setSolver] = useState("");
  const solvers = [...new Set(run.candidates.map((one) => one.solver))];
  const each = explorePrice(run, solver);
  const left = leftUnder(run, run.limits.max_cost_usd);
  return (
    <Form
      name="explore"
      title="Explore more"
      busy={busy}
      act={act}
      close={close}
      send={number === 1 ? "Explore once" : `Explore ${number} times`}
      args={(fields) => filled(fields, ["count"])}
      price={
        <>
          Costs {about(each === null ? null : each * number)}, as explores of this run did
          {left !== null && `; ${dollars(left)} are left under its cap`}.
        </>
      }
    >
      <div class="fields-row">
        <label>
          How many
          <input
            name="count"
            type="number"
            min={1}
            max={MAX_COUNT}
            required
            value={number}
            onInput={(event) => setNumber(Math.max(1, Number(event.currentTarget.value)))}
          />
        </label>
        <label>
          Solver
          <select
            name="solver"
            value={solver}
            onChange={(event) => setSolver(event.currentTarget.value)}
          >
            <option value="">the first free one</option>
            {solvers.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <label>
          Strategy
          <select name="strategy">
            {STRATEGIES.map((one) => (
              <option key={one} value={one}>
                {one.replaceAll("_", " ")}
              </option>
            ))}
          </select>
        </label>
      </div>
      <label>
        Instruction to the solver, if any
        <textarea name="instruction" rows={2} maxLength={MAX_INSTRUCTION_CHARS} />
      </label>
    </Form>
  );
}

function Resume(props: FormProps & { prefilled: Prefilled | null }) {
  const { run, busy, act, close, prefilled } = props;
  const wanted = run.suggestion;
  const [cap, setCap] = useState(wanted?.max_cost_usd ?? run.limits.max_cost_usd);
  const left = leftUnder(run, cap);
  return (
    <Form
      name="resume"
      title="Go on with the run"
      busy={busy}
      act={act}
      close={close}
      send="Go on"
      args={(fields) => filled(fields, ["max_explores", "max_cost_usd"])}
      price={
        left === null
          ? "What it will cost is unknown: there is no cap, or no known price."
          : `It may spend up to ${dollars(left)} more; explores of this run cost ${about(explorePrice(run))} each.`
      }
    >
      <div class="fields-row">
        <label>
          At most so many explores
          <input
            name="max_explores"
            type="number"
            min={1}
            max={MAX_EXPLORES_CEILING}
            defaultValue={String(wanted?.max_explores ?? run.limits.max_explores)}
          />
        </label>
        {run.limits.max_cost_usd !== null && (
          <label>
            Cap in US dollars
            <input
              name="max_cost_usd"
              type="number"
              min={0}
              step="any"
              value={cap ?? ""}
              onInput={(event) => setCap(Number(event.currentTarget.value))}
            />
          </label>
        )}
      </div>
      <label>
        Instruction to the orchestrator, if any
        <textarea
          name="instruction"
          rows={2}
          maxLength={MAX_INSTRUCTION_CHARS}
          defaultValue={prefilled?.instruction ?? ""}
          placeholder="Such as: check the case n = 0"
        />
      </label>
    </Form>
  );
}

function Cancel({ run, busy, act, close }: FormProps) {
  return (
    <Form
      name="cancel"
      title={nameOf("cancel", run)}
      busy={busy}
      act={act}
      close={close}
      send={nameOf("cancel", run)}
      args={() => ({})}
      price={
        <>
          {stopsQuestion(run)
            ? "Its call is aborted at once"
            : "Calls in flight are aborted at once"}
          {run.money.held_usd > 0 && `; up to ${dollars(run.money.held_usd)} may still be billed`}
          {stopsQuestion(run)
            ? ". The run, its answer and its evidence stay as they are."
            : ". Its evidence is kept, and the run can go on later."}
        </>
      }
    />
  );
}
