/** The result of a run as Markdown, for a note or a message. */

import { dollars } from "../format";
import type { PageDocument } from "../generated/run";
import { fence } from "../text/fence";

/**
 * Return the question, the answer, what speaks against it and how it follows.
 *
 * Texts of models and callers stand in fences, so that none of their marks has an effect.
 */
export function asMarkdown(run: PageDocument): string {
  const parts = [headed("Question", run.problem.text)];
  const result = run.answer?.text ?? run.error;
  const title = run.answer ? "Answer" : run.status_text;
  parts.push(result ? headed(title, result) : `**${title}**`);
  const facts = [run.agreement.sentence, run.stop_text].filter(Boolean).join(" ");
  if (facts) parts.push(facts);
  if (run.dissent) parts.push(headed("Against it", run.dissent));
  if (run.warnings.length > 0) parts.push(headed("Warnings", run.warnings.join("\n")));
  if (run.explanation) parts.push(headed("How it follows", run.explanation));
  parts.push(`Run ${run.run_id}, ${dollars(run.money.spent_usd)}`);
  return `${parts.join("\n\n")}\n`;
}

function headed(title: string, text: string): string {
  return `**${title}**\n\n${fence(text)}`;
}
