import type { IncomingMessage } from "node:http";
import { z } from "zod";
import type { StopScope } from "./press.ts";

/** What the form of the page holds. */
export type StopForm = {
  readonly act: "look" | "stop";
  readonly key: string;
  readonly scope: StopScope;
  readonly why: string | null;
};

/** Bytes of a form; no field of it is long. */
const LARGEST_FORM_BYTES = 16_384;

const Fields = z.strictObject({
  act: z.enum(["look", "stop"]),
  key: z.string().min(1).max(512),
  repository: z.string().trim().max(200).default(""),
  all: z.literal("yes").optional(),
  why: z.string().trim().max(500).default(""),
});

/** Why a form is not read; the text is for its sender. */
export type BadForm = { readonly status: 400 | 403 | 413 | 415; readonly said: string };

/** Reads the form. */
export async function readStopForm(request: IncomingMessage): Promise<StopForm | BadForm> {
  if (!isOfThisSite(request)) return { status: 403, said: "The form was sent by a page of another site." };
  if (request.headers["content-type"]?.split(";")[0]?.trim() !== "application/x-www-form-urlencoded") {
    return { status: 415, said: "A form is sent as application/x-www-form-urlencoded." };
  }
  const text = await readText(request);
  if (text === undefined) return { status: 413, said: `A form has no more than ${LARGEST_FORM_BYTES} bytes.` };
  const given = new URLSearchParams(text);
  if (new Set(given.keys()).size < given.size) return { status: 400, said: "A field of the form stands there twice." };
  const read = Fields.safeParse(Object.fromEntries(given));
  if (!read.success) {
    const names = read.error.issues.map(({ path, code }) => path.join(".") || code);
    return { status: 400, said: `The form is wrong: ${[...new Set(names)].join(", ")}.` };
  }
  return formOf(read.data);
}

/**
 * Whether a browser says that the form is one of this server, or nothing says otherwise: the authority is the key in the
 * form, which no other site has; this keeps other sites from trying keys through people's browsers.
 */
function isOfThisSite({ headers }: IncomingMessage): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  const { origin, host } = headers;
  return origin === undefined || (host !== undefined && URL.parse(origin)?.host === host.toLowerCase());
}

/** Undefined for what is too large; it is read and let go, so that the answer arrives. */
async function readText(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_FORM_BYTES) chunks.length = 0;
    else chunks.push(chunk);
  }
  return length > LARGEST_FORM_BYTES ? undefined : Buffer.concat(chunks).toString("utf8");
}

function formOf({ act, key, repository, all, why }: z.infer<typeof Fields>): StopForm | BadForm {
  if (act === "stop" && (all === undefined) === (repository === "")) {
    return { status: 400, said: "Name one repository, or choose all of them." };
  }
  const scope = all === undefined ? ({ all: false, repository } as const) : ({ all: true } as const);
  return { act, key: key.trim(), why: why === "" ? null : why, scope };
}
