import { expect, test } from "vitest";
import { cut, mended } from "../src/text/cut";

test.each([
  ["short", 10, "short"],
  ["a long text", 6, "a long…"],
  ["so $x + y$ holds", 6, "so…"],
  ["so $x + y$ holds", 11, "so $x + y$…"],
  ["ab\u{1f600}cd", 3, "ab…"],
])("%s cut at %s", (text, most, expected) => {
  expect(cut(text, most)).toBe(expected);
});

test.each([
  ["Find $x$ with $x^2 +…", "Find $x$ with…"],
  ["It costs $5 and …", "It costs $5 and …"],
  ["All of it", "All of it"],
  ["Let \\(a = b…", "Let…"],
])("%s is mended", (text, expected) => {
  expect(mended(text)).toBe(expected);
});
