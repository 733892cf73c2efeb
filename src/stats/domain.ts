import { WhetstoneError } from "../model/error.ts";

/**
 * Holds the domain of a numeric function: callers check what people enter, so a violation here is a bug.
 * @throws WhetstoneError `defect` when `holds` is false.
 */
export function requireDomain(holds: boolean, message: string): void {
  if (!holds) throw new WhetstoneError("defect", message);
}
