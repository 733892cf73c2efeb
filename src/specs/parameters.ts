import { isScalar, visit, type Document } from "yaml";
import { nearest } from "../model/nearest.ts";
import type { Plain } from "./condition.ts";
import { readYaml } from "../yaml/document.ts";
import { Parameters, type Parameter } from "./schema.ts";

/** Values for the parameters of a template, as text where they come from a command line. */
export type ParameterValues = Readonly<Record<string, Plain>>;

/** The parameters that a document declares; none when it declares them wrongly, which its schema says. */
export function declaredParameters(value: unknown): Readonly<Record<string, Parameter>> {
  const declared = typeof value === "object" && value !== null ? Reflect.get(value, "parameters") : undefined;
  const parsed = Parameters.safeParse(declared ?? {});
  return parsed.success ? parsed.data : {};
}

/** What a template is for and what it asks for, from its text. */
export type TemplateDescription = {
  readonly description: string;
  readonly parameters: readonly (Parameter & { readonly name: string; readonly required: boolean })[];
};

/** Describes a template without filling it in; a text that is none has neither description nor parameters. */
export function describeTemplate(text: string): TemplateDescription {
  const yaml = readYaml(text);
  const value = "faults" in yaml ? undefined : yaml.value;
  const description: unknown =
    typeof value === "object" && value !== null ? Reflect.get(value, "description") : undefined;
  const parameters = Object.entries(declaredParameters(value)).map(([name, parameter]) => ({
    name,
    required: parameter.default === undefined,
    ...parameter,
  }));
  return { description: typeof description === "string" ? description : "", parameters };
}

/**
 * Puts the values of its parameters into a document: `${name}` within text becomes the text of the value, a text that is
 * `${name}` alone becomes the value itself. Returns what is wrong with the values; the document is then as it was.
 */
export function fillParameters(
  document: Document,
  declared: Readonly<Record<string, Parameter>>,
  given: ParameterValues,
): readonly string[] {
  const names = Object.keys(declared);
  const faults = Object.keys(given).flatMap((name) => (names.includes(name) ? [] : [unknown(name, names)]));
  const values = new Map<string, Plain>();
  for (const [name, parameter] of Object.entries(declared)) {
    const value = typed(name, parameter, Object.hasOwn(given, name) ? given[name] : parameter.default);
    if (typeof value === "object") faults.push(value.fault);
    else values.set(name, value);
  }
  if (faults.length > 0) return faults;
  visit(document, {
    Scalar: (_key, node) => {
      if (isScalar(node) && typeof node.value === "string") node.value = filled(node.value, values);
    },
  });
  return [];
}

function unknown(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  const list = names.length === 0 ? "there are no parameters" : `there are ${names.join(", ")}`;
  return `there is no parameter "${name}": ${near === undefined ? list : `did you mean "${near}"?`}`;
}

function typed(
  name: string,
  { type, description }: Parameter,
  value: Plain | undefined,
): Plain | { readonly fault: string } {
  const what = `the parameter "${name}"${description === undefined ? "" : ` (${description})`}`;
  if (value === undefined) return { fault: `${what} must be given` };
  // Values are put into selectors, which quotes would end.
  if (/["'`\\\n\r]/.test(String(value))) return { fault: `${what} must not hold quotes, backslashes or line breaks` };
  if (type === "number") {
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    return typeof number === "number" && Number.isFinite(number) ? number : { fault: `${what} must be a number` };
  }
  if (type === "bool") {
    const known = ["true", "false"].includes(String(value));
    return known ? String(value) === "true" : { fault: `${what} must be true or false` };
  }
  return type === "string" ? String(value) : value;
}

function filled(text: string, values: ReadonlyMap<string, Plain>): Plain {
  const whole = /^\$\{(\w+)\}$/.exec(text)?.[1];
  if (whole !== undefined) return values.get(whole) ?? text;
  return text.replaceAll(/\$\{(\w+)\}/g, (reference, name: string) => String(values.get(name) ?? reference));
}
