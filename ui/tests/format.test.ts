import { expect, test } from "vitest";
import { dollars, duration, listed } from "../src/format";

test.each([
  [null, "unknown"],
  [0, "$0.00"],
  [0.00001, "< $0.0001"],
  [0.002009, "$0.0020"],
  [0.0329, "$0.0329"],
  [0.42, "$0.42"],
  [0.9999, "$1.00"],
  [1234.5, "$1,234.50"],
])("%s dollars are %s", (amount, words) => {
  expect(dollars(amount)).toBe(words);
});

test.each([
  [0.84, "0.8 s"],
  [9.97, "10 s"],
  [59.7, "1 min"],
  [200, "3 min 20 s"],
  [7_500, "2 h 5 min"],
])("%s seconds are %s", (seconds, words) => {
  expect(duration(seconds)).toBe(words);
});

test("things in a sentence", () => {
  expect(listed(["a", "b", "c"])).toBe("a, b and c");
});
