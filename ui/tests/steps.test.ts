import { expect, test } from "vitest";
import { aligned, partingAt, stepsOf } from "../src/run/steps";

test("paragraphs, items and code are steps, each whole", () => {
  const text =
    "First.\nStill first.\n\n1. one\n2. two\n\n```py\na\n\nb\n```\n\n$$\nx\n\ny\n$$\nLast.";
  expect(stepsOf(text)).toEqual([
    "First.\nStill first.",
    "1. one",
    "2. two",
    "```py\na\n\nb\n```",
    "$$\nx\n\ny\n$$\nLast.",
  ]);
});

test("two paths part at the first step with other figures", () => {
  const left = "There are 21 pairs of people.\n\nOne pair is missing, so 21 - 1 = 20.";
  const right = "There are 21 pairs of the people.\n\nOne pair is missing, so 21 - 2 = 19.";
  const pairs = aligned(left, right);
  expect(pairs.map((one) => one.kind)).toEqual(["same", "differs"]);
  expect(partingAt(pairs)).toBe(1);
});

test("the same text never parts", () => {
  expect(partingAt(aligned("a b c\n\nd e f", "a b c\n\nd e f"))).toBe(-1);
});

test("steps without a counterpart stand alone", () => {
  const pairs = aligned("alpha beta\n\ngamma delta", "alpha beta\n\nepsilon zeta\n\neta theta");
  expect(pairs).toEqual([
    { left: "alpha beta", right: "alpha beta", kind: "same" },
    { left: "gamma delta", right: "epsilon zeta", kind: "apart" },
    { left: null, right: "eta theta", kind: "apart" },
  ]);
});

test("every step of both is there, in order", () => {
  const left = "a b\n\nc d\n\ne f\n\ng h";
  const right = "c d\n\nx y\n\ng h\n\nz w";
  const pairs = aligned(left, right);
  expect(pairs.flatMap((one) => one.left ?? [])).toEqual(stepsOf(left));
  expect(pairs.flatMap((one) => one.right ?? [])).toEqual(stepsOf(right));
});
