import {
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type SpanContext,
} from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  SamplingDecision,
  SimpleSpanProcessor,
  TracerProvider,
  type Sampler,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { headSampler } from "../../src/instrument/head-sampler.ts";
import { SAMPLE_WEIGHT, withWeight } from "../../src/instrument/sample-weight.ts";
import { weightOf } from "../../src/model/sample-weight.ts";
import {
  formatOtState,
  isKept,
  parseOtState,
  thresholdOf,
  weightOfThreshold,
} from "../../src/instrument/sampling-threshold.ts";
import { tailSampler, type TailOptions } from "../../src/instrument/tail-sampler.ts";

/** Trace ids spread evenly: sampling by them is then exact up to one. */
const traceIdAt = (index: number, of: number): string =>
  `a${"0".repeat(17)}${Math.floor((index / of) * 2 ** 52)
    .toString(16)
    .padStart(13, "0")}0`;

const decide = (sampler: Sampler, traceId: string, parent?: Partial<SpanContext>) =>
  sampler.shouldSample(
    parent === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, {
          traceId,
          spanId: "1".repeat(16),
          traceFlags: TraceFlags.SAMPLED,
          isRemote: true,
          ...parent,
        }),
    traceId,
    "name",
    SpanKind.SERVER,
    {},
    [],
  );

describe("thresholds", () => {
  test("are those of the specification's examples", () => {
    expect(formatOtState({ th: thresholdOf(1) ?? "", rest: [] })).toBe("th:0");
    expect(formatOtState({ th: thresholdOf(0.5) ?? "", rest: [] })).toBe("th:8");
    expect(formatOtState({ th: thresholdOf(0.25) ?? "", rest: [] })).toBe("th:c");
    expect(thresholdOf(0)).toBeUndefined();
    expect(weightOfThreshold(thresholdOf(0.25) ?? "")).toBe(4);
  });

  test("property: the weight is the inverse of the share, and a trace kept at a share is kept at any higher one", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 1, noNaN: true }),
        fc.double({ min: 1e-6, max: 1, noNaN: true }),
        fc.stringMatching(/^[0-9a-f]{32}$/),
        (a, b, traceId) => {
          const [low, high] = [Math.min(a, b), Math.max(a, b)].map((share) => thresholdOf(share) ?? "");
          expect(weightOfThreshold(low ?? "")).toBeCloseTo(
            1 / Math.min(a, b),
            3 - Math.ceil(Math.log10(1 / Math.min(a, b))),
          );
          if (isKept(traceId, low ?? "")) expect(isKept(traceId, high ?? "")).toBe(true);
        },
      ),
    );
  });

  test("property: the tracestate member survives writing and reading; anything can be read", () => {
    const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
    fc.assert(
      fc.property(fc.record({ th: hex(14), rv: hex(14) }, { requiredKeys: [] }), (state) => {
        expect(parseOtState(formatOtState({ ...state, rest: ["x:1"] }))).toEqual({ ...state, rest: ["x:1"] });
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void parseOtState(text)));
    expect(parseOtState("th:zz;rv:1;p:8;;:;th")).toEqual({ rest: ["p:8"] });
  });
});

