import { parseBytes } from "../config/bytes.ts";
import type { Config } from "../config/schema.ts";
import type { CaptureRules } from "../protect/capture-door.ts";

/** Capture rules of the configured targets by name, which is their spans' `service.name`. */
export function captureRules(config: Config | undefined): Readonly<Record<string, CaptureRules>> {
  const targets = Object.entries(config?.targets ?? {});
  return Object.fromEntries(
    targets.map(([name, { capture }]) => {
      const { content, redact, maxBytes } = capture;
      return [name, { content, redact: { ...redact, maxBytes: parseBytes(maxBytes) } }];
    }),
  );
}

/** What a proxy for one service captures: its own rules, then the flag. */
export function captureOf(
  config: Config | undefined,
  { service, captureContent }: { readonly service: string; readonly captureContent?: boolean },
) {
  const rules = captureRules(config);
  const own = Object.hasOwn(rules, service) ? rules[service] : undefined;
  return { captureContent: own?.content ?? captureContent === true, redact: own?.redact };
}
