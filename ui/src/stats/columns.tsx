/** A plot of columns, one a month: drawn for eyes alone, since a table beside it has its figures. */
import { dollars } from "../words";
import { isNamed, steps } from "./axis";
import { monthName } from "./months";

interface ColumnsProps {
  months: readonly string[];
  amounts: readonly number[];
  /** The amount that the scale must reach. */
  top: number;
  /** In pixels. */
  height: number;
  /** How many steps the scale has, about. */
  marks: number;
  named: boolean;
}

export function Columns({ months, amounts, top, height, marks, named }: ColumnsProps) {
  const scale = steps(top, marks);
  const highest = scale.at(-1) ?? 1;
  const up = (amount: number) => height - (amount / highest) * height;
  const wide = 100 / Math.max(months.length, 6);
  return (
    <div class="columns" aria-hidden="true">
      <svg class="columns-scale" width="100%" height={height} overflow="visible">
        {scale.map((step) => (
          <text key={step} x="100%" y={up(step)} dy="0.32em" text-anchor="end">
            {step === 0 ? "$0" : dollars(step).replace(/\.?0+$/, "")}
          </text>
        ))}
      </svg>
      <svg width="100%" height={height} overflow="visible">
        {scale.map((step) => (
          <line key={step} class="columns-line" x1="0" x2="100%" y1={up(step)} y2={up(step)} />
        ))}
        {months.map((month, at) => {
          const amount = amounts[at] ?? 0;
          // What was spent can be seen, however little it is.
          const tall = amount > 0 ? Math.max(1, height - up(amount)) : 0;
          return (
            <rect
              key={month}
              class="columns-bar"
              x={`${at * wide + wide * 0.15}%`}
              width={`${wide * 0.7}%`}
              y={height - tall}
              height={tall}
            >
              <title>{`${monthName(month)}: ${dollars(amount)}`}</title>
            </rect>
          );
        })}
        {named &&
          months.map(
            (month, at) =>
              isNamed(at, months.length) && (
                <text key={month} x={`${at * wide + wide / 2}%`} y={height + 18} text-anchor="middle">
                  {monthName(month)}
                </text>
              ),
          )}
      </svg>
    </div>
  );
}
