/** The seam between the page and the place that it stands in: a file, a server, or a host's chat. */
import type { PageDocument } from "./generated/run";

/** What a reader may have done about a run. */
export type ActionName = "cancel" | "resume" | "explore" | "ask";

/** The arguments of an action, as the server takes them. */
export type ActionArguments = Record<string, string | number>;

/** What came of an action: done, or the words that say why not. */
export type Result = { ok: true } | { ok: false; error: string };

/**
 * An ability of a place: to carry out actions, to have news, to show the transcript, and to list
 * other runs.
 */
export type Ability = "act" | "follow" | "transcript" | "list";

export interface Source {
  /**
   * Return the document, with what has changed after `since` alone.
   *
   * Waits for news where `since` is above 0; resolves without any after a while.
   */
  document(since: number, signal: AbortSignal): Promise<PageDocument>;
  /** Carry out an action. */
  act(name: ActionName, args: ActionArguments): Promise<Result>;
  /** Whether the place can do it. */
  can(name: Ability): boolean;
  /** The address of something beside the run, where the place has addresses. */
  address(of: "transcript" | "file"): string | null;
  /** Show the transcript where there is no address for it: an App asks its host. Rejects with why not. */
  openTranscript?(): Promise<void>;
}
