import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildTree, type SpanNode, type TraceTree } from "../../../src/analyze/tree.ts";
import { parseSelector } from "../../../src/specs/selector/parse.ts";
import { selectSpans } from "../../../src/specs/selector/select.ts";
import { indexTrace } from "../../../src/specs/trace-index.ts";
import { anySpans } from "../../analyze/arbitrary.ts";
import { span, spanIdOf, trace, type Plan } from "../../analyze/population.ts";

/** Names of the spans that a selector selects, in their order. */
function namesOf(selector: string, tree: TraceTree): string[] {
  const index = indexTrace(tree);
  return selectSpans(parseSelector(selector), index).map((at) => index.nodes[at]?.span.name ?? "");
}

const PLAN: Plan = {
  name: "root",
  service: "web",
  kind: "server",
  at: 0,
  ms: 100,
  attributes: { "http.request.method": "GET", "http.response.status_code": 200, "http.route": "/a", tags: ["x", "y"] },
  children: [
    {
      name: "a",
      service: "web",
      at: 1,
      ms: 40,
      attributes: { n: 1, "gen_ai.tool.call.arguments": '{"query":"notes","limit":150,"ids":[1,2]}' },
      children: [
        { name: "b", service: "db", kind: "client", at: 2, ms: 10, attributes: { n: 1, m: 1, "db system": "pg" } },
        { name: "c", service: "db", kind: "client", at: 15, ms: 5, error: "Timeout", attributes: { n: 2, m: 3 } },
      ],
    },
    { name: "b", service: "cache", at: 50, ms: 2, attributes: { ok: true, "retry.count": "3" } },
  ],
};

const tree = buildTree(trace(0, PLAN));

