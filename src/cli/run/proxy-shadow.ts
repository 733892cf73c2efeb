import { resolve } from "node:path";
import type { RunningShadow } from "../../loop/shadow.ts";
import type { ShadowReport } from "../../loop/shadow-report.ts";
import { WhetstoneError } from "../../model/error.ts";
import { writeFileWhole } from "../../protect/files.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { systemClock } from "../../wire.ts";
import type { ProxyOptions } from "../commands/proxy.ts";
import type { Io } from "../io.ts";
import { splitWords } from "../words.ts";

/** Limit of a mirrored call and of the handshake, ms. */
const TIMEOUT_MS = 30_000;

/** A shadow of the proxy, and its report at the end. */
export type ProxyShadow = AsyncDisposable & Pick<RunningShadow, "watch"> & { readonly report: () => Promise<void> };

/** @throws WhetstoneError `usage` for flags that mean nothing together */
export function checkShadowFlags({ listen, canaryCommand, ...options }: ProxyOptions): void {
  const { shadowCommand, shadowAllow, shadowReport } = options;
  const rules: readonly (readonly [boolean, string, string])[] = [
    [shadowCommand !== undefined && listen !== undefined, "--shadow-command is for stdio.", "Leave out --listen."],
    [
      shadowCommand !== undefined && canaryCommand !== undefined,
      "--shadow-command and --canary-command exclude each other.",
      "A canary answers, a shadow does not: choose one.",
    ],
    [
      shadowCommand !== undefined && shadowAllow.length === 0,
      "--shadow-command needs --shadow-allow.",
      "Name each tool that may be called again.",
    ],
    [
      shadowCommand === undefined && (shadowAllow.length > 0 || shadowReport !== undefined),
      "--shadow-allow and --shadow-report need --shadow-command.",
      "Name the server to call again.",
    ],
  ];
  for (const [isBroken, message, remedy] of rules) if (isBroken) throw new WhetstoneError("usage", message, { remedy });
}

/** Opens the shadow that the flags ask for. */
export async function proxyShadow(
  baseline: readonly string[],
  { shadowCommand, shadowAllow, shadowReport }: ProxyOptions,
  io: Io,
): Promise<ProxyShadow | undefined> {
  if (shadowCommand === undefined) return undefined;
  const { openShadow } = await import("../../loop/shadow.ts");
  const shadow = openShadow({
    candidate: splitWords(shadowCommand),
    baseline,
    place: { cwd: io.cwd, env: io.inherited },
    allow: shadowAllow,
    clock: systemClock,
    timeoutMs: TIMEOUT_MS,
  });
  return {
    watch: shadow.watch,
    report: async () => {
      const report = await shadow.finish();
      for (const line of linesOf(report)) io.err(forTerminal(line));
      if (shadowReport === undefined) return;
      await writeFileWhole(resolve(io.cwd, shadowReport), `${JSON.stringify(report, undefined, 1)}\n`);
    },
    [Symbol.asyncDispose]: () => shadow[Symbol.asyncDispose](),
  };
}

function linesOf({ tools, skipped, judged }: ShadowReport): string[] {
  const lines = tools.flatMap(({ tool, calls, differing, differences }) => [
    `whetstone shadow: ${tool}: ${differing} of ${calls} calls differ.\n`,
    ...differences.map(
      ({ path, baseline, candidate }) => `  ${path}: ${baseline} on the baseline, ${candidate} on the candidate\n`,
    ),
  ]);
  const latency = judged?.metrics.find(({ name }) => name === "latency");
  const { notReadOnly, notAllowed, dropped } = skipped;
  return [
    ...lines,
    ...(typeof latency?.effect !== "number"
      ? []
      : [`whetstone shadow: time ×${latency.effect.toFixed(2)} (${latency.verdict}).\n`]),
    `whetstone shadow: not called again: ${notReadOnly} without readOnlyHint, ${notAllowed} not allowed, ${dropped} beyond the limits.\n`,
  ];
}
