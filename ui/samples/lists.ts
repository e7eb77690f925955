/** Lists, a comparison and statistics as a server sends them: for tests, and to look at. */
import type { CompareDocument } from "../src/generated/compare";
import type { RunLine, RunsDocument } from "../src/generated/runs";
import type { StatsDocument, WinningShare } from "../src/generated/stats";

/** 2026-11-30 06:00 UTC. */
export const NOW = 1_796_018_400;

const DAY = 86_400;

export const lines: RunLine[] = [
  line(1, {
    title: "Prove or refute: every group of order 2027 is cyclic.",
    status: "running",
    stop_reason: null,
    state: "running",
    ended_at: null,
    started_at: NOW - 40,
    models: ["claude-sonnet-5-5"],
    explores: 2,
    answer_text: null,
    confidence: null,
    cost_usd: 0.0312,
  }),
  line(2, {
    title: "How many integers n with 1 ≤ n ≤ 1000 have a square whose last two digits are both odd?",
    answer_text: "0",
    explores: 2,
  }),
  line(3, {
    title:
      "In the attached chart, which of the four series crosses the dashed line first, and in which year does it do so? Say also how far the reading can be off.",
    answer_text: "Series C, in 1987; the reading can be off by a year to either side since the grid has five-year steps.",
    models: ["claude-sonnet-5-5", "qwen3-32b", "gpt-6-mini"],
    explores: 8,
    stop_reason: "max_explores",
    state: "answered: limit of explores",
    cost_usd: 1.284,
    started_at: NOW - 5 * 3_600,
  }),
  line(4, {
    title: "Is there a closed form for the sum of 1/(n^2+1) over all positive n?",
    status: "failed",
    stop_reason: "no_candidates",
    state: "failed: no candidates",
    answer_text: null,
    confidence: null,
    explores: 3,
    cost_usd: null,
    started_at: NOW - 2 * DAY,
  }),
  line(5, {
    title: "Which enzyme in this pathway is rate-limiting under hypoxia?",
    stop_reason: "no_supported_answer",
    state: "no supported answer",
    answer_text: null,
    confidence: 0.2,
    explores: 6,
    cost_usd: 0.74,
    started_at: NOW - 3 * DAY,
  }),
  line(6, {
    title: "Find the bug in the attached scheduler and say how it shows.",
    status: "interrupted",
    stop_reason: null,
    state: "interrupted",
    ended_at: null,
    answer_text: null,
    confidence: null,
    cost_usd: 0.11,
    started_at: NOW - 9 * DAY,
  }),
  line(7, {
    title: "<img src=x onerror=alert(1)> and a_very_long_word_without_any_place_to_break_it_".padEnd(160, "x"),
    status: "cancelled",
    stop_reason: "cancelled",
    state: "cancelled",
    answer_text: null,
    confidence: null,
    explores: 1,
    cost_usd: 0.004,
    started_at: NOW - 30 * DAY,
  }),
];

function line(number: number, other: Partial<RunLine>): RunLine {
  return {
    run_id: `run-${String(number).padStart(4, "0")}`,
    title: "",
    status: "answered",
    stop_reason: "decided",
    state: "answered",
    workflow: "atlas",
    started_at: NOW - 3_000,
    ended_at: NOW - 2_900,
    cost_usd: 0.21,
    models: ["claude-sonnet-5-5"],
    explores: 4,
    answer_text: "42",
    confidence: 0.9,
    indexed: true,
    found_in: null,
    snippet: [],
    ...other,
  };
}

export const runs: RunsDocument = {
  format: 1,
  at: NOW,
  query: "",
  limit: 50,
  offset: 0,
  total: lines.length,
  unindexed: 0,
  note: null,
  runs: lines,
};

export const none: RunsDocument = { ...runs, total: 0, runs: [] };

export const found: RunsDocument = {
  ...runs,
  query: "scheduler",
  total: 2,
  runs: [
    {
      ...(lines[5] as RunLine),
      found_in: "problem",
      snippet: [
        { text: "Find the bug in the attached ", hit: false },
        { text: "scheduler", hit: true },
        { text: " and say how it shows.", hit: false },
      ],
    },
    {
      ...(lines[2] as RunLine),
      found_in: "candidates",
      snippet: [
        { text: "… the ", hit: false },
        { text: "scheduler", hit: true },
        { text: " of the plant was replaced in 1987, which <b>explains</b> the step …", hit: false },
      ],
    },
  ],
};

const MODELS: readonly [name: string, months: readonly string[], usd: number][] = [
  ["claude-sonnet-5-5", ["2026-11", "2026-10", "2026-09", "2026-07", "2026-06"], 6.4],
  ["gpt-6-mini", ["2026-11", "2026-10", "2026-09"], 1.9],
  ["qwen3-32b", ["2026-11", "2026-10"], 0.32],
];

