import { nearest } from "../../model/nearest.ts";
import { parseJsonPath } from "../json-path.ts";
import { WhetstoneError } from "../../model/error.ts";
import { INTRINSICS, type AttributeScope, type Field, type Intrinsic } from "./field.ts";
import type { Reader } from "./reader.ts";

/** TraceQL's older names without a scope. */
const UNSCOPED: Readonly<Record<string, Intrinsic>> = {
  name: "span:name",
  kind: "span:kind",
  status: "span:status",
  statusMessage: "span:statusMessage",
  duration: "span:duration",
  childCount: "span:childCount",
  traceDuration: "trace:duration",
  rootName: "trace:rootName",
  rootServiceName: "trace:rootService",
};

const ATTRIBUTE = /(span|resource|event|link|instrumentation)?\.((?:"[^"]*"|(?!->)[^\s{}()=!<>~&|,"'`[\]^+*$;])+)/y;
const INTRINSIC = /(?:span|trace|event|link|instrumentation):[A-Za-z]+/y;
const WORD =
  /(?:name|kind|statusMessage|status|duration|childCount|traceDuration|rootName|rootServiceName)(?![\w.:-])/y;

/** Whether a field stands next. */
export function seesField(reader: Reader): boolean {
  return reader.sees(INTRINSIC) || reader.sees(ATTRIBUTE) || reader.sees(WORD);
}

/** Takes a field, with the JSON path into it if one follows. @throws WhetstoneError `spec_invalid` */
export function parseField(reader: Reader): Field {
  const field = bareField(reader);
  if (reader.take(/->/y) === undefined) return field;
  const offset = reader.offset();
  const quoted = reader.need(/"([^"]*)"|'([^']*)'|`([^`]*)`/y, 'a JSON path in quotes such as "$.name"');
  try {
    return { ...field, path: parseJsonPath(quoted[1] ?? quoted[2] ?? quoted[3] ?? "") };
  } catch (error) {
    const inner = error instanceof WhetstoneError ? Number(error.data["offset"] ?? 0) : 0;
    throw reader.fault("this is no JSON path such as $.items[0].name", offset + 1 + inner);
  }
}

function bareField(reader: Reader): Field {
  const offset = reader.offset();
  const intrinsic = reader.take(INTRINSIC)?.[0];
  if (intrinsic !== undefined) {
    const known = INTRINSICS.find((name) => name === intrinsic);
    if (known !== undefined) return { kind: "intrinsic", name: known };
    const near = nearest(intrinsic, INTRINSICS);
    const hint = near === undefined ? `there are ${INTRINSICS.join(", ")}` : `did you mean ${near}?`;
    throw reader.fault(`${intrinsic} is unknown: ${hint}`, offset);
  }
  const attribute = reader.take(ATTRIBUTE);
  if (attribute !== undefined) {
    const scope = (attribute[1] ?? "any") as AttributeScope;
    return { kind: "attribute", scope, key: (attribute[2] ?? "").replaceAll('"', "") };
  }
  const word = reader.take(WORD)?.[0];
  const name = word === undefined ? undefined : UNSCOPED[word];
  if (name !== undefined) return { kind: "intrinsic", name };
  throw reader.fault("a field such as span:name, span.http.route or resource.service.name is expected", offset);
}

/** Whether a field holds a duration, which is compared with durations only. */
export function isDuration(field: Field | undefined): boolean {
  if (field?.kind !== "intrinsic") return false;
  return field.name === "span:duration" || field.name === "span:selfDuration" || field.name === "trace:duration";
}
