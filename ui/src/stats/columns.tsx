/** A plot of columns, one a month: drawn for eyes alone, since a table beside it has its figures. */
import { dollars } from "../format";
import { steps } from "./axis";
import { labels, monthName } from "./months";

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
  const wide = 100 / months.length;
  return (
    <div class="months">
      <svg width="100%" height={height} overflow="visible" aria-hidden="true">
        {scale.map((step) => (
          <text key={step} x="100%" y={up(step)} dy="0.32em" text-anchor="end">
            {step === 0 ? "$0" : dollars(step).replace(/\.?0+$/, "")}
          </text>
        ))}
      </svg>
      <svg width="100%" height={height} overflow="visible" aria-hidden="true">
        {scale.map((step) => (
          <line key={step} class="months-line" x1="0" x2="100%" y1={up(step)} y2={up(step)} />
        ))}
        {months.map((month, at) => {
          const amount = amounts[at] ?? 0;
          // What was spent can be seen, however little it is.
          const tall = amount > 0 ? Math.max(1, height - up(amount)) : 0;
          return (
            <rect
              key={month}
              class="months-bar"
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
          labels(months).map(({ month, year }, at) => (
            <text key={months[at]} y={height + 18} text-anchor="middle">
              <tspan x={`${at * wide + wide / 2}%`}>{month}</tspan>
              <tspan x={`${at * wide + wide / 2}%`} dy="1.3em">
                {year}
              </tspan>
            </text>
          ))}
      </svg>
    </div>
  );
}
