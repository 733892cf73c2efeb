import { WhetstoneError } from "../../model/error.ts";

/** A flag's number. @throws WhetstoneError `usage` */
export function numberOf(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new WhetstoneError("usage", `${flag} ${text} is not a number.`, { remedy: "Write a number such as 0.5." });
}
