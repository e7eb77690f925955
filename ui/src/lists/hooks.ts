/** What the lists keep between two drawings. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Asked, ask } from "./asking";

/**
 * Ask the server, and ask again when `key` is another one: it names the question.
 *
 * The answer to the question before stays until there is a newer one.
 */
export function useAsked<T>(
  key: string,
  question: (signal: AbortSignal) => Promise<T>,
  freshFor: (answer: T) => number | null = () => null,
): Asked<T> & { again: () => void } {
  const [asked, setAsked] = useState<Asked<T>>({ answer: null, asking: true, trouble: null });
  const [round, setRound] = useState(0);
  const latest = useRef({ question, freshFor });
  latest.current = { question, freshFor };

  useEffect(() => {
    const stop = new AbortController();
    void ask(
      latest.current.question,
      latest.current.freshFor,
      (change) => setAsked((before) => ({ ...before, ...change })),
      stop.signal,
    );
    return () => stop.abort();
  }, [key, round]);

  return { ...asked, again: () => setRound((n) => n + 1) };
}

/** Return the value that has stood for `milliseconds`: what is typed on the way is passed over. */
export function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

/** Return the time in milliseconds, anew every `milliseconds`. */
export function useNow(milliseconds: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
  return now;
}
