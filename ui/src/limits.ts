/** Limits and closed sets of the server, under its names; a test holds them to the server's own. */

/** Explores of one request. */
export const MAX_COUNT = 20;

/** Explores of a run. */
export const MAX_EXPLORES_CEILING = 100;

/** Characters of an instruction. */
export const MAX_INSTRUCTION_CHARS = 2_000;

/** Characters of a question about a run. */
export const MAX_QUESTION_CHARS = 4_000;

/** Runs of one list: a search finds the others. */
export const MOST_RUNS = 500;

/** Characters of a search. */
export const LONGEST_QUERY = 1_000;

/** The prompting strategies that an explore may name. */
export const STRATEGIES = [
  "direct",
  "first_principles",
  "work_backwards",
  "decompose",
  "adversarial_check",
  "estimate_then_verify",
  "code_trace",
] as const;
