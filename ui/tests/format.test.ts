import { expect, test } from "vitest";
import { dollars, duration, listed } from "../src/format";
import amounts from "./amounts.json";

test.each(amounts.dollars)("%s dollars are %s", (amount, text) => {
  expect(dollars(amount as number)).toBe(text);
});

test("dollars that are not known are said to be so", () => {
  expect(dollars(null)).toBe("unknown");
});

test.each(amounts.seconds)("%s seconds are %s", (seconds, text) => {
  expect(duration(seconds as number)).toBe(text);
});

test("things in a sentence", () => {
  expect(listed(["a", "b", "c"])).toBe("a, b and c");
});
