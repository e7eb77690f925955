/** Documents of a run for tests: a whole one, with what a test says otherwise. */
import type { PageCandidate, PageDocument } from "../src/generated/run";

/** A candidate that answered. */
export function aCandidate(
  id: number,
  answer: string,
  more: Partial<PageCandidate> = {},
): PageCandidate {
  return {
    explore_id: id,
    solver: "sonnet",
    model: "maker/sonnet",
    effort: null,
    strategy: "direct",
    role: "solver",
    instruction: null,
    status: "ok",
    answer,
    answer_text: answer,
    approach: "Counts pairs.",
    reasoning: `There are 21 pairs.\n\nSo it is ${answer}.`,
    confidence: 0.8,
    error: null,
    usage: null,
    cost_usd: 0.1,
    elapsed_s: 4,
    changed: id,
    origin: "prefetch",
    group: 1,
    started_at: 100,
    ended_at: 104,
    state: "ok",
    received_tokens: null,
    skipped: null,
    ...more,
  };
}

/** A run of three candidates: two answer 20, one answers 19. */
export function aRun(more: Partial<PageDocument> = {}): PageDocument {
  const group = (number: number, answer: string, ids: number[], chosen: boolean) => ({
    number,
    answer,
    text: answer,
    explore_ids: ids,
    by: "rule" as const,
    chosen,
    solvers: ["sonnet"],
    models: ["maker/sonnet"],
    approaches: ["Counts pairs."],
  });
  const cell = (number: number, ids: number[]) => ({
    group: number,
    approach: "Counts pairs.",
    model: "maker/sonnet",
    explore_ids: ids,
  });
  return {
    format: 1,
    run_id: "r1",
    version: 9,
    at: 130,
    title: "How many?",
    live: false,
    driven: false,
    status: "answered",
    stop_reason: "decided",
    partial: false,
    waiting: null,
    problem: { text: "How many?", images: [], answer_schema: null },
    workflow: { name: "atlas", summary: "explores" },
    limits: {
      max_explores: 8,
      max_cost_usd: 5,
      time_limit_s: 1800,
      explore_effort: "low",
      max_parallel: 4,
    },
    answer: { value: "20", text: "20" },
    confidence: 0.9,
    explanation: "By counting.",
    dissent: "Candidate 3 says 19.",
    error: null,
    warnings: [],
    next: null,
    commands: [],
    agreement: {
      sentence: "2 of 3 agree.",
      groups: [group(1, "20", [1, 2], true), group(2, "19", [3], false)],
    },
    matrix: [cell(1, [1, 2]), cell(2, [3])],
    candidates: [aCandidate(1, "20"), aCandidate(2, "20"), aCandidate(3, "19", { group: 2 })],
    remarks: [],
    decisions: [],
    timeline: { from: 100, to: 130, lanes: [] },
    troubles: [],
    money: {
      spent_usd: 1,
      held_usd: 0,
      uncertain_usd: 0,
      cap_usd: 5,
      unknown: false,
      by_model: [],
    },
    usage: {
      requests: 3,
      input_tokens: 3,
      output_tokens: 3,
      cache_read_tokens: 0,
      cache_write_tokens: 0,
    },
    elapsed_s: 30,
    questions: [],
    actions: [],
    suggestion: null,
    ...more,
  };
}
