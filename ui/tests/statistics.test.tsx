import { expect, test } from "vitest";
import { noStats, stats } from "../samples/lists";
import { StatsPage } from "../src/views/stats";
import { served } from "./served";

const page = served("/stats", () => stats);
const { place, rest } = page;
const shown = () => page.show(<StatsPage />);

const rows = (caption: string) => {
  const tables = [...place.querySelectorAll("table")];
  const table = tables.find((one) => one.querySelector("caption")?.textContent === caption);
  return [...(table?.querySelectorAll("tbody tr") ?? [])].map((row) =>
    [...row.children].map((cell) => cell.textContent),
  );
};

test("the figures stand in words before anything is drawn", async () => {
  await shown();
  const headline = place.querySelector(".headline")?.textContent;
  expect(headline).toContain("Answered271 of 318");
  expect(headline).toContain("Spent$61.37and 4 runs of partly unknown price");
});

test("each plot has its figures in a table, and is hidden from screen readers", async () => {
  await shown();
  expect([...place.querySelectorAll("svg")].every((one) => one.closest("[aria-hidden]"))).toBe(
    true,
  );
  expect(place.querySelectorAll("#spent details tbody tr")).toHaveLength(stats.months.length);
  expect(rows("By solver").map((row) => row.slice(0, 3))).toEqual([
    ["sonnet", "80 % (77 to 83 %) · 472 of 590", "640, 6 failed"],
    ["gpt", "62 % (52 to 71 %) · 61 of 98", "122, 11 failed"],
    ["qwen", "67 % (30 to 90 %) · 4 of 6: too few to tell", "9, 2 failed"],
    ["local", "none judged yet", "1, 1 failed"],
  ]);
});

test("an effort without a name is the model's default", async () => {
  await shown();
  expect(rows("By effort").map((row) => row[0])).toEqual(["the model's default", "high"]);
});

test("without a run there is nothing but how to start one", async () => {
  page.reply = () => noStats;
  await shown();
  expect(place.textContent).toContain("atlas-mcp solve");
  expect(place.querySelector("table")).toBeNull();
});

test("while runs are still read, the figures are asked for again soon", async () => {
  page.reply = () => ({ ...stats, unindexed: 12 });
  await shown();
  await rest(2_000);
  expect(page.asked).toHaveLength(2);
});
