import { expect, test } from "vitest";
import { lines } from "../samples/lists";
import { comparison, hint, toggled } from "../src/lists/chosen";
import { ago } from "../src/lists/format";
import { kept } from "../src/lists/kept";
import { nextRow } from "../src/lists/rows";

test("two runs are chosen at most, and a third takes the place of the second", () => {
  expect(toggled([], "a")).toEqual(["a"]);
  expect(toggled(["a"], "b")).toEqual(["a", "b"]);
  expect(toggled(["a", "b"], "c")).toEqual(["a", "c"]);
  expect(toggled(["a", "b"], "a")).toEqual(["b"]);
});

test("a comparison has an address once there are two, and says what is missing before", () => {
  expect(comparison(["a"])).toBeNull();
  expect(hint(["a"])).toContain("Choose another");
  expect(comparison(["a/..", "b"])).toBe("/compare/a%2F../b");
});

test("arrows move along the rows, and up from the first to the search", () => {
  expect(nextRow("ArrowDown", -1, 3)).toBe(0);
  expect(nextRow("ArrowDown", 2, 3)).toBe(2);
  expect(nextRow("ArrowUp", 0, 3)).toBe(-1);
  expect(nextRow("End", 0, 3)).toBe(2);
  expect(nextRow("Home", -1, 3)).toBeNull();
  expect(nextRow("ArrowDown", -1, 0)).toBeNull();
  expect(nextRow("a", 1, 3)).toBeNull();
});

test("times gone by are rounded to what is read", () => {
  expect(ago(100, 90)).toBe("just now");
  expect(ago(0, 59)).toBe("1 min ago");
  expect(ago(0, 3_580)).toBe("1 h ago");
  expect(ago(0, 7_100)).toBe("2 h ago");
  expect(ago(0, 90_000)).toMatch(/1970/);
});

test("rows that say the same stay the same objects", () => {
  const again = JSON.parse(JSON.stringify(lines)) as typeof lines;
  const changed = again.map((run, at) =>
    at === 0 ? { ...run, status: "answered" as const } : run,
  );
  const rows = kept(lines, changed);
  expect(rows.map((run, at) => run === lines[at])).toEqual(lines.map((_, at) => at !== 0));
  expect(rows[0]?.status).toBe("answered");
});
