import { createReadStream } from "node:fs";
import { fileFaultOf, WhetstoneError } from "../model/error.ts";
import { digestOfStream } from "../protect/digest.ts";

/** The digest of a file's bytes, which an authorization can be bound to. @throws WhetstoneError `input_unreadable` */
export async function digestOfFile(path: string): Promise<string> {
  try {
    return await digestOfStream(createReadStream(path));
  } catch (cause) {
    throw new WhetstoneError("input_unreadable", `${path} cannot be read: ${fileFaultOf(cause)}.`, {
      remedy: "Name the file of the change or of the backup.",
      cause,
    });
  }
}