describe("head sampler", () => {
  test("keeps the stated share of traces, each with its weight and threshold", () => {
    const results = Array.from({ length: 1000 }, (_, i) => decide(headSampler(0.25), traceIdAt(i, 1000)));
    const kept = results.filter(({ decision }) => decision === SamplingDecision.RECORD_AND_SAMPLED);
    expect(kept).toHaveLength(250);
    for (const { attributes, traceState } of kept) {
      expect(attributes).toEqual({ [SAMPLE_WEIGHT]: 4 });
      expect(traceState?.get("ot")).toBe("th:c");
    }
    expect(new Set(results.map(({ decision }) => decision)).size).toBe(2);
  });

  test("all and none", () => {
    expect(decide(headSampler(1), traceIdAt(0, 1))).toMatchObject({ decision: SamplingDecision.RECORD_AND_SAMPLED });
    expect(decide(headSampler(1), traceIdAt(0, 1)).attributes).toBeUndefined();
    expect(decide(headSampler(0), "f".repeat(32)).decision).toBe(SamplingDecision.NOT_RECORD);
  });

  test("a child follows its parent with the parent's weight, over processes", () => {
    const traceState = createTraceState("vendor=1,ot=th:c;x:1");
    const child = decide(headSampler(0.001), traceIdAt(0, 1), { traceState });
    expect(child).toEqual({ decision: SamplingDecision.RECORD_AND_SAMPLED, attributes: { [SAMPLE_WEIGHT]: 4 } });
    expect(decide(headSampler(1), "f".repeat(32), { traceFlags: TraceFlags.NONE }).decision).toBe(
      SamplingDecision.NOT_RECORD,
    );
    expect(decide(headSampler(1), "f".repeat(32), {}).attributes).toBeUndefined();
  });

  test("without parents it decides anew, by the stated randomness if there is one, and keeps other members", () => {
    const sampler = headSampler(0.5, { parentBased: false });
    const traceState = createTraceState("vendor=1,ot=rv:ffffffffffffff;x:1");
    const kept = decide(sampler, traceIdAt(0, 1), { traceState, traceFlags: TraceFlags.NONE });
    expect(kept.decision).toBe(SamplingDecision.RECORD_AND_SAMPLED);
    expect(kept.traceState?.get("ot")).toBe("th:8;rv:ffffffffffffff;x:1");
    expect(kept.traceState?.get("vendor")).toBe("1");
    expect(decide(sampler, traceIdAt(0, 1), {}).decision).toBe(SamplingDecision.NOT_RECORD);
    expect(sampler.toString()).toBe("HeadSampler{0.5, parentBased=false}");
  });
});

