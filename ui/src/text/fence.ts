/** Text of models in Markdown of ours. */

const SHORTEST_FENCE = 3;

/** Return text as a block of code that no character in it can end. */
export function fence(text: string): string {
  const runs = text.match(/`+/g) ?? [];
  const longest = Math.max(0, ...runs.map((run) => run.length));
  const ticks = "`".repeat(Math.max(SHORTEST_FENCE, longest + 1));
  return `${ticks}text\n${text.replace(/^\n+|\n+$/g, "")}\n${ticks}`;
}
