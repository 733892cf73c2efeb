import type { SpanKind } from "../model/span.ts";
import type { YamlPath } from "../yaml/document.ts";
import type { Condition, Tolerance } from "./condition.ts";
import type { JsonPath } from "./json-path.ts";
import type { TraceSpecFile } from "./schema.ts";
import type { Predicate, Selector } from "./selector/ast.ts";
import type { Field } from "./selector/field.ts";

/** Bounds, both inclusive. `max` Infinity: no upper bound. */
export type Range = { readonly min: number; readonly max: number };

/** A test of one span's name or service. `exact` names are found by index. */
export type NameRule =
  | { readonly kind: "exact"; readonly text: string }
  | { readonly kind: "template"; readonly template: string }
  | { readonly kind: "condition"; readonly condition: Condition; readonly text: string };

/** A question about a value, or an equality with a text that holds captured values. */
export type Wanted =
  | { readonly kind: "condition"; readonly condition: Condition; readonly text: string }
  | { readonly kind: "captured"; readonly text: string };

/** What an attribute must be. `optional`: only where it is there. */
export type TagRule = {
  readonly clause: string;
  readonly key: string;
  readonly path?: JsonPath;
  readonly wanted: Wanted;
  readonly optional: boolean;
};

/** Whether a span may fail. With `must`, what is known of its error. */
export type ErrorRule = {
  readonly clause: string;
  readonly mode: "must" | "must_not" | "may";
  readonly type?: Wanted;
  readonly code?: Wanted;
  readonly message?: Wanted;
};

/** A question about a span with its text. */
export type Question = { readonly clause: string; readonly text: string; readonly where: Predicate };

/** One expected span, ready to be matched. */
export type SpanRule = {
  /** Where it stands in the specification: `expected_spans[0].children[1]`. */
  readonly clause: string;
  /** Number of the rule in the specification, from 0. */
  readonly number: number;
  readonly id?: string;
  /** What a span must be, as one text: rules with equal texts have the same candidates. */
  readonly identity: string;
  readonly name: NameRule;
  readonly service?: NameRule;
  readonly kind?: SpanKind;
  readonly where?: Question;
  readonly relation: "anywhere" | "root" | "child" | "descendant";
  readonly count: Range;
  readonly when?: Selector;
  readonly unless?: Selector;
  /** ns. */
  readonly duration: Range;
  readonly durationClause: string;
  readonly tags: readonly TagRule[];
  readonly forbiddenTags: readonly string[];
  readonly satisfies: readonly Question[];
  readonly error?: ErrorRule;
  readonly after: readonly string[];
  readonly startsAfter: readonly string[];
  readonly captures: readonly { readonly name: string; readonly field: Field; readonly text: string }[];
  readonly order: "any" | "sequential" | "by_start";
  /** Whether spans under it that are not expected are allowed. */
  readonly open: boolean;
  readonly children: readonly SpanRule[];
};

/** A statement about all spans that a selector selects. */
export type AssertionRule = {
  readonly clause: string;
  readonly name: string;
  readonly text: string;
  readonly select: Selector;
  readonly count: Range;
  readonly each: readonly Question[];
  readonly some: readonly Question[];
  readonly none: readonly Question[];
  readonly before?: Selector;
  readonly after?: Selector;
  readonly when?: Selector;
  readonly unless?: Selector;
};

/** Which spans an error condition is about, and whether they fail. */
export type ErrorConditionRule = {
  readonly clause: string;
  readonly label: string;
  readonly name?: NameRule;
  readonly service?: NameRule;
  readonly where?: Question;
  readonly error: ErrorRule;
  readonly count: Range;
};

/** Spans of an operation, for latency and rates over all checked traces. */
export type OperationRule = {
  readonly clause: string;
  readonly name: NameRule;
  readonly service?: NameRule;
  readonly limits: NonNullable<NonNullable<TraceSpecFile["performance_constraints"]>["operations"]>[number];
};

/** Bound on a total of one trace. `of`: what is summed or counted; durations in ns. */
export type TotalRule = {
  readonly clause: string;
  readonly of: "duration" | "spans" | "services" | "depth" | "errors" | "error_rate" | { readonly attribute: string };
  readonly range: Range;
};

/** A specification that was read: its file, and its rules ready to be checked. */
export type TraceSpec = {
  readonly name: string;
  readonly description: string | undefined;
  readonly file: TraceSpecFile;
  readonly appliesTo: Selector | undefined;
  readonly open: boolean;
  readonly errors: "forbidden" | "expected_spans" | "allowed";
  readonly order: SpanRule["order"];
  readonly spans: readonly SpanRule[];
  /** Every rule by its number, parents before their children. */
  readonly rules: readonly SpanRule[];
  readonly ruleById: ReadonlyMap<string, SpanRule>;
  readonly assertions: readonly AssertionRule[];
  readonly captures: readonly {
    readonly clause: string;
    readonly name: string;
    readonly select: Selector;
    readonly field: Field;
  }[];
  readonly totals: readonly TotalRule[];
  readonly operations: readonly OperationRule[];
  readonly errorConditions: readonly ErrorConditionRule[];
  readonly rates: readonly {
    readonly clause: string;
    readonly text: string;
    readonly select: Selector;
    readonly range: Range;
  }[];
  readonly durationTolerance: Tolerance;
  /** ns. */
  readonly orderTolerance: number;
};

/** A path as people write it: `expected_spans[0].children[1]`. */
export function clauseOf(path: YamlPath): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : /^[\w-]+$/.test(part) ? `.${part}` : `["${part}"]`))
    .join("")
    .replace(/^\./, "");
}