describe("tail sampler", () => {
  type Call = { readonly traceId: string; readonly error?: boolean; readonly ms?: number; readonly children?: number };

  function setUp(options: Partial<TailOptions> = {}, sampler?: Sampler) {
    let now = 0;
    const exporter = new InMemorySpanExporter();
    const next = new SimpleSpanProcessor({ exporter });
    const tail = tailSampler(next, { probability: 0.1, nowMs: () => now, ...options });
    const ids = { trace: "" };
    let spanIds = 0;
    const provider = new TracerProvider({
      spanProcessors: [tail],
      ...(sampler !== undefined && { sampler }),
      idGenerator: {
        generateTraceId: () => ids.trace,
        generateSpanId: () => (spanIds += 1).toString(16).padStart(16, "0"),
      },
    });
    const tracer = provider.getTracer("test");
    const call = ({ traceId, error = false, ms = 1, children = 0 }: Call): void => {
      ids.trace = traceId;
      const root = tracer.startSpan("root", { startTime: 1_700_000_000_000 }, ROOT_CONTEXT);
      const inside = trace.setSpan(ROOT_CONTEXT, root);
      for (let i = 0; i < children; i += 1) tracer.startSpan("child", {}, inside).end();
      if (error) root.setStatus({ code: SpanStatusCode.ERROR });
      root.end(1_700_000_000_000 + ms);
    };
    const spans = () => exporter.getFinishedSpans();
    return { call, spans, tracer, ids, pass: (ms: number) => (now += ms) };
  }

  test("keeps every error and every slow trace whole, and the share of the rest; the weights add up", () => {
    const { call, spans } = setUp({ slowMs: 500 });
    const of = 1000;
    for (let i = 0; i < of; i += 1) {
      call({ traceId: traceIdAt(i, of), error: i % 50 === 0, ms: i % 50 === 1 ? 500 : 499, children: 2 });
    }
    const whole = spans().filter(({ attributes }) => attributes[SAMPLE_WEIGHT] === undefined);
    expect(whole).toHaveLength(40 * 3);
    const errors = spans().filter(({ status }) => status.code === SpanStatusCode.ERROR);
    expect(errors).toHaveLength(20);
    const shared = spans().filter(({ attributes }) => attributes[SAMPLE_WEIGHT] !== undefined);
    expect(new Set(shared.map(({ attributes }) => Math.round(weightOf(attributes))))).toEqual(new Set([10]));
    const total = spans().reduce((sum, { attributes }) => sum + weightOf(attributes), 0);
    expect(total).toBeCloseTo(3 * of, 6);
  });

  test("a head sampler before it: the smaller share alone gives the weight", () => {
    const { call, spans } = setUp({ probability: 0.1 }, headSampler(0.5));
    for (let i = 0; i < 1000; i += 1) call({ traceId: traceIdAt(i, 1000), error: i % 10 === 0 });
    const errors = spans().filter(({ status }) => status.code === SpanStatusCode.ERROR);
    expect(errors.map(({ attributes }) => weightOf(attributes))).toEqual(Array(50).fill(2));
    const total = spans().reduce((sum, { attributes }) => sum + weightOf(attributes), 0);
    expect(total).toBeCloseTo(1000, 6);
  });

  test("later spans of a kept trace are kept, an error after a dropped start too", () => {
    const { call, spans } = setUp({ probability: 0 });
    call({ traceId: traceIdAt(0, 2) });
    expect(spans()).toHaveLength(0);
    call({ traceId: traceIdAt(0, 2), error: true });
    call({ traceId: traceIdAt(0, 2) });
    call({ traceId: traceIdAt(1, 2) });
    expect(spans().map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.UNSET]);
  });

  test("waits for what is open in the trace; too many waiting spans or too long a wait decide it early", () => {
    const { call, spans, tracer, ids, pass } = setUp({ probability: 1, mostWaiting: 3, patienceMs: 1000 });
    ids.trace = traceIdAt(0, 2);
    const root = tracer.startSpan("open", {}, ROOT_CONTEXT);
    const inside = trace.setSpan(ROOT_CONTEXT, root);
    const child = (): void => tracer.startSpan("child", {}, inside).end();
    for (let i = 0; i < 3; i += 1) child();
    expect(spans()).toHaveLength(0);
    child();
    expect(spans()).toHaveLength(4);
    const other = tracer.startSpan("open", {}, inside);
    child();
    expect(spans()).toHaveLength(4);
    pass(1001);
    call({ traceId: traceIdAt(1, 2) });
    expect(spans()).toHaveLength(6);
    other.end();
    root.end();
    expect(spans()).toHaveLength(8);
  });

  test("shutdown decides what waits, and unsampled spans are none of it", async () => {
    const seen: string[] = [];
    const next: SpanProcessor = {
      onStart: () => undefined,
      onEnd: ({ name }) => seen.push(name),
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(void seen.push("shutdown")),
    };
    const tail = tailSampler(next, { probability: 0, nowMs: () => 0 });
    const tracer = new TracerProvider({ spanProcessors: [tail] }).getTracer("test");
    const root = tracer.startSpan("open", {}, ROOT_CONTEXT);
    const failing = tracer.startSpan("failing", {}, trace.setSpan(ROOT_CONTEXT, root));
    failing.setStatus({ code: SpanStatusCode.ERROR });
    failing.end();
    const unsampled = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: TraceFlags.NONE };
    tail.onEnd({ name: "unsampled", spanContext: () => unsampled } as never);
    expect(seen).toEqual([]);
    await tail.shutdown();
    expect(seen).toEqual(["failing", "shutdown"]);
  });
});

test("a span with a new weight differs in nothing else", () => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  provider
    .getTracer("t")
    .startSpan("a", { attributes: { x: 1 }, links: [] })
    .addEvent("e")
    .end();
  const span = exporter.getFinishedSpans()[0] as never as Parameters<typeof withWeight>[0];
  const heavy = withWeight(span, 5);
  expect(heavy.attributes).toEqual({ x: 1, [SAMPLE_WEIGHT]: 5 });
  const keys = Object.keys(heavy) as (keyof typeof heavy)[];
  expect(keys.length).toBeGreaterThanOrEqual(16);
  for (const key of keys) if (key !== "attributes" && key !== "spanContext") expect(heavy[key]).toBe(span[key]);
  expect(heavy.spanContext()).toBe(span.spanContext());
  expect(withWeight(heavy, 2)).toBe(heavy);
  expect([weightOf({ [SAMPLE_WEIGHT]: "3" }), weightOf({ [SAMPLE_WEIGHT]: 0.5 }), weightOf({})]).toEqual([1, 1, 1]);
});
