/** Round steps along an axis that starts at zero. */

/** Return the steps from 0 to the first at or above `top`, about `wanted`: 1, 2 or 5 times a power of ten apart. */
export function steps(top: number, wanted = 3): number[] {
  if (!(top > 0) || !Number.isFinite(top)) return [0, 1];
  const rough = top / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((times) => times * power >= rough * 0.999) ?? 10);
  const count = Math.ceil(top / step - 1e-9);
  // Multiplied, not added up: a sum of tenths is none.
  return Array.from({ length: count + 1 }, (_, at) => Number((at * step).toPrecision(12)));
}
