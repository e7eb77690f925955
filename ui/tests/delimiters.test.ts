import { expect, test } from "vitest";
import { inline, slices } from "../src/text/markdown";

const formulas = (html: string) =>
  [...html.matchAll(/class="tex" data-display="(yes|no)">([^<]*)</g)].map((m) => [m[1], m[2]]);
const of = (text: string) =>
  formulas(
    slices(text)
      .map((part) => part.html)
      .join(""),
  );

test.each([
  [
    "$x^2$ and \\(y\\)",
    [
      ["no", "x^2"],
      ["no", "y"],
    ],
  ],
  ["so $$a_1 * b_2$$ follows", [["yes", "a_1 * b_2"]]],
  ["so \\[a\\] follows", [["yes", "a"]]],
  ["$$\na\n- b\n$$", [["yes", "\na\n- b\n"]]],
  ["\\[\na = b\n\\].", [["yes", "\na = b\n."]]],
  ["\\begin{align}\na &= b\n\\end{align}", [["yes", "\\begin{align}\na &amp;= b\n\\end{align}"]]],
])("%s is mathematics", (text, expected) => {
  expect(of(text)).toEqual(expected);
});

test.each([
  "it costs $5 and then $10",
  "$5 for one, or 7 US$ for two",
  "`$x$` in code",
  "an open $x and no end",
  "an open \\( and no end",
  "```\n$x$\n```",
])("%s is none", (text) => {
  expect(of(text)).toEqual([]);
});

test.each([
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "[a](javascript:alert(1))",
  "![a](//host/x.png)",
  "<javascript:alert(1)>",
  "[a]: //host\n\n[a]",
])("%s stays text", (text) => {
  const html =
    slices(text)
      .map((part) => part.html)
      .join("") + inline(text);
  expect(html).not.toMatch(/<(?!\/?(?:p|pre|code|br)\b)/);
});

test("ten thousand openings take no time", () => {
  const began = performance.now();
  slices("\\( ".repeat(10_000));
  slices("$x ".repeat(10_000));
  slices("> ".repeat(10_000));
  slices("[".repeat(10_000));
  expect(performance.now() - began).toBeLessThan(3_000);
});

test("a long text comes in slices, which are the whole of it", () => {
  const text = Array.from({ length: 200 }, (_, n) => `Step ${n} is that $x_${n}$ holds.`).join(
    "\n\n",
  );
  const parts = slices(text);
  expect(parts.length).toBeGreaterThan(1);
  expect(of(text)).toHaveLength(200);
});
