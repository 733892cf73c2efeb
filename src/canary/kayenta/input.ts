import { z } from "zod";
import { WhetstoneError } from "../../model/error.ts";

/** One value per interval; null stands for NaN, no value. */
const Series = z.array(z.number().nullable());

const EffectSize = z.strictObject({
  measure: z.enum(["meanRatio", "cles"]).default("meanRatio"),
  allowedIncrease: z.number().optional(),
  allowedDecrease: z.number().optional(),
  criticalIncrease: z.number().optional(),
  criticalDecrease: z.number().optional(),
});

/** One metric: its settings, and one value per interval for both arms. */
export const KayentaMetric = z.strictObject({
  name: z.string(),
  groups: z.array(z.string()).default([]),
  direction: z.enum(["increase", "decrease", "either"]).default("either"),
  critical: z.boolean().default(false),
  mustHaveData: z.boolean().default(false),
  muted: z.boolean().default(false),
  /** `replace` puts 0 for NaN; any other word drops it. */
  nanStrategy: z.string().default("remove"),
  /** `remove` drops outliers; any other word keeps them. */
  outlierStrategy: z.string().default("keep"),
  outlierFactor: z.number().positive().default(3),
  effectSize: EffectSize.prefault({}),
  control: Series,
  experiment: Series,
});
export type KayentaMetric = z.infer<typeof KayentaMetric>;

/** What Kayenta's judge is asked. */
export const KayentaInput = z.strictObject({
  thresholds: z.strictObject({ pass: z.number(), marginal: z.number() }),
  /** Percent by group. */
  groupWeights: z.record(z.string(), z.number()).default({}),
  metrics: z.array(KayentaMetric),
});
export type KayentaInput = z.infer<typeof KayentaInput>;

/**
 * Checks parsed JSON and fills in the defaults.
 * @throws WhetstoneError `input_unreadable` naming every place that is wrong.
 */
export function readKayentaInput(json: unknown): KayentaInput {
  const parsed = KayentaInput.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "the document"}: ${message}`);
  throw new WhetstoneError("input_unreadable", `The Kayenta input cannot be read. ${issues.join("; ")}.`, {
    remedy: "Give thresholds {pass, marginal} and metrics with name, control and experiment; null stands for NaN.",
    cause: parsed.error,
    data: { issues },
  });
}
