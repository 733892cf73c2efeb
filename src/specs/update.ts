import { WhetstoneError } from "../model/error.ts";
import { readYaml } from "../yaml/document.ts";
import type { TraceSpecFile } from "./schema.ts";

/** New values for keys at the top of a specification; null removes a key. */
export type SpecUpdates = { readonly [Key in keyof TraceSpecFile]?: TraceSpecFile[Key] | null };

/**
 * The text of a specification with keys at its top replaced; everything else, comments included, stays. Whether the
 * result is a specification is for the parser to say.
 * @throws WhetstoneError `spec_invalid` when the text is no YAML mapping
 */
export function updateSpecText(text: string, updates: SpecUpdates): string {
  const yaml = readYaml(text);
  if ("faults" in yaml || typeof yaml.value !== "object" || yaml.value === null || Array.isArray(yaml.value)) {
    throw new WhetstoneError("spec_invalid", "The specification to update is no YAML mapping.", {
      remedy: "Store a whole specification instead.",
    });
  }
  for (const [key, value] of Object.entries(updates)) {
    if (value === undefined) continue;
    if (value === null) yaml.document.delete(key);
    else yaml.document.set(key, yaml.document.createNode(value));
  }
  return yaml.document.toString({ lineWidth: 0 });
}
