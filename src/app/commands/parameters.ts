import { WhetstoneError } from "../../model/error.ts";
import { nearest } from "../../model/nearest.ts";

/**
 * One parameter of a command. `word`: one word at its place; `option`: `name=value` anywhere; `text`: all that is left.
 */
export type ParameterForm = {
  readonly name: string;
  readonly kind: "word" | "option" | "text";
  readonly required?: boolean;
  /** Which values it takes; all when absent. */
  readonly form?: { readonly pattern: RegExp; readonly says: string };
};

/** Values by the names of parameters; what was not written is absent. */
export type Values = Readonly<Record<string, string | undefined>>;

/** A command as people write it, for help and errors. */
export function usageOf({ word, parameters }: Command): string {
  const shown = parameters.map(({ name, kind, required }) => {
    const text = kind === "option" ? `${name}=…` : name.toUpperCase();
    return required === true ? text : `[${text}]`;
  });
  return ["/whetstone", word, ...shown].join(" ");
}

type Command = { readonly word: string; readonly parameters: readonly ParameterForm[] };

const OPTION = /^([a-z][a-z-]*)=(.*)$/;
/** Most characters after the word of a command. */
const LONGEST = 500;

/** Reads what stands after a command's word. @throws WhetstoneError `usage`, naming what is wrong and how it is written */
export function parseParameters(command: Command, rest: string): Values {
  if (rest.length > LONGEST)
    throw wrong(command, `What stands after "${command.word}" is longer than ${LONGEST} characters.`);
  const { parameters } = command;
  const values: Record<string, string> = {};
  const options = parameters.filter(({ kind }) => kind === "option");
  const places = parameters.filter(({ kind }) => kind === "word");
  const text = parameters.find(({ kind }) => kind === "text");
  const left: string[] = [];
  for (const word of rest.split(/\s+/).filter((each) => each !== "")) {
    const [, name, value] = (options.length > 0 && OPTION.exec(word)) || [];
    const place = places[Object.keys(values).filter((key) => places.some((one) => one.name === key)).length];
    if (name !== undefined && value !== undefined && left.length === 0)
      set(command, values, { form: optionOf(command, name), value });
    else if (place !== undefined && left.length === 0) set(command, values, { form: place, value: word });
    else left.push(word);
  }
  if (left.length > 0 && text === undefined) throw tooMuch(command, left.join(" "));
  if (left.length > 0 && text !== undefined) set(command, values, { form: text, value: left.join(" ") });
  const missing = parameters.find(({ name, required }) => required === true && values[name] === undefined);
  if (missing !== undefined) throw wrong(command, `"${command.word}" needs ${missing.name.toUpperCase()}.`);
  return values;
}

type Found = { readonly form: ParameterForm; readonly value: string };

function set(command: Command, values: Record<string, string>, { form, value }: Found): void {
  if (Object.hasOwn(values, form.name)) throw wrong(command, `"${form.name}" was given twice.`);
  if (form.form !== undefined && !form.form.pattern.test(value)) {
    throw wrong(command, `"${value}" is no ${form.name}: ${form.form.says}.`);
  }
  values[form.name] = value;
}

function optionOf(command: Command, name: string): ParameterForm {
  const options = command.parameters.filter(({ kind }) => kind === "option");
  const found = options.find((option) => option.name === name);
  if (found !== undefined) return found;
  const near = nearest(
    name,
    options.map((option) => option.name),
  );
  throw wrong(command, `"${command.word}" has no "${name}".${near === undefined ? "" : ` Did you mean "${near}="?`}`);
}

function tooMuch(command: Command, rest: string): WhetstoneError {
  const none = command.parameters.length === 0;
  return wrong(command, `"${command.word}" takes ${none ? "nothing" : "no more"} after it, but "${rest}" was there.`);
}

function wrong(command: Command, message: string): WhetstoneError {
  return new WhetstoneError("usage", message, { remedy: `Write "${usageOf(command)}" on a line of its own.` });
}
