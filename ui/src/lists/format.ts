/** Formats that lists need beside those of every page. */

/** A large number in few characters: "1.2M". */
export function short(value: number): string {
  return value.toLocaleString("en-US", { notation: "compact", maximumFractionDigits: 1 });
}

/** How long ago a moment was, its date from a day on; both in seconds. */
export function ago(then: number, now: number): string {
  const seconds = Math.max(0, now - then);
  if (seconds < 45) return "just now";
  if (seconds < 3_570) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3_600)} h ago`;
  return new Date(then * 1_000).toLocaleDateString(undefined, { dateStyle: "medium" });
}
