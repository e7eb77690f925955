/** The tool call whose result a host has this page draw: its run, as soon as that is known. */

/** A tool's result, as far as it is read here. */
export interface ToolResult {
  content?: { type: string; text?: string }[];
  structuredContent?: Record<string, unknown>;
  isError?: boolean;
}

type Given = Record<string, unknown> | undefined;

/** The run in the text of a result, where a host hands on no structure. */
const RUN_IN_TEXT = /run_id=['"]([\w-]+)['"]|\brun ([\w-]{8,})\b/i;

export class ToolCall {
  /** The run, once it is known. */
  runId: string | null = null;
  /** The problem of a call that opens a run, once the call has been made. */
  asked: string | null = null;
  /** The problem as far as it has been told. */
  problem: string | null = null;
  /** Why there is no run; null as long as there may be one. */
  refusal: string | null = null;
  private waiting: (() => void)[] = [];

  /** Resolve at the next news. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Take arguments that are still being written. */
  draft(given: Given): void {
    this.problem = text(given?.problem) ?? this.problem;
  }

  /** Take the arguments of the call. */
  take(given: Given): void {
    this.draft(given);
    this.runId = text(given?.run_id) ?? this.runId;
    this.asked = this.runId === null ? text(given?.problem) : null;
    this.wake();
  }

  /** Take the result of the call. */
  end(result: ToolResult): void {
    const named = text(result.structuredContent?.run_id) ?? inText(textOf(result));
    if (named !== null) this.runId = named;
    else if (this.runId === null) this.refusal = textOf(result);
    this.wake();
  }

  /** Take it that the call was cancelled; its run, if there is one, may go on. */
  cancel(): void {
    if (this.runId === null) this.refusal = "The call was cancelled.";
    this.wake();
  }

  /** Take the run that was found for the call. */
  name(runId: string): void {
    this.runId ??= runId;
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Return the words of a result. */
export function textOf(result: ToolResult): string {
  const texts = (result.content ?? []).flatMap((one) =>
    one.type === "text" ? [one.text ?? ""] : [],
  );
  return texts.join("\n").trim() || "The call was answered with nothing.";
}

function inText(result: string): string | null {
  const found = RUN_IN_TEXT.exec(result);
  return found?.[1] ?? found?.[2] ?? null;
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
