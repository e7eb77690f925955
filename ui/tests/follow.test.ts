import { expect, test } from "vitest";
import { merged } from "../src/follow";
import type { PageDocument } from "../src/generated/run";

const part = (fields: object) => ({ run_id: "r", ...fields }) as unknown as PageDocument;
const base = part({
  version: 3,
  partial: false,
  problem: { text: "p", images: [{ data: "x" }] },
  agreement: { groups: [] },
  candidates: [
    { explore_id: 1, group: null, state: "running" },
    { explore_id: 2, group: null, state: "ok" },
  ],
  remarks: [],
});

test("news replace what changed, and leave the rest", () => {
  const whole = merged(
    base,
    part({
      version: 5,
      partial: true,
      problem: { text: "p", images: [] },
      agreement: { groups: [{ number: 1, explore_ids: [1, 2] }] },
      candidates: [{ explore_id: 1, group: 1, state: "ok" }],
      remarks: [],
    }),
  );
  expect(whole.candidates.map((one) => [one.explore_id, one.group, one.state])).toEqual([
    [1, 1, "ok"],
    [2, 1, "ok"],
  ]);
  expect(whole.problem.images).toHaveLength(1);
  expect(whole.version).toBe(5);
});

test("a whole document is taken as it is", () => {
  expect(merged(base, part({ partial: false, version: 9 })).version).toBe(9);
});
