import { isContentAttribute, isContentEvent, PROMPT_VARIABLE } from "../model/content.ts";
import type { Json } from "../model/json.ts";
import type { LogRecord } from "../model/log.ts";
import type { Exemplar, MetricPoint } from "../model/metric.ts";
import { ATTR, type Attributes, type Scope, type Span } from "../model/span.ts";
import { isSecretValue, redactor, type Redactor, type RedactRules } from "./redact.ts";
import { marker } from "./redact-text.ts";

/** What may be captured of one service. */
export type CaptureRules = {
  /** Whether content is kept; when absent, as {@link CaptureDoorOptions.captureContent} says. */
  readonly content?: boolean | undefined;
  readonly redact?: RedactRules | undefined;
};

/** How telemetry is let in. */
export type CaptureDoorOptions = {
  /** Keep content attributes (`model/content.ts`), redacted and cut to size; default false: they are dropped. */
  readonly captureContent?: boolean | undefined;
  /** For services without rules of their own. */
  readonly redact?: RedactRules | undefined;
  /** Rules by `service.name`. */
  readonly services?: Readonly<Record<string, CaptureRules>> | undefined;
};

/** What a door did, everything that passed it together. */
export type DoorCounts = {
  /** Content attributes that were dropped because content is not captured. */
  readonly contentDropped: number;
  /** Attributes and texts in which something was redacted. */
  readonly redacted: number;
  readonly truncatedBytes: number;
  /** Attributes and texts that were dropped because of a fault in here; 0 unless there is a bug. */
  readonly faults: number;
};

/** What all telemetry passes before it is kept or sent on. */
export type CaptureDoor = {
  /** The span without secrets and, by default, without content; the same object when it has neither. Never throws. */
  readonly span: (span: Span) => Span;
  /** The same of a log record; the body of an event that holds content is content. */
  readonly log: (record: LogRecord) => LogRecord;
  /** The same of a metric point and its exemplars. */
  readonly point: (point: MetricPoint) => MetricPoint;
  readonly counts: () => DoorCounts;
};

type Counts = { -readonly [Name in keyof DoorCounts]: DoorCounts[Name] };
type Policy = {
  readonly content: boolean;
  readonly redactor: Redactor;
  readonly known: (name: string) => Known;
  /** Attributes of resources and scopes, which many spans share. */
  readonly shared: WeakMap<object, Attributes>;
};

/** Decisions on attribute names that are remembered. */
const REMEMBERED = 10_000;

/**
 * Opens a door. By the same rules for every way in: content attributes are dropped, or with capture redacted and cut;
 * in all other attributes, names, status messages and events secrets are replaced by what they are. What an attribute's
 * own name promises to be a secret, such as `http.request.header.authorization`, is replaced whole.
 */
export function captureDoor(options: CaptureDoorOptions = {}): CaptureDoor {
  const counts: Counts = { contentDropped: 0, redacted: 0, truncatedBytes: 0, faults: 0 };
  const services = new Map(
    Object.entries(options.services ?? {}).map(([name, rules]) => [name, policyOf(rules, options)]),
  );
  const otherwise = policyOf({ redact: options.redact }, options);
  const passing = (service: string): Passing => ({ policy: services.get(service) ?? otherwise, counts });
  return {
    span: (span) => cleanSpan(span, passing(span.service)),
    log: (record) => cleanLog(record, passing(record.service)),
    point: (point) => cleanPoint(point, passing(point.series.service)),
    counts: () => ({ ...counts }),
  };
}

function policyOf({ content, redact }: CaptureRules, { captureContent }: CaptureDoorOptions): Policy {
  const rules = redactor(redact);
  return {
    content: content ?? captureContent ?? false,
    redactor: rules,
    known: remembering(rules),
    shared: new WeakMap(),
  };
}

type Passing = { readonly policy: Policy; readonly counts: Counts };

function cleanSpan(span: Span, passing: Passing): Span {
  const { counts } = passing;
  const before = counts.truncatedBytes;
  const name = cleanText(span.name, passing);
  const statusMessage = span.statusMessage === undefined ? undefined : cleanText(span.statusMessage, passing);
  const cleaned = cleanAttributes(span.attributes, passing);
  const events = cleanEach(span.events, passing);
  const links = cleanEach(span.links, passing);
  const resource = cleanShared(span.resource, passing);
  const scope = cleanScope(span.scope, passing);
  const attributes = withCut(cleaned, counts.truncatedBytes - before);
  const isSame =
    name === span.name &&
    statusMessage === span.statusMessage &&
    attributes === span.attributes &&
    events === span.events &&
    links === span.links &&
    resource === span.resource &&
    scope === span.scope;
  if (isSame) return span;
  return {
    ...span,
    name,
    attributes,
    events,
    links,
    resource,
    scope,
    ...(statusMessage !== undefined && { statusMessage }),
  };
}

function cleanLog(record: LogRecord, passing: Passing): LogRecord {
  const before = passing.counts.truncatedBytes;
  const { body: said, ...rest } = record;
  const body = said === undefined ? undefined : attempt(passing, () => cleanBody(record, said, passing));
  const cleaned = cleanAttributes(record.attributes, passing);
  const resource = cleanShared(record.resource, passing);
  const scope = cleanScope(record.scope, passing);
  const attributes = withCut(cleaned, passing.counts.truncatedBytes - before);
  const isSame = attributes === record.attributes && resource === record.resource && scope === record.scope;
  if (isSame && body === said) return record;
  return { ...rest, ...(body !== undefined && { body }), attributes, resource, scope };
}

