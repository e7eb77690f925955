/** A file: the document that it holds, which never changes. */
import type { PageDocument } from "../generated/run";
import type { Result, Source } from "../source";

export class FileSource implements Source {
  constructor(private readonly held: PageDocument) {}

  async document(): Promise<PageDocument> {
    return this.held;
  }

  async act(): Promise<Result> {
    return { ok: false, error: "A file cannot change its run." };
  }

  can(): boolean {
    return false;
  }

  address(): null {
    return null;
  }
}
