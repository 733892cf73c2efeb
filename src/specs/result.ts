import type { Json } from "../model/json.ts";
import type { IssueCode, IssueList, Nearest } from "./issue.ts";

/** One thing that is wrong, or (in `unexpected_spans` with `violation: false`) merely there. Names are the telemetry's own. */
export type Issue = {
  readonly code: IssueCode;
  /** Where in the specification. */
  readonly clause: string;
  /** For people; names in it hold only plain characters. */
  readonly message: string;
  /** Absent for what is found over all traces together. */
  readonly trace_id?: string;
  /** Evidence. */
  readonly span_ids: readonly string[];
  readonly operation_name?: string;
  readonly service_name?: string;
  readonly expected: Json;
  readonly actual: Json;
  readonly nearest?: Nearest;
  readonly violation: boolean;
};

/** What a check of one or several traces says. Lists hold violations first and are cut at a limit; `omitted` says where. */
export type CheckResult = { readonly [List in IssueList]: readonly Issue[] } & {
  readonly matches: boolean;
  readonly verdict: "pass" | "fail" | "inconclusive";
  /** Why, in one sentence. */
  readonly reason: string;
  readonly spec: { readonly name: string; readonly version?: number };
  readonly traces: {
    readonly total: number;
    readonly matching: number;
    readonly failing: number;
    readonly inconclusive: number;
    readonly not_applicable: number;
  };
  readonly suggestions: readonly string[];
  readonly evidence: {
    readonly spans: number;
    /** Spans that fulfil each expected span, of the first trace that fails, or else of the first that applies. */
    readonly trace_id: string | null;
    readonly matched: readonly {
      readonly clause: string;
      readonly span_ids: readonly string[];
      readonly count: number;
    }[];
    /** Clauses whose condition held in none of the traces. */
    readonly skipped: readonly string[];
    readonly notes: readonly string[];
    /** Numbers over all traces, each with its clause. */
    readonly population: readonly PopulationNumber[];
  };
  readonly results: readonly TraceResult[];
  /** Entries that the limit left out, by list. */
  readonly omitted: Readonly<Record<string, number>>;
};

/** The verdict of one trace, with the number of violations by list. */
export type TraceResult = {
  readonly trace_id: string;
  readonly matches: boolean;
  readonly verdict: "pass" | "fail" | "inconclusive" | "not_applicable";
  readonly issues: Readonly<Partial<Record<IssueList, number>>>;
};

/** A number over all traces that a clause is about. */
export type PopulationNumber = {
  readonly clause: string;
  readonly value: number | null;
  readonly samples: number;
  readonly limit: Json;
  readonly verdict: "pass" | "fail" | "inconclusive";
};
