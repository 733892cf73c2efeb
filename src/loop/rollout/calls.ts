import { callSamples } from "../../capture/samples.ts";
import { Arm, type CallSample } from "../../model/call.ts";
import { ATTR } from "../../model/span.ts";
import type { SpanStore } from "../../store/port.ts";

/** Calls of one target that began within a window, ms since the Unix epoch; `to` is not in it. */
export type CallWindow = {
  readonly spans: Pick<SpanStore, "spans">;
  readonly target: string;
  readonly from: number;
  readonly to: number;
};

/** Calls of a window, and the versions that served each arm, as far as they are known. */
export type WindowCalls = {
  readonly samples: readonly CallSample[];
  readonly versions: Readonly<Record<Arm, ReadonlySet<string>>>;
};

/** Reads the calls of a window. */
export async function callsIn({ spans, target, from, to }: CallWindow): Promise<WindowCalls> {
  const samples: CallSample[] = [];
  const versions = { baseline: new Set<string>(), canary: new Set<string>() };
  const window = { sinceNs: BigInt(Math.floor(from)) * 1_000_000n, untilNs: BigInt(Math.ceil(to)) * 1_000_000n };
  for await (const batch of spans.spans(window)) {
    const own = batch.filter(({ service }) => service === target);
    samples.push(...callSamples(own));
    for (const { resource } of own) {
      const version = resource[ATTR.serviceVersion];
      const arm = Arm.safeParse(resource[ATTR.arm]).data ?? "baseline";
      if (typeof version === "string") versions[arm].add(version);
    }
  }
  return { samples: samples.filter(({ timestamp }) => timestamp >= from && timestamp < to), versions };
}
