import { expect, test } from "vitest";
import { stats } from "../samples/lists";
import type { MonthSpending, WinningShare } from "../src/generated/stats";
import { steps } from "../src/stats/axis";
import { everyMonth, gathered, labels, monthName } from "../src/stats/months";
import { shareText } from "../src/stats/shares";
import { knownCost } from "../src/stats/spending";

test("an axis has round steps and reaches what is drawn", () => {
  expect(steps(11.6)).toEqual([0, 5, 10, 15]);
  expect(steps(0.3)).toEqual([0, 0.1, 0.2, 0.3]);
  expect(steps(0.0004, 1)).toEqual([0, 0.0005]);
  expect(steps(0)).toEqual([0, 1]);
  expect(steps(Number.NaN)).toEqual([0, 1]);
});

test("months without spending stand between the others, across a year too", () => {
  expect(everyMonth(["2026-02", "2025-08"], 24)).toEqual([
    "2025-08",
    "2025-09",
    "2025-10",
    "2025-11",
    "2025-12",
    "2026-01",
    "2026-02",
  ]);
  expect(everyMonth(["2020-01", "2026-12"], 3)).toEqual(["2026-10", "2026-11", "2026-12"]);
  expect(everyMonth([], 24)).toEqual([]);
  expect(everyMonth(["2026-03"], 24)).toHaveLength(6);
});

test("labels name the year where it changes", () => {
  expect(labels(["2025-12", "2026-01", "2026-02"])).toEqual([
    { month: "Dec", year: "2025" },
    { month: "Jan", year: "2026" },
    { month: "Feb", year: "" },
  ]);
  const many = labels(everyMonth(["2025-01", "2026-12"], 24));
  expect(many.filter((label) => label.month !== "")).toHaveLength(12);
  expect(many.at(-1)?.month).toBe("Dec");
  expect(monthName("2026-11")).toBe("Nov 2026");
});

const row = (month: string, model: string, cost_usd: number): MonthSpending => ({
  month,
  model,
  role: "solver",
  runs: 1,
  requests: 1,
  input_tokens: 1,
  output_tokens: 1,
  cost_usd,
  unpriced_calls: 0,
});

test("the parts of a model are one series, and sums are those of the rows", () => {
  const { months, all, models } = gathered(stats.months);
  const spent = stats.months.reduce((sum, one) => sum + one.cost_usd, 0);
  expect(months).toHaveLength(6);
  expect(all.total).toBeCloseTo(spent);
  expect(models.map((model) => model.name)).toEqual([
    "claude-sonnet-5-5",
    "gpt-6-mini",
    "qwen3-32b",
  ]);
  expect(models.reduce((sum, model) => sum + model.total, 0)).toBeCloseTo(spent);
  expect(all.unpriced).toBe(8);
});

test("models beyond six are drawn as one, and lose nothing", () => {
  const rows = Array.from({ length: 9 }, (_, at) => row("2026-11", `model-${at}`, at + 1));
  const { models } = gathered(rows);
  expect(models).toHaveLength(6);
  expect(models.at(-1)).toEqual({
    name: "4 other models",
    total: 10,
    unpriced: 0,
    amounts: [0, 0, 0, 0, 0, 10],
  });
});

test("a share has its counts, and says when they are few", () => {
  const share = (fields: Partial<WinningShare>) =>
    shareText({ ...(stats.solvers[0] as WinningShare), ...fields });
  expect(share({})).toBe("80 % (77 to 83 %) · 472 of 590");
  expect(share({ judged: 6, won: 4, share: 2 / 3, low: 0.3, high: 0.9 })).toBe(
    "67 % (30 to 90 %) · 4 of 6: too few to tell",
  );
  expect(share({ judged: 0, won: 0, share: null, low: null, high: null })).toBe("none judged yet");
});

test("an unknown cost is never nothing", () => {
  expect(knownCost(2, 0, "call")).toBe("$2.00");
  expect(knownCost(0, 3, "call")).toBe("3 calls of unknown price");
  expect(knownCost(2, 1, "call")).toBe("$2.00 and 1 call of unknown price");
});
