/** Two justifications, step by step, and the step where they part. */
import { diffArrays } from "diff";

/** Two steps beside each other, or one without a counterpart. */
export interface Pair {
  left: string | null;
  right: string | null;
  /** The same but for its wording; alike with other figures; or two steps of two paths. */
  kind: "same" | "differs" | "apart";
}

/** More steps are not compared. */
const MOST_STEPS = 300;

/** How alike two steps are that stand beside each other: shared words of all words. */
const ALIKE = 0.4;

/** Return the steps of a text: paragraphs, items of lists and code, each whole. */
export function stepsOf(text: string): string[] {
  const steps: string[] = [];
  let step: string[] = [];
  let fence: string | null = null;
  const close = () => {
    const whole = step.join("\n").trim();
    if (whole) steps.push(whole);
    step = [];
  };
  for (const line of text.split("\n")) {
    const mark = /^\s*(```+|~~~+|\$\$)/.exec(line)?.[1] ?? null;
    const oneLine = mark === "$$" && line.trim().length > 2 && line.trimEnd().endsWith("$$");
    if (fence !== null) {
      step.push(line);
      if (mark?.startsWith(fence)) fence = null;
    } else if (mark !== null && !oneLine) {
      fence = mark;
      step.push(line);
    } else if (line.trim() === "") {
      close();
    } else {
      if (/^\s*(?:[-*+]|\d{1,3}[.)]|#{1,6})\s/.test(line)) close();
      step.push(line);
    }
  }
  close();
  return steps;
}

/** Align the steps of two texts. */
export function aligned(left: string, right: string): Pair[] {
  const a = stepsOf(left).slice(0, MOST_STEPS).map(read);
  const b = stepsOf(right).slice(0, MOST_STEPS).map(read);
  const changes = diffArrays(a, b, { comparator: alike, timeout: 300 });
  if (!changes) return beside(a, b);
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  let removed: Step[] = [];
  for (const change of changes) {
    const size = change.value.length;
    if (change.removed) {
      removed = a.slice(i, i + size);
      i += size;
    } else if (change.added) {
      pairs.push(...beside(removed, b.slice(j, j + size)));
      removed = [];
      j += size;
    } else {
      pairs.push(...beside(removed, []));
      removed = [];
      for (let n = 0; n < size; n++) pairs.push(met(a[i + n], b[j + n]));
      i += size;
      j += size;
    }
  }
  pairs.push(...beside(removed, []));
  return pairs;
}

/** The first pair that is not the same: where two paths part; -1 where they never do. */
export function partingAt(pairs: Pair[]): number {
  return pairs.findIndex((one) => one.kind !== "same");
}

interface Step {
  text: string;
  words: Set<string>;
  figures: string;
}

function read(text: string): Step {
  const bare = text.replace(/^\s*(?:[-*+]|\d{1,3}[.)]|#{1,6})\s+/, "");
  const words = new Set(bare.toLowerCase().match(/[\p{L}]+|\d+(?:\.\d+)?/gu) ?? []);
  return { text, words, figures: (bare.match(/\d+(?:\.\d+)?/g) ?? []).join(" ") };
}

function likeness(a: Step, b: Step): number {
  if (a.text === b.text) return 1;
  let shared = 0;
  for (const word of a.words) if (b.words.has(word)) shared += 1;
  const all = a.words.size + b.words.size - shared;
  return all === 0 ? 0 : shared / all;
}

function alike(a: Step, b: Step): boolean {
  return likeness(a, b) >= ALIKE;
}

function met(a: Step | undefined, b: Step | undefined): Pair {
  const left = a ?? null;
  const right = b ?? null;
  const same = left && right && left.figures === right.figures && likeness(left, right) >= 0.75;
  return { left: left?.text ?? null, right: right?.text ?? null, kind: same ? "same" : "differs" };
}

function beside(a: Step[], b: Step[]): Pair[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, n) => ({
    left: a[n]?.text ?? null,
    right: b[n]?.text ?? null,
    kind: "apart" as const,
  }));
}
