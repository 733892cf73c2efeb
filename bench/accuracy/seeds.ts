/**
 * Seeds of the accuracy bench. Thresholds of detectors and of the diagnosis were chosen while looking at `train` seeds
 * only; the bench judges `held-out` seeds, which no test and no tuning uses.
 */
export const trainingSeeds = (count: number): string[] => Array.from({ length: count }, (_, i) => `train-${i}`);
export const heldOutSeeds = (count: number): string[] => Array.from({ length: count }, (_, i) => `held-out-${i}`);
