/** The result of a run as Markdown, for a note or a message. */
import type { PageDocument } from "../generated/run";
import { dollars } from "../words";
import { statusWord, stopSentence } from "./wording";

/** Return the question, the answer, what speaks against it and how it follows. */
export function asMarkdown(run: PageDocument): string {
  const parts = [`> ${run.problem.text.trim().replaceAll("\n", "\n> ")}`];
  parts.push(
    `**${run.answer ? "Answer" : statusWord(run)}:** ${run.answer?.text ?? run.error ?? ""}`.trim(),
  );
  const facts = [run.agreement.sentence, stopSentence(run) ?? ""].filter(Boolean).join(" ");
  if (facts) parts.push(facts);
  if (run.dissent) parts.push(`**Against it:** ${run.dissent}`);
  if (run.warnings.length > 0) parts.push(run.warnings.map((one) => `- ${one}`).join("\n"));
  if (run.explanation) parts.push(`**How it follows:** ${run.explanation}`);
  parts.push(`Run ${run.run_id}, ${dollars(run.money.spent_usd)}`);
  return `${parts.join("\n\n")}\n`;
}