describe("selectors", () => {
  test.each([
    ["{ }", ["root", "a", "b", "c", "b"]],
    ["{}", ["root", "a", "b", "c", "b"]],
    ["{ true }", ["root", "a", "b", "c", "b"]],
    ["{ false }", []],
    ['{ span:name = "b" }', ["b", "b"]],
    ["{ name = 'b' }", ["b", "b"]],
    ["{ name = `b` }", ["b", "b"]],
    ['{ name != "b" }', ["root", "a", "c"]],
    ['{ name =~ "a|c" }', ["a", "c"]],
    ['{ name =~ "roo" }', []],
    ['{ name !~ "r.*" }', ["a", "b", "c", "b"]],
    ['{ resource.service.name = "db" }', ["b", "c"]],
    ['{ .service.name = "cache" }', ["b"]],
    ["{ status = error }", ["c"]],
    ["{ span:status != error }", ["root", "a", "b", "b"]],
    ["{ kind = client }", ["b", "c"]],
    ["{ span:duration > 10ms }", ["root", "a"]],
    ["{ duration >= 10ms && duration < 0.1s }", ["a", "b"]],
    ["{ span:duration <= 5000us }", ["c", "b"]],
    ["{ span:childCount = 2 }", ["root", "a"]],
    ["{ span:selfDuration >= 58ms }", ["root"]],
    [
      "{ trace:duration = 100ms && trace:rootName = `root` && trace:rootService = `web` }",
      ["root", "a", "b", "c", "b"],
    ],
    [`{ span:id = "${spanIdOf(1)}" }`, ["a"]],
    [`{ span:parentID = "${spanIdOf(1)}" }`, ["b", "c"]],
    ["{ span:parentID = nil }", ["root"]],
    ["{ span.n = 1 }", ["a", "b"]],
    ["{ span.n != 1 }", ["c"]],
    ["{ !(span.n = 1) }", ["root", "c", "b"]],
    ["{ not span.n = 1 }", ["root", "c", "b"]],
    ["{ span.n exists }", ["a", "b", "c"]],
    ["{ not span.n exists && kind = internal }", ["b"]],
    ["{ span.n = nil }", ["root", "b"]],
    ["{ span.n != nil }", ["a", "b", "c"]],
    ["{ span.n in [1, 7] }", ["a", "b"]],
    ["{ span.n not in [1] }", ["c"]],
    ["{ span.n = span.m }", ["b"]],
    ["{ span.n < span.m }", ["c"]],
    ["{ span.n = span.none }", []],
    ["{ span.ok }", ["b"]],
    ["{ !span.ok }", ["root", "a", "b", "c"]],
    ["{ span.ok = false }", []],
    ["{ span.retry.count >= 3 }", ["b"]],
    ["{ span.retry.count is string }", ["b"]],
    ["{ span.retry.count is int }", []],
    ["{ span.n is int }", ["a", "b", "c"]],
    ['{ span."db system" = "pg" }', ["b"]],
    ['{ span.tags = "x" }', ["root"]],
    ['{ span.tags contains "y" }', ["root"]],
    ['{ span.tags not contains "z" }', ["root"]],
    ['{ span.error.type = "Timeout" || span:name = "root" }', ["root", "c"]],
    ['{ span.gen_ai.tool.call.arguments -> "$.limit" > 100 }', ["a"]],
    ['{ span.gen_ai.tool.call.arguments -> "$.query" = "notes" }', ["a"]],
    ['{ span.gen_ai.tool.call.arguments -> "$.ids[*]" = 2 }', ["a"]],
    ['{ span.gen_ai.tool.call.arguments -> "$.none" exists }', []],
    ['{ (span.n = 1 || span.n = 2) && resource.service.name = "db" }', ["b", "c"]],
    ['{ span.n = 1 || span.n = 2 && resource.service.name = "db" }', ["a", "b", "c"]],
    ['{ name = "root" } > { name = "b" }', ["b"]],
    ['{ name = "root" } >> { name = "b" }', ["b", "b"]],
    ['{ name = "c" } << { }', ["root", "a"]],
    ['{ name = "c" } < { }', ["a"]],
    ['{ name = "b" } ~ { name = "c" }', ["c"]],
    ['{ name = "b" } ~ { name = "b" }', []],
    ["{ name = `root` } ~ { }", []],
    ['{ name = "a" } !> { name = "b" }', ["b"]],
    ['{ name = "a" } !>> { name = "b" }', ["b"]],
    ['{ name = "c" } !<< { }', ["b", "c", "b"]],
    ['{ name = "c" } !< { name =~ "a|root" }', ["root"]],
    ['{ name = "c" } !~ { name = "b" }', ["b"]],
    ['{ name = "a" } &> { name = "b" }', ["a", "b"]],
    ['{ name = "root" } &>> { name = "c" }', ["root", "c"]],
    ['{ name = "c" } &~ { name = "b" }', ["b", "c"]],
    ['{ name = "a" } && { name = "c" }', ["a", "c"]],
    ['{ name = "a" } && { name = "none" }', []],
    ['{ name = "a" } || { name = "none" }', ["a"]],
    ['({ name = "a" } || { name = "root" }) > { name = "b" }', ["b", "b"]],
    ['{ name = "root" } > { name = "a" } > { name = "b" }', ["b"]],
    ['{ name = "b" } | count() = 2', ["b", "b"]],
    ['{ name = "b" } | count() > 2', []],
    ['({ name = "b" } | count() > 1) && { name = "a" }', ["a", "b", "b"]],
    ["{ kind = client } | avg(span:duration) < 8ms", ["b", "c"]],
    ["{ kind = client } | sum(span:duration) = 15ms", ["b", "c"]],
    ["{ kind = client } | min(span:duration) >= 6ms", []],
    ["{ } | max(span.n) = 2", ["root", "a", "b", "c", "b"]],
    ["{ } | sum(span.none) >= 0", []],
    ["{ kind = client } | count() = 2 | max(span:duration) = 10ms", ["b", "c"]],
  ])("%s", (selector, names) => expect(namesOf(selector, tree)).toEqual(names));

  test("events, links and the instrumentation", () => {
    const spans = [
      span({
        spanId: spanIdOf(0),
        name: "eventful",
        statusMessage: "broken",
        scope: { name: "lib", version: "1.2" },
        resource: { "host.name": "h1", "service.name": "notes" },
        events: [
          { name: "retry", timeNs: 1n, attributes: { n: 1 } },
          { name: "exception", timeNs: 2n, attributes: { "exception.type": "IOError", n: 2 } },
        ],
        links: [{ traceId: "0".repeat(31) + "9", spanId: spanIdOf(9), attributes: { why: "batch" } }],
      }),
      span({ spanId: spanIdOf(1), name: "plain" }),
    ];
    const selectors = [
      '{ event:name = "exception" }',
      '{ event.exception.type =~ ".*Error" }',
      "{ event.n = 2 }",
      '{ link.why = "batch" }',
      `{ link:spanID = "${spanIdOf(9)}" }`,
      '{ instrumentation:name = "lib" && instrumentation:version = "1.2" }',
      '{ resource.host.name = "h1" }',
      '{ .host.name = "h1" }',
      '{ span:statusMessage contains "broke" }',
    ];
    for (const selector of selectors)
      expect({ selector, names: namesOf(selector, buildTree(spans)) }).toEqual({ selector, names: ["eventful"] });
    expect(namesOf('{ event:name != "exception" }', buildTree(spans))).toEqual([]);
  });

  test("captured values keep their type, and what is not captured compares as false", () => {
    const index = indexTrace(tree);
    const select = (selector: string, captures: ReadonlyMap<string, string | number>) =>
      selectSpans(parseSelector(selector), index, captures).length;
    expect(select('{ span.n = "${n}" }', new Map([["n", 1]]))).toBe(2);
    expect(select('{ span.n < "${n}" }', new Map([["n", 2]]))).toBe(2);
    expect(select('{ span.http.route = "/${x}" }', new Map([["x", "a"]]))).toBe(1);
    expect(select('{ span.n = "${n}" }', new Map())).toBe(0);
    expect(select('{ span.n != "${n}" }', new Map())).toBe(0);
    expect(select('{ !(span.n = "${n}") }', new Map())).toBe(5);
  });
});

