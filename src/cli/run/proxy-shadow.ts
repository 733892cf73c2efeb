import { resolve } from "node:path";
import { parseUpstream } from "../../capture/http/upstream.ts";
import type { ShadowRecord } from "../../capture/mirror.ts";
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
export function checkShadowFlags({ listen, canaryCommand, canaryUpstream, ...options }: ProxyOptions): void {
  const { shadowCommand, shadowUpstream, shadowReference, shadowAllow, shadowReport } = options;
  const http = listen !== undefined;
  const isAsked = shadowCommand !== undefined || shadowUpstream !== undefined;
  const rules: readonly (readonly [boolean, string, string])[] = [
    [shadowCommand !== undefined && http, "--shadow-command is for stdio.", "With --listen use --shadow-upstream."],
    [shadowUpstream !== undefined && !http, "--shadow-upstream needs --listen.", "On stdio use --shadow-command."],
    [
      shadowReference !== undefined && shadowUpstream === undefined,
      "--shadow-reference needs --shadow-upstream.",
      "Name the server to compare with it.",
    ],
    [
      isAsked && (canaryCommand ?? canaryUpstream) !== undefined,
      "A shadow and a canary exclude each other.",
      "A canary answers, a shadow does not: choose one.",
    ],
    [isAsked && shadowAllow.length === 0, "A shadow needs --shadow-allow.", "Name each tool that may be called again."],
    [
      !isAsked && (shadowAllow.length > 0 || shadowReport !== undefined),
      "--shadow-allow and --shadow-report need a shadow.",
      "Name the server to call again: --shadow-command, or --shadow-upstream with --listen.",
    ],
  ];
  for (const [isBroken, message, remedy] of rules) if (isBroken) throw new WhetstoneError("usage", message, { remedy });
}

/** The shadow of an HTTP proxy that the flags ask for, and its report at the end. */
export async function httpShadow({ shadowUpstream, shadowReference, shadowAllow, ...flags }: HttpShadowFlags, io: Io) {
  if (shadowUpstream === undefined) return undefined;
  const { reportShadow } = await import("../../loop/shadow-report.ts");
  return {
    options: {
      candidate: parseUpstream(shadowUpstream),
      reference: parseUpstream(shadowReference ?? flags.upstream ?? ""),
      allow: shadowAllow,
      report: reportShadow,
    },
    report: (record: ShadowRecord) => tell(reportShadow(record), flags.shadowReport, io),
  };
}

type HttpShadowFlags = Pick<
  ProxyOptions,
  "shadowUpstream" | "shadowReference" | "shadowAllow" | "shadowReport" | "upstream"
>;

async function tell(report: ShadowReport, file: string | undefined, io: Io): Promise<void> {
  for (const line of linesOf(report)) io.err(forTerminal(line));
  if (file !== undefined) await writeFileWhole(resolve(io.cwd, file), `${JSON.stringify(report, undefined, 1)}\n`);
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
      await tell(await shadow.finish(), shadowReport, io);
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
