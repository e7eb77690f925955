/** Numbers, times and money in words, the same everywhere on the page. */

/** A count with separators: 12,345. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** A count of things: "1 candidate", "3 candidates". */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/**
 * US dollars: to the cent, or to four places below ten cents.
 *
 * Dollars and seconds are written as Python writes them: `tests/amounts.json` holds both to it.
 */
export function dollars(value: number | null | undefined): string {
  if (value === null || value === undefined) return "unknown";
  const places = value === 0 || value >= 0.1 ? 2 : 4;
  const format = new Intl.NumberFormat("en-US", {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
    roundingMode: "halfEven",
    useGrouping: false,
  } as Intl.NumberFormatOptions);
  return `$${format.format(value)}`;
}

/** A length of time in seconds: "12 s", "3 min 20 s", "2 h 5 min". */
export function duration(seconds: number): string {
  const whole = wholeOf(Math.max(0, seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
  const rest = minutes % 60;
  return rest === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

/** The nearest whole number; of two, the even one. */
function wholeOf(value: number): number {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

/** A confidence of 0 to 1 as a share: "86 %". */
export function share(value: number): string {
  return `${Math.round(value * 100)} %`;
}

/** A day and a time of day, as the reader's system writes them. */
export function moment(seconds: number): string {
  return new Date(seconds * 1_000).toLocaleString(undefined, {
    dateStyle: "medium",
    timeStyle: "short",
  });
}

/** Things in a sentence: "a", "a and b", "a, b and c". */
export function listed(things: readonly string[]): string {
  if (things.length < 2) return things.join("");
  return `${things.slice(0, -1).join(", ")} and ${things.at(-1)}`;
}

/** "explore 3", "explores 1, 2 and 5". */
export function explores(ids: readonly number[]): string {
  return `${ids.length === 1 ? "explore" : "explores"} ${listed(ids.map((id) => `#${id}`))}`;
}
