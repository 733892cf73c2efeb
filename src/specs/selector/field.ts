import type { SpanNode } from "../../analyze/tree.ts";
import type { Json } from "../../model/json.ts";
import { ATTR, type Attributes, type Span } from "../../model/span.ts";
import { valuesAt, type JsonPath } from "../json-path.ts";
import type { TraceIndex } from "../trace-index.ts";

/** Where an attribute is looked up; `any`: the span's own, then its resource's. */
const ATTRIBUTE_SCOPES = ["span", "resource", "event", "link", "instrumentation"] as const;
export type AttributeScope = (typeof ATTRIBUTE_SCOPES)[number] | "any";

/** What a span is by itself, by TraceQL's names. Durations are ns. */
export const INTRINSICS = [
  "span:name",
  "span:kind",
  "span:status",
  "span:statusMessage",
  "span:duration",
  "span:selfDuration",
  "span:id",
  "span:parentID",
  "span:childCount",
  "trace:id",
  "trace:duration",
  "trace:rootName",
  "trace:rootService",
  "event:name",
  "link:traceID",
  "link:spanID",
  "instrumentation:name",
  "instrumentation:version",
] as const;
export type Intrinsic = (typeof INTRINSICS)[number];

/** A value that a selector names. */
export type Field = { readonly path?: JsonPath } & (
  | { readonly kind: "intrinsic"; readonly name: Intrinsic }
  | { readonly kind: "attribute"; readonly scope: AttributeScope; readonly key: string }
);

/** The value of a field at a span; undefined where it is absent. Several (events, links, JSON paths) are an array. */
export function fieldValue(field: Field, node: SpanNode, index: TraceIndex): Json | undefined {
  const value = field.kind === "intrinsic" ? intrinsic(field.name, node, index) : attribute(field, node.span);
  if (field.path === undefined || value === undefined) return value;
  const found = valuesAt(value, field.path);
  return found.length > 1 ? [...found] : found[0];
}

/** An attribute of a span or else of its resource. The service is known even where its attribute is not. */
export function spanAttribute(span: Span, key: string): Json | undefined {
  // An attribute that is null is there.
  if (Object.hasOwn(span.attributes, key)) return span.attributes[key];
  return key === ATTR.serviceName ? span.service : own(span.resource, key);
}

function own(attributes: Attributes, key: string): Json | undefined {
  return Object.hasOwn(attributes, key) ? attributes[key] : undefined;
}

function attribute({ scope, key }: Extract<Field, { kind: "attribute" }>, span: Span): Json | undefined {
  switch (scope) {
    case "any":
      return spanAttribute(span, key);
    case "span":
      return own(span.attributes, key);
    case "resource":
      return key === ATTR.serviceName ? span.service : own(span.resource, key);
    case "event":
      return several(span.events.map((event) => own(event.attributes, key)));
    case "link":
      return several(span.links.map((link) => own(link.attributes, key)));
    case "instrumentation":
      return undefined;
  }
}

function several(values: readonly (Json | undefined)[]): Json | undefined {
  const present = values.filter((value) => value !== undefined);
  return present.length > 1 ? present : present[0];
}

function intrinsic(name: Intrinsic, node: SpanNode, { tree }: TraceIndex): Json | undefined {
  const { span } = node;
  switch (name) {
    case "span:name":
      return span.name;
    case "span:kind":
      return span.kind;
    case "span:status":
      return span.status;
    case "span:statusMessage":
      return span.statusMessage;
    case "span:duration":
      return span.durationNs;
    case "span:selfDuration":
      return node.selfNs;
    case "span:id":
      return span.spanId;
    case "span:parentID":
      return span.parentSpanId;
    case "span:childCount":
      return node.children.length;
    case "trace:id":
      return span.traceId;
    case "trace:duration":
      return tree.durationNs;
    case "trace:rootName":
      return tree.roots[0]?.span.name;
    case "trace:rootService":
      return tree.roots[0]?.span.service;
    case "event:name":
      return several(span.events.map((event) => event.name));
    case "link:traceID":
      return several(span.links.map((link) => link.traceId));
    case "link:spanID":
      return several(span.links.map((link) => link.spanId));
    case "instrumentation:name":
      return span.scope.name;
    case "instrumentation:version":
      return span.scope.version;
  }
}