export const stats: StatsDocument = {
  format: 1,
  at: NOW,
  since: NOW - 170 * DAY,
  runs: 318,
  unindexed: 0,
  note: "Runs that were removed are in none of these figures.",
  cost_usd: 61.37,
  unpriced_runs: 4,
  answered: 271,
  mean_cost_usd: 0.21,
  mean_cost_of: 268,
  mean_explores: 3.4,
  outcomes: [
    { status: "answered", stop_reason: "decided", state: "answered", runs: 248 },
    { status: "answered", stop_reason: "max_explores", state: "answered: limit of explores", runs: 16 },
    { status: "cancelled", stop_reason: "cancelled", state: "cancelled", runs: 21 },
    { status: "answered", stop_reason: "no_supported_answer", state: "no supported answer", runs: 7 },
    { status: "failed", stop_reason: "no_candidates", state: "failed: no candidates", runs: 9 },
    { status: "interrupted", stop_reason: null, state: "interrupted", runs: 14 },
    { status: "running", stop_reason: null, state: "running", runs: 3 },
  ],
  months: MODELS.flatMap(([model, months, usd]) =>
    months.flatMap((month, at) =>
      (["solver", "orchestrator"] as const).map((role) => ({
        month,
        model,
        role,
        runs: 20 - 3 * at,
        requests: 80 - 9 * at,
        input_tokens: 1_240_000 - 190_000 * at,
        output_tokens: 310_000 - 40_000 * at,
        cost_usd: (role === "solver" ? usd : usd / 3) * (1 - 0.17 * at),
        unpriced_calls: model === "qwen3-32b" && role === "solver" ? 4 : 0,
      })),
    ),
  ),
  solvers: [
    winning("sonnet", { explores: 640, failed: 6, judged: 590, won: 472, share: 0.8, low: 0.766, high: 0.83, cost_usd: 31.2 }),
    winning("gpt", { explores: 122, failed: 11, judged: 98, won: 61, share: 0.622, low: 0.524, high: 0.712, cost_usd: 6.8 }),
    winning("qwen", { explores: 9, failed: 2, judged: 6, won: 4, share: 0.667, low: 0.3, high: 0.903, cost_usd: 0, unpriced: 9 }),
    winning("local", { explores: 1, failed: 1, judged: 0, won: 0, cost_usd: 0 }),
  ],
  strategies: [
    winning("default", { explores: 690, failed: 17, judged: 620, won: 485, share: 0.782, low: 0.748, high: 0.813, cost_usd: 33.1 }),
    winning("decompose", { explores: 82, failed: 3, judged: 74, won: 52, share: 0.703, low: 0.591, high: 0.795, cost_usd: 4.9 }),
  ],
  efforts: [
    winning("", { explores: 700, failed: 19, judged: 640, won: 500, share: 0.781, low: 0.748, high: 0.812, cost_usd: 34 }),
    winning("high", { explores: 72, failed: 1, judged: 54, won: 37, share: 0.685, low: 0.553, high: 0.793, cost_usd: 4 }),
  ],
};

function winning(name: string, other: Partial<WinningShare>): WinningShare {
  return {
    name,
    explores: 0,
    failed: 0,
    judged: 0,
    won: 0,
    share: null,
    low: null,
    high: null,
    cost_usd: 0,
    unpriced: 0,
    ...other,
  };
}

export const noStats: StatsDocument = {
  ...stats,
  since: null,
  runs: 0,
  cost_usd: 0,
  unpriced_runs: 0,
  answered: 0,
  mean_cost_usd: null,
  mean_cost_of: 0,
  mean_explores: null,
  outcomes: [],
  months: [],
  solvers: [],
  strategies: [],
  efforts: [],
};

const usage = {
  requests: 6,
  input_tokens: 18_400,
  output_tokens: 9_120,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
};

export const comparison: CompareDocument = {
  format: 1,
  at: NOW,
  a: {
    run_id: "run-0002",
    title: "How many lattice points lie strictly inside the triangle (0,0), (21,0), (0,14)?",
    problem: "How many lattice points lie strictly inside the triangle with corners $(0,0)$, $(21,0)$ and $(0,14)$?",
    status: "answered",
    stop_reason: "decided",
    state: "answered",
    started_at: NOW - 3 * DAY,
    elapsed_s: 48.2,
    answer_text: "$127$",
    confidence: 0.92,
    agreement: "3 of 4 candidates agree, by rule.",
    explores: 4,
    failed: 0,
    cost_usd: 0.214,
    orchestrator_usd: 0.051,
    solvers_usd: 0.163,
    usage,
  },
  b: {
    run_id: "run-0003",
    title: "How many lattice points lie strictly inside the triangle (0,0), (21,0), (0,14)?",
    problem: "How many lattice points lie strictly inside the triangle with corners $(0,0)$, $(21,0)$ and $(0,14)$?",
    status: "answered",
    stop_reason: "max_explores",
    state: "answered: limit of explores",
    started_at: NOW - 2 * DAY,
    elapsed_s: 131,
    answer_text: "$130$",
    confidence: 0.55,
    agreement: "2 of 5 candidates agree, by rule.",
    explores: 6,
    failed: 1,
    cost_usd: 0.62,
    orchestrator_usd: 0.12,
    solvers_usd: 0.5,
    usage: { ...usage, requests: 11 },
  },
  same_problem: true,
  same_answer: false,
  summary: "The two runs give different answers. The first took 4 explores and $0.21, the second took 6 explores and $0.62.",
  settings: [
    { name: "solvers", a: "sonnet", b: "sonnet, qwen" },
    { name: "explore_effort", a: "low", b: "medium" },
    { name: "max_cost_usd", a: "5", b: null },
  ],
  answers: [
    { answer_text: "$127$", a: [1, 2, 4], b: [3, 5], chosen_in_a: true, chosen_in_b: false },
    { answer_text: "$130$", a: [3], b: [1, 2], chosen_in_a: false, chosen_in_b: true },
    { answer_text: "$\\frac{21 \\cdot 14}{2}$", a: [], b: [6], chosen_in_a: false, chosen_in_b: false },
  ],
  methods: [
    { approach: "Pick's theorem", a: [1, 4], b: [3] },
    { approach: "Counting column by column", a: [2, 3], b: [1, 2, 5] },
    { approach: "Area alone", a: [], b: [6] },
  ],
};
