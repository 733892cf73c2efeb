import { createTraceState, trace, TraceFlags, type TraceState } from "@opentelemetry/api";
import { SamplingDecision, type Sampler, type SamplingResult } from "@opentelemetry/sdk-trace";
import { SAMPLE_WEIGHT } from "./sample-weight.ts";
import {
  formatOtState,
  isKept,
  parseOtState,
  thresholdOf,
  weightOfThreshold,
  type Threshold,
} from "./sampling-threshold.ts";

const DROPPED: SamplingResult = { decision: SamplingDecision.NOT_RECORD };

/**
 * Decides by the trace id at a trace's start, and states the weight: on the span for this process, in the tracestate
 * (`ot=th:…`) for those behind it. A child follows its parent (`parentBased`, default true), with the parent's weight.
 * @param probability share of traces to keep, 0 to 1
 */
export function headSampler(probability: number, options: { readonly parentBased?: boolean } = {}): Sampler {
  const threshold = thresholdOf(probability);
  const parentBased = options.parentBased ?? true;
  return {
    shouldSample: (parentContext, traceId) => {
      const parent = trace.getSpanContext(parentContext);
      const known = parent !== undefined && trace.isSpanContextValid(parent) ? parent : undefined;
      const state = parseOtState(known?.traceState?.get("ot"));
      if (parentBased && known !== undefined) {
        return (known.traceFlags & TraceFlags.SAMPLED) === 0 ? DROPPED : kept(state.th);
      }
      if (threshold === undefined || !isKept(traceId, threshold, state.rv)) return DROPPED;
      const member = formatOtState({ ...state, th: threshold });
      return { ...kept(threshold), traceState: withMember(known?.traceState, member) };
    },
    toString: () => `HeadSampler{${probability}, parentBased=${parentBased}}`,
  };
}

function kept(threshold: Threshold | undefined): SamplingResult {
  const decision = SamplingDecision.RECORD_AND_SAMPLED;
  const weight = threshold === undefined ? 1 : weightOfThreshold(threshold);
  return weight === 1 ? { decision } : { decision, attributes: { [SAMPLE_WEIGHT]: weight } };
}

function withMember(state: TraceState | undefined, member: string): TraceState {
  return (state ?? createTraceState()).set("ot", member);
}
