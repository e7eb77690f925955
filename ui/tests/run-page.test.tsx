import { render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { PageDocument } from "../src/generated/run";
import { MAX_EXPLORES_CEILING } from "../src/limits";
import { asMarkdown } from "../src/run/markdown-copy";
import { RunPage } from "../src/run/RunPage";
import { ticks } from "../src/run/Timeline";
import { valueLine } from "../src/run/Value";
import { news } from "../src/run/wording";
import type { ActionArguments, ActionName, Result, Source } from "../src/source";
import { aCandidate, aRun } from "./a-run";

/** A place whose documents and answers a test chooses. */
class Stage implements Source {
  acts: [ActionName, ActionArguments][] = [];
  result: Result = { ok: true };
  constructor(public run: PageDocument) {}
  async document() {
    return this.run;
  }
  async act(name: ActionName, args: ActionArguments) {
    this.acts.push([name, args]);
    return this.result;
  }
  can(name: string) {
    return name === "act" || (name === "transcript" && this.openTranscript !== undefined);
  }
  address() {
    return null;
  }
  openTranscript?: () => Promise<void>;
}

const place = document.createElement("div");
const rest = () => vi.advanceTimersByTimeAsync(50);
const find = <T extends HTMLElement>(selector: string) => {
  const found = place.querySelector<T>(selector);
  if (!found) throw new Error(`no ${selector}`);
  return found;
};

const submit = (form: string) => find(`${form} button[type=submit]`).click();

async function show(run: PageDocument, more: Partial<Stage> = {}): Promise<Stage> {
  const stage = Object.assign(new Stage(run), more);
  render(<RunPage source={stage} />, place);
  await rest();
  return stage;
}

beforeEach(() => {
  vi.useFakeTimers();
  document.body.append(place);
});
afterEach(() => {
  render(null, place);
  place.remove();
  vi.useRealTimers();
});

test("the parts stand in the order in which a doubting reader asks", async () => {
  await show(aRun());
  const titles = [...place.querySelectorAll("main h2")].map((one) => one.textContent);
  expect(titles).toEqual([
    "Answer",
    "What speaks against it",
    "How it follows",
    "Candidates",
    "Money",
  ]);
});

test("a dissent is quoted, and a minority is named with its explore", async () => {
  await show(aRun());
  expect(find("#against blockquote").textContent).toContain("Candidate 3 says 19.");
  expect(find("#against li").textContent).toBe("1 candidate answers 19 explore #3");
});

test("the matrix says along how many paths the answer was found", async () => {
  await show(aRun());
  expect(find(".matrix .note").textContent).toBe(
    "The answer has 2 candidates behind it: they are one path.",
  );
});

test("decisions and troubles are told in the sentences of the document", async () => {
  const decision = {
    turn: 1,
    at: 101,
    ended_at: 102,
    kind: "explored" as const,
    by: "orchestrator" as const,
    sentence: "The orchestrator (turn 1) asks for explore 3",
    reason: "Looking further.",
    words: null,
    explore_ids: [3],
    refused: [],
    usage: null,
    cost_usd: 0.2,
  };
  const trouble = {
    at: 103,
    kind: "retry" as const,
    where: "explore 3",
    sentence: "Explore 3 failed and is made again",
    cause: "503",
    explore_id: 3,
    turn: null,
  };
  await show(aRun({ decisions: [decision], troubles: [trouble] }));
  expect(find("#decisions .decision-head").textContent).toContain(`${decision.sentence} $0.20`);
  expect(find("#troubles tbody a").textContent).toBe(trouble.sentence);
});

test("HTML of a model is text", async () => {
  const run = aRun({ dissent: "<img src=x onerror=alert(1)>", error: "<b>no</b>" });
  await show(run);
  expect(place.querySelector("main img, main b")).toBeNull();
  expect(find("#against blockquote").textContent).toContain("<img src=x");
});

test("two ticked candidates stand side by side, and closing gives the focus back", async () => {
  await show(aRun());
  find("#compare-1").click();
  find("#compare-3").click();
  await rest();
  expect(document.activeElement?.textContent).toBe("Explores #1 and #3 side by side");
  expect(find("#parting").textContent).toContain("Here they part");
  expect(find(".side-by-side .note").textContent).toBe(
    "They agree for 1 step, and part at the step that is marked.",
  );
  find(".side-by-side button").click();
  await rest();
  expect(document.activeElement?.id).toBe("compare-3");
});

test("a justification is drawn when it is opened, and not before", async () => {
  await show(aRun());
  expect(place.querySelector("details .rich")).toBeNull();
  const details = find<HTMLDetailsElement>("#explore-1 details");
  details.open = true;
  details.dispatchEvent(new Event("toggle"));
  await rest();
  expect(details.querySelector(".rich")?.textContent).toContain("There are 21 pairs.");
});

test("a resumption says what it may spend, and sends what was filled in", async () => {
  const run = aRun({ actions: ["resume"], suggestion: { max_explores: 12, max_cost_usd: null } });
  const stage = await show(run);
  find('[data-action="resume"]').click();
  await rest();
  expect(document.activeElement?.getAttribute("name")).toBe("max_explores");
  expect(find(".price").textContent).toBe(
    "It may spend up to $4.00 more; explores of this run cost about $0.10 each.",
  );
  submit("form.panel");
  await rest();
  expect(stage.acts).toEqual([["resume", { max_explores: 12, max_cost_usd: 5 }]]);
  expect(find(".outcome").textContent).toBe("The run goes on.");
  expect(document.activeElement).toBe(find(".outcome"));
});

test("a refusal stands where it was asked, and the form stays", async () => {
  const stage = await show(aRun({ actions: ["cancel"], status: "running", live: true }));
  stage.result = { ok: false, error: "It has ended." };
  find('[data-action="cancel"]').click();
  await rest();
  submit("form.panel");
  await rest();
  expect(find(".outcome[role=alert]").textContent).toBe("It has ended.");
  expect(place.querySelector("form.panel")).not.toBeNull();
});

test("Escape leaves a form, and its button has the focus again", async () => {
  await show(aRun({ actions: ["explore"] }));
  find('[data-action="explore"]').click();
  await rest();
  const key = new KeyboardEvent("keydown", { key: "Escape", bubbles: true });
  find("form.panel input").dispatchEvent(key);
  await rest();
  expect(document.activeElement?.getAttribute("data-action")).toBe("explore");
});

test("a question is asked with its price before it", async () => {
  const stage = await show(aRun({ actions: ["ask"] }));
  const [why] = place.querySelectorAll<HTMLButtonElement>(".often button");
  expect(why?.textContent).toBe("Why not 19?");
  why?.click();
  await rest();
  submit("form.ask");
  await rest();
  expect(stage.acts).toEqual([["ask", { question: "Why not 19?" }]]);
});

test("evidence that a question lacks is gathered with an instruction", async () => {
  const question = {
    number: 1,
    at: 140,
    question: "Why not 19?",
    state: "answered" as const,
    answer: "It counts twice.",
    cites: [3],
    needs_new_evidence: "Check the case of two people.",
    cost_usd: 0.1,
    error: null,
  };
  await show(aRun({ actions: ["resume", "ask"], questions: [question as never] }));
  find(".needs button").click();
  await rest();
  expect(find<HTMLTextAreaElement>("form.panel textarea").value).toBe(
    "Check the case of two people.",
  );
});

test("after the end of a run, a question is what can be stopped", async () => {
  await show(aRun({ actions: ["cancel"] }));
  expect(find('[data-action="cancel"]').textContent).toBe("Stop the question…");
  find('[data-action="cancel"]').click();
  await rest();
  expect(find(".price").textContent).toBe(
    "Its call is aborted at once. The run, its answer and its evidence stay as they are.",
  );
  submit("form.panel");
  await rest();
  expect(find(".outcome").textContent).toBe(
    "The question is being stopped. The run stays as it is.",
  );
});

const linksTo = (text: string) =>
  [...place.querySelectorAll<HTMLElement>(".actions .buttons > *")].find(
    (one) => one.textContent === text,
  );

test("a transcript is offered only where the place can show it", async () => {
  await show(aRun());
  expect(linksTo("Open transcript")).toBeUndefined();
});

test("a transcript that the host does not allow says so", async () => {
  await show(aRun(), {
    openTranscript: () => Promise.reject(new Error("The host did not allow it.")),
  });
  linksTo("Open transcript")?.click();
  await rest();
  expect(find(".outcome[role=alert]").textContent).toBe("The host did not allow it.");
});

test("no form offers more than the server takes", async () => {
  await show(aRun({ actions: ["resume"] }));
  find('[data-action="resume"]').click();
  await rest();
  expect(find("input[name=max_explores]").getAttribute("max")).toBe(String(MAX_EXPLORES_CEILING));
});

test("what happens is told in words", () => {
  const before = aRun({
    version: 5,
    status: "running",
    candidates: [aCandidate(1, "20", { state: "running" })],
  });
  const now = aRun({ version: 6, status: "running", candidates: [aCandidate(1, "20")] });
  expect(news(before, now)).toBe("Explore 1 answers: 20.");
  expect(news(null, now)).toBe("");
});

test("a run as Markdown has its answer, and what speaks against it", () => {
  const text = asMarkdown(aRun());
  expect(text).toContain("**Answer**\n\n```text\n20\n```");
  expect(text).toContain("**Against it**\n\n```text\nCandidate 3 says 19.\n```");
});

test("Markdown of a model has no effect in a copied run", () => {
  const hostile = "```\n# Trust me\n````\n[x](javascript:alert(1)) <script>";
  const text = asMarkdown(aRun({ dissent: hostile, error: null, explanation: hostile }));
  const fenced = text.split(`\`\`\`\`\`text\n${hostile}\n\`\`\`\`\`\n`);
  expect(fenced).toHaveLength(3);
});

test("a value in a line has names and no braces", () => {
  expect(valueLine({ left: "red", size: [1, 2], ok: true })).toBe(
    "left: red, size: (1, 2), ok: yes",
  );
});

test.each([1, 7, 61, 900, 100_000, 10_000_000])(
  "an axis of %s seconds has a few marks",
  (length) => {
    const marks = ticks(length);
    expect(marks[0]).toBe(0);
    expect(marks.length).toBeGreaterThanOrEqual(1);
    expect(marks.length).toBeLessThanOrEqual(6);
  },
);
