import { WhetstoneError } from "../model/error.ts";
import type { SpanStatus } from "../model/span.ts";
import { parseDuration, parseInstant } from "../model/time.ts";
import type { SpanFilter } from "./port.ts";

/** Filters on spans as people write them: flags of the command line, parameters of a URL. */
export type FilterText = {
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
  /** `key=value` each. */
  readonly attr?: readonly string[] | undefined;
  readonly status?: SpanStatus | undefined;
  readonly minDuration?: string | undefined;
  readonly maxDuration?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
};

/** How messages call the parts of a filter. */
export type FilterNames = (name: "attr" | "since" | "until") => string;

/** As flags. */
const asFlag: FilterNames = (name) => `--${name}`;

/**
 * The filter that the texts describe; relative times count from `now` (ns since the Unix epoch).
 * @throws WhetstoneError `usage`
 */
export function parseFilter(text: FilterText, now: bigint, called: FilterNames = asFlag): SpanFilter {
  const { service, operation, status, attr = [] } = text;
  return {
    ...(service === undefined ? {} : { service }),
    ...(operation === undefined ? {} : { operation }),
    ...(status === undefined ? {} : { status }),
    ...(attr.length === 0 ? {} : { attributes: Object.fromEntries(attr.map((one) => parseAttribute(one, called))) }),
    ...(text.minDuration === undefined ? {} : { minDurationNs: parseDuration(text.minDuration) }),
    ...(text.maxDuration === undefined ? {} : { maxDurationNs: parseDuration(text.maxDuration) }),
    ...parseWindow(text, now, called),
  };
}

/** The window of a filter. @throws WhetstoneError `usage` */
export function parseWindow(
  text: Pick<FilterText, "since" | "until">,
  now: bigint,
  called: FilterNames = asFlag,
): Pick<SpanFilter, "sinceNs" | "untilNs"> {
  const since = text.since === undefined ? undefined : parseInstant(text.since, now);
  const until = text.until === undefined ? undefined : parseInstant(text.until, now);
  if (since !== undefined && until !== undefined && since >= until) {
    throw new WhetstoneError("usage", `${called("since")} is not before ${called("until")}.`, {
      remedy: "Swap the two times.",
    });
  }
  return { ...(since === undefined ? {} : { sinceNs: since }), ...(until === undefined ? {} : { untilNs: until }) };
}

function parseAttribute(text: string, called: FilterNames): readonly [string, string] {
  const at = text.indexOf("=");
  if (at < 1) {
    throw new WhetstoneError("usage", `${called("attr")} "${text}" is not key=value.`, {
      remedy: "Write key=value, such as gen_ai.tool.name=search.",
    });
  }
  return [text.slice(0, at), text.slice(at + 1)];
}
