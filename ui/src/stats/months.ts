/** Spending by month and model, as plots need it. Months are `YYYY-MM`. */
import type { MonthSpending } from "../generated/stats";

/** What one model cost, or several together. */
export interface Series {
  name: string;
  total: number;
  /** Calls whose cost is unknown, and so in no amount. */
  unpriced: number;
  /** One amount a month, in the order of `Spending.months`. */
  amounts: number[];
}

export interface Spending {
  months: string[];
  all: Series;
  /** The dearest first; those beyond `most` are one series. */
  models: Series[];
}

/** Gather the spending of the last `limit` months by model. */
export function gathered(rows: readonly MonthSpending[], most = 6, limit = 24): Spending {
  const months = everyMonth(
    rows.map((row) => row.month),
    limit,
  );
  const within = rows.filter((row) => months.includes(row.month));
  const names = [...new Set(within.map((row) => row.model))];
  const series = (name: string, of: readonly string[]): Series => {
    const own = within.filter((row) => of.includes(row.model));
    const amounts = months.map((month) =>
      sum(own.filter((row) => row.month === month).map((row) => row.cost_usd)),
    );
    return {
      name,
      total: sum(amounts),
      unpriced: sum(own.map((row) => row.unpriced_calls)),
      amounts,
    };
  };
  const models = names.map((name) => series(name, [name])).sort((a, b) => b.total - a.total);
  const rest = models.length > most ? models.slice(most - 1).map((one) => one.name) : [];
  const shown = models.slice(0, models.length - rest.length);
  if (rest.length > 0) shown.push(series(`${rest.length} other models`, rest));
  return {
    months,
    all: series("All models", names),
    models: shown,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** As many months are shown at least: a lone column says nothing of when. */
const LEAST = 6;

/** Return the months up to the last, the empty ones too: from the first, but `LEAST` to `limit`. */
export function everyMonth(months: readonly string[], limit: number): string[] {
  const sorted = [...months].sort();
  const first = sorted[0];
  const last = sorted.at(-1);
  if (first === undefined || last === undefined) return [];
  const all: string[] = [];
  for (let month = last; all.length < limit; month = before(month)) {
    if (month < first && all.length >= LEAST) break;
    all.unshift(month);
  }
  return all;
}

function before(month: string): string {
  const [year, number] = parts(month);
  return number > 1 ? name(year, number - 1) : name(year - 1, 12);
}

function parts(month: string): [year: number, number: number] {
  const [year = 0, number = 1] = month.split("-").map(Number);
  return [year, number];
}

function name(year: number, number: number): string {
  return `${String(year).padStart(4, "0")}-${String(number).padStart(2, "0")}`;
}

/** Return a month in words, as in Nov 2026. */
export function monthName(month: string): string {
  const [year, number] = parts(month);
  return `${shortName(number)} ${year}`;
}

function shortName(number: number): string {
  const date = new Date(Date.UTC(2000, number - 1, 1));
  return date.toLocaleDateString("en-US", { month: "short", timeZone: "UTC" });
}

/** Return what stands below the columns: the months that have room for it, the year where it changes. */
export function labels(months: readonly string[]): { month: string; year: string }[] {
  const every = Math.ceil(months.length / 12);
  let last = 0;
  return months.map((month, at) => {
    const [year, number] = parts(month);
    if ((months.length - 1 - at) % every !== 0) return { month: "", year: "" };
    const changed = year !== last;
    last = year;
    return { month: shortName(number), year: changed ? String(year) : "" };
  });
}
