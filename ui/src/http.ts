/** Requests to the server that this page came from. */

/** The server answered, and not with what was asked for. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** Get JSON; throws `Refused`, or what `fetch` throws. */
export async function getJson<T>(address: string, signal: AbortSignal): Promise<T> {
  const reply = await fetch(address, { signal, headers: { Accept: "application/json" } });
  if (!reply.ok) throw new Refused(await reason(reply), reply.status);
  return (await reply.json()) as T;
}

/** Post JSON with the token of the server's process. */
export async function postJson<T>(address: string, token: string, body: unknown): Promise<T> {
  const reply = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Atlas-Token": token },
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Refused(await reason(reply), reply.status);
  return (await reply.json()) as T;
}

async function reason(reply: Response): Promise<string> {
  try {
    const body = (await reply.json()) as { error?: unknown };
    if (typeof body.error === "string" && body.error !== "") return body.error;
  } catch {
    // No JSON: the status says what there is to say.
  }
  return `The server answered with status ${reply.status}.`;
}
