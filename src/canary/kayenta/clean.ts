import { quantile, sortedAscending } from "../../stats/quantile.ts";
import type { KayentaMetric } from "./input.ts";

/** Settings of the cleaning. */
type Cleaning = Pick<KayentaMetric, "nanStrategy" | "outlierStrategy" | "outlierFactor">;

/** The values that the judge compares: NaN dropped or replaced by 0, then outliers dropped if wished. */
export function cleanSeries(values: readonly (number | null)[], cleaning: Cleaning): number[] {
  const replace = cleaning.nanStrategy === "replace";
  const numbers = values.flatMap((value) => (value === null || Number.isNaN(value) ? (replace ? [0] : []) : [value]));
  return cleaning.outlierStrategy === "remove" ? withoutOutliers(numbers, cleaning.outlierFactor) : numbers;
}

/** Drops what lies outside both the fences of the quartiles and the first and 99th percentile. */
function withoutOutliers(values: readonly number[], factor: number): number[] {
  if (values.length === 0) return [];
  const sorted = sortedAscending(values);
  const [q1, q3] = [quantile(sorted, 0.25), quantile(sorted, 0.75)];
  const low = Math.min(quantile(sorted, 0.01), q1 - factor * (q3 - q1));
  const high = Math.max(quantile(sorted, 0.99), q3 + factor * (q3 - q1));
  return values.filter((value) => value >= low && value <= high);
}