/** The body to keep; undefined for none. */
function cleanBody({ eventName }: LogRecord, body: Json, passing: Passing): Json | undefined {
  const { policy, counts } = passing;
  if (eventName === undefined || !isContentEvent(eventName)) return counted(body, policy.redactor.value(body), counts);
  return policy.content ? content("body", body, passing) : dropped(counts);
}

function cleanPoint(point: MetricPoint, passing: Passing): MetricPoint {
  const { series } = point;
  const attributes = cleanAttributes(series.attributes, passing);
  const resource = cleanShared(series.resource, passing);
  const scope = cleanScope(series.scope, passing);
  const exemplars = cleanEach<Exemplar>(point.exemplars, passing);
  const isSameSeries = attributes === series.attributes && resource === series.resource && scope === series.scope;
  if (isSameSeries && exemplars === point.exemplars) return point;
  return { ...point, series: isSameSeries ? series : { ...series, attributes, resource, scope }, exemplars };
}

function cleanShared(attributes: Attributes, passing: Passing): Attributes {
  const { shared } = passing.policy;
  const cleaned = shared.get(attributes) ?? cleanAttributes(attributes, passing);
  shared.set(attributes, cleaned);
  return cleaned;
}

function cleanScope(scope: Scope, passing: Passing): Scope {
  if (scope.attributes === undefined) return scope;
  const attributes = cleanShared(scope.attributes, passing);
  return attributes === scope.attributes ? scope : { ...scope, attributes };
}

/** Attributes that say how many bytes were cut off. */
const withCut = (attributes: Attributes, cut: number): Attributes =>
  cut === 0 ? attributes : { ...attributes, [ATTR.truncatedBytes]: cut + numberOf(attributes) };

/** What the sender has cut off already. */
function numberOf(attributes: Attributes): number {
  const stated = attributes[ATTR.truncatedBytes];
  return typeof stated === "number" ? stated : 0;
}

function cleanEach<T extends { readonly attributes: Attributes }>(items: T[], passing: Passing): T[] {
  if (items.length === 0) return items;
  const cleaned = items.map((item) => {
    const attributes = cleanAttributes(item.attributes, passing);
    return attributes === item.attributes ? item : { ...item, attributes };
  });
  return cleaned.every((item, at) => item === items[at]) ? items : cleaned;
}

function cleanAttributes(attributes: Attributes, passing: Passing): Attributes {
  let changed: Map<string, Json | undefined> | undefined;
  for (const name of Object.keys(attributes)) {
    const value = attributes[name] as Json;
    const kept = attempt(passing, () => cleanAttribute(name, value, passing));
    if (kept === value) continue;
    changed ??= new Map();
    changed.set(name, kept);
  }
  if (changed === undefined) return attributes;
  const all = Object.entries(attributes).map(([name, value]) => [name, changed.has(name) ? changed.get(name) : value]);
  return Object.fromEntries(all.filter(([, value]) => value !== undefined)) as Attributes;
}

/** The value to keep; undefined for none. */
function cleanAttribute(name: string, value: Json, passing: Passing): Json | undefined {
  const { policy, counts } = passing;
  const known = policy.known(name);
  if (known.isContent) return policy.content ? content(name, value, passing) : dropped(counts);
  if (known.rule !== undefined && isSecretValue(value, known.rule)) {
    counts.redacted += 1;
    return marker(`key ${known.rule}`);
  }
  if (typeof value === "string") return counted(value, policy.redactor.text(value), counts);
  return typeof value === "object" && value !== null ? counted(value, policy.redactor.value(value), counts) : value;
}

function dropped(counts: Counts): undefined {
  counts.contentDropped += 1;
  return undefined;
}

function content(name: string, value: Json, { policy, counts }: Passing): Json {
  const variable = name.startsWith(PROMPT_VARIABLE) ? name.slice(PROMPT_VARIABLE.length) : undefined;
  const kept = policy.redactor.content(value, variable);
  counts.truncatedBytes += kept.truncatedBytes;
  counts.redacted += Number(kept.redacted);
  return kept.redacted || kept.truncatedBytes > 0 ? kept.value : value;
}

function cleanText(text: string, passing: Passing): string {
  const { policy, counts } = passing;
  return attempt(passing, () => counted(text, policy.redactor.text(text), counts)) ?? "";
}

function counted<T extends Json>(before: T, after: T, counts: Counts): T {
  counts.redacted += Number(after !== before);
  return after;
}

/** Nothing in here may reach the traffic: what cannot be looked at is dropped and counted. */
function attempt<T>({ counts }: Passing, work: () => T): T | undefined {
  try {
    return work();
  } catch {
    counts.faults += 1;
    return undefined;
  }
}

type Known = { readonly isContent: boolean; readonly rule: string | undefined };

/** Names of attributes are few and come again and again. */
function remembering({ key }: Redactor): (name: string) => Known {
  const memory = new Map<string, Known>();
  return (name) => {
    const known = memory.get(name);
    if (known !== undefined) return known;
    const found = { isContent: isContentAttribute(name), rule: key(name) };
    if (memory.size >= REMEMBERED) memory.clear();
    memory.set(name, found);
    return found;
  };
}
