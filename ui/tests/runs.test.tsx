import { expect, test } from "vitest";
import { found, lines, none, runs } from "../samples/lists";
import { RunsPage } from "../src/views/runs";
import { served } from "./served";

const page = served("/runs", () => runs);
const { place, rest } = page;
const shown = () => page.show(<RunsPage />);

function type(text: string) {
  const field = place.querySelector<HTMLInputElement>("#query");
  if (!field) throw new Error("there is no field");
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function press(key: string, target: EventTarget | null = document.activeElement) {
  target?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
}

const titles = () => [...place.querySelectorAll(".runs-title")].map((link) => link.textContent);

test("the newest runs are listed, and texts of models are texts", async () => {
  await shown();
  expect(titles()).toEqual(lines.map((line) => line.title));
  expect(place.querySelector("img")).toBeNull();
  expect(place.querySelector(".runs-count")?.textContent).toBe("7 runs, the newest first");
  expect(place.querySelector(".runs-title")?.getAttribute("href")).toBe("/runs/run-0001");
});

test("a list with a run that goes on is asked for again soon, another one later", async () => {
  await shown();
  await rest(2_000);
  expect(page.asked).toHaveLength(2);
  page.reply = () => ({ ...runs, runs: lines.slice(1) });
  await rest(2_000);
  expect(page.asked).toHaveLength(3);
  await rest(4_000);
  expect(page.asked).toHaveLength(3);
  await rest(1_000);
  expect(page.asked).toHaveLength(4);
});

test("typing searches once it rests, and the address has the query", async () => {
  page.reply = (address) => (address.searchParams.get("query") ? found : runs);
  await shown();
  for (const text of ["s", "sch", "scheduler"]) {
    type(text);
    await rest();
  }
  await rest(200);
  expect(page.asked.map((one) => one.address.searchParams.get("query"))).toEqual(["", "scheduler"]);
  expect(location.search).toBe("?query=scheduler");
  expect(place.querySelector(".runs-count")?.textContent).toBe("2 runs found");
  expect([...place.querySelectorAll("mark")].map((hit) => hit.textContent)).toEqual([
    "scheduler",
    "scheduler",
  ]);
  expect(document.title).toContain("scheduler");
});

test("a newer query aborts the request of the one before", async () => {
  await shown();
  page.reply = (address) =>
    address.searchParams.get("query") === "a" ? new Promise(() => {}) : none;
  type("a");
  await rest(200);
  expect(page.asked.at(-1)?.signal.aborted).toBe(false);
  type("ab");
  await rest(200);
  expect(page.asked.map((one) => one.signal.aborted)).toEqual([true, true, false]);
});

test("a query in the address is searched for at once", async () => {
  history.replaceState(null, "", "/runs?query=scheduler");
  await shown();
  expect(page.asked[0]?.address.searchParams.get("query")).toBe("scheduler");
});

test("without a run the page says how to start one, and without a match where it looked", async () => {
  page.reply = () => none;
  await shown();
  expect(place.textContent).toContain("atlas-mcp solve");
  page.reply = (address) => ({ ...none, query: address.searchParams.get("query") ?? "" });
  type("zebra");
  await rest(200);
  expect(place.textContent).toContain("No run holds “zebra”");
});

test("a slash goes to the search, arrows along the rows and back", async () => {
  await shown();
  press("/", document.body);
  expect(document.activeElement?.id).toBe("query");
  press("ArrowDown");
  press("ArrowDown");
  expect(document.activeElement?.textContent).toBe(lines[1]?.title);
  press("ArrowUp");
  press("ArrowUp");
  expect(document.activeElement?.id).toBe("query");
});

test("two chosen runs are compared", async () => {
  await shown();
  const boxes = place.querySelectorAll<HTMLInputElement>(".runs-choose input");
  boxes[1]?.click();
  await rest();
  expect(place.querySelector(".runs-choice a")).toBeNull();
  boxes[2]?.click();
  await rest();
  expect(place.querySelector(".runs-choice a")?.getAttribute("href")).toBe(
    "/compare/run-0002/run-0003",
  );
});

test("more runs are page.asked for on demand, until the list has all", async () => {
  page.reply = () => ({ ...runs, total: 60 });
  await shown();
  place.querySelector<HTMLButtonElement>("button.runs-more")?.click();
  await rest();
  expect(page.asked.at(-1)?.address.searchParams.get("limit")).toBe("100");
});

test("a server that is gone is said, and the list stays", async () => {
  await shown();
  page.reply = () => Promise.reject(new TypeError("fetch failed"));
  await rest(2_000);
  expect(place.querySelector("[role=alert]")?.textContent).toContain(
    "No connection to the server.",
  );
  expect(titles()).toHaveLength(lines.length);
  page.reply = () => runs;
  await rest(1_000);
  expect(place.querySelector("[role=alert]")?.textContent).toBe("");
});
