/** The prompting strategies that an explore may name; a test holds them to those of the server. */
export const STRATEGIES = [
  "direct",
  "first_principles",
  "work_backwards",
  "decompose",
  "adversarial_check",
  "estimate_then_verify",
  "code_trace",
] as const;