describe("structure agrees with walking the tree", () => {
  const above = (node: SpanNode): SpanNode[] => (node.parent === undefined ? [] : [node.parent, ...above(node.parent)]);
  const relations: Readonly<Record<string, (left: SpanNode, right: SpanNode) => boolean>> = {
    ">": (left, right) => right.parent === left,
    ">>": (left, right) => above(right).includes(left),
    "<": (left, right) => left.parent === right,
    "<<": (left, right) => above(left).includes(right),
    "~": (left, right) => left !== right && left.parent !== undefined && left.parent === right.parent,
  };

  test.each(Object.keys(relations))("A %s B", (relation) => {
    const holds = relations[relation] ?? (() => false);
    fc.assert(
      fc.property(anySpans, (spans) => {
        const built = buildTree(spans);
        const index = indexTrace(built);
        const [a, b] = [
          built.nodes.filter(({ span: { kind } }) => kind === "server"),
          built.nodes.filter(({ span: { status } }) => status === "error"),
        ];
        const select = (form: string) =>
          selectSpans(parseSelector(`{ kind = server } ${form}${relation} { status = error }`), index).map(
            (at) => index.nodes[at],
          );
        const right = b.filter((node) => a.some((left) => holds(left, node)));
        const left = a.filter((node) => right.some((other) => holds(node, other)));
        expect(select("")).toEqual(right);
        expect(select("!")).toEqual(b.filter((node) => !right.includes(node)));
        expect(new Set(select("&"))).toEqual(new Set([...left, ...right]));
      }),
    );
  });

  test("the index keeps subtrees together", () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const index = indexTrace(buildTree(spans));
        for (const [at, node] of index.nodes.entries()) {
          const below = index.nodes.slice(at + 1, index.end[at]);
          expect(below).toEqual(index.nodes.filter((other) => above(other).includes(node)));
          expect(index.named(node.span.name)).toContain(at);
        }
      }),
    );
  });
});
