import { expect, test } from "vitest";
import { comparison } from "../samples/lists";
import { ComparePage } from "../src/views/compare";
import { served } from "./served";

const page = served("/compare/run-0002/run-0003", () => comparison);
const { place, rest } = page;
const shown = () => page.show(<ComparePage a="run-0002" b="run-0003" />);

const cells = (id: string) =>
  [...place.querySelectorAll(`#${id} tbody tr`)].map((row) =>
    [...row.children].map((cell) => cell.textContent),
  );

test("two runs stand side by side, each with the way to its page", async () => {
  await shown();
  expect(page.asked[0]?.address.pathname).toBe("/api/compare/run-0002/run-0003");
  const links = [...place.querySelectorAll(".side h2 a")].map((link) => link.getAttribute("href"));
  expect(links).toEqual(["/runs/run-0002", "/runs/run-0003"]);
  expect(place.textContent).toContain("The two runs give different answers.");
});

test("settings that differ, and nothing that a run has not", async () => {
  await shown();
  expect(cells("settings")).toEqual([
    ["solvers", "sonnet", "sonnet, qwen"],
    ["explore_effort", "low", "medium"],
    ["max_cost_usd", "5", "–"],
  ]);
});

test("each answer names the explores that found it, and whose answer it is", async () => {
  await shown();
  expect(cells("methods").at(-1)).toEqual(["Area alone", "–", "explore #6"]);
  expect(cells("answers")[1]?.slice(1)).toEqual(["explore #3", "explore #1explore #2the answer"]);
  const link = place.querySelector("#answers tbody a");
  expect(link?.getAttribute("href")).toBe("/runs/run-0002#explore-1");
});

test("an answer under a schema is shown as a value, not as JSON", async () => {
  page.reply = () => ({ ...comparison, a: { ...comparison.a, answer_text: '{"left": "red"}' } });
  await shown();
  expect(place.querySelector(".side-answer")?.textContent).toBe("leftred");
});

test("problems that differ are shown with each run", async () => {
  page.reply = () => ({ ...comparison, same_problem: false, same_answer: null });
  await shown();
  expect(place.querySelectorAll(".side details")).toHaveLength(2);
  expect(place.querySelectorAll("details")).toHaveLength(2);
});

test("a run that goes on is looked at again, runs that ended are not", async () => {
  await shown();
  await rest(60_000);
  expect(page.asked).toHaveLength(1);
});

test("while one of the runs goes on, the comparison is made again", async () => {
  page.reply = () => ({ ...comparison, b: { ...comparison.b, status: "running" } });
  await shown();
  await rest(3_000);
  expect(page.asked).toHaveLength(2);
});

test("a run that is not there is said, and not asked for again", async () => {
  page.reply = () => Response.json({ error: "There is no run run-0003." }, { status: 404 });
  await shown();
  await rest(60_000);
  expect(place.querySelector("[role=alert]")?.textContent).toContain("There is no run run-0003.");
  expect(page.asked).toHaveLength(1);
});
