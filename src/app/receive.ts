import { addressOf } from "./place.ts";
import { deliveryDigest, mayRepeat } from "./repeats.ts";
import type { Added, WorkQueue } from "./work/port.ts";

/** What a delivery is taken with. */
export type ReceiveParts = {
  /** Whether the signature is that of the body under the App's secret. */
  readonly verify: (body: string, signature: string) => Promise<boolean>;
  readonly queue: Pick<WorkQueue, "add">;
  /** Whether something is done about an event: `issue_comment.created`. */
  readonly isHeard: (name: string) => boolean;
  /** Whether GitHub's log of deliveries has this id, and GitHub was asked to send it again. */
  readonly isAwaited: (id: string) => boolean;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Told of every delivery that was answered. */
  readonly onDelivery: (delivery: { readonly event: string; readonly result: DeliveryResult }) => void;
  /** Called when work was added. */
  readonly onAdded: () => void;
  /** Called when a body came again under a new id which may be another event: GitHub's log of deliveries knows. */
  readonly onDoubt: () => void;
};

/** What became of a delivery at the door. */
export type DeliveryResult = Added | "ignored" | "unsigned" | "malformed";

/** A delivery as it came in. */
export type Incoming = {
  /** A header by its name in lower case; undefined when it is absent. */
  readonly header: (name: string) => string | undefined;
  /** The body as it was sent, in UTF-8. */
  readonly body: string;
};

/** What is answered, as plain text. */
export type Received = { readonly status: 202 | 400 | 401; readonly text: string };

const SIGNATURE = /^sha256=[0-9a-f]{64}$/;
const EVENT = /^[a-z_]{1,64}$/;
const ID = /^[\w-]{1,128}$/;

/**
 * Takes a delivery of GitHub: proves its signature before anything of it is read, puts it into the queue and answers. A
 * delivery that was taken before, and one that nothing is done about, is answered alike. So is a body that was taken under
 * another id: the id is not signed, and whoever has seen a delivery can send it again under a new one.
 * @throws WhetstoneError of the queue; then nothing was taken, and GitHub is to be told so
 */
export async function receiveDelivery(parts: ReceiveParts, { header, body }: Incoming): Promise<Received> {
  const signature = header("x-hub-signature-256") ?? "";
  if (body === "" || !SIGNATURE.test(signature) || !(await parts.verify(body, signature))) {
    parts.onDelivery({ event: "none", result: "unsigned" });
    return { status: 401, text: "The signature is not that of this body." };
  }
  const [event = "", id = ""] = [header("x-github-event"), header("x-github-delivery")];
  const payload = EVENT.test(event) && ID.test(id) ? parsed(body) : undefined;
  if (payload === undefined) {
    parts.onDelivery({ event: "none", result: "malformed" });
    return { status: 400, text: "A delivery has X-GitHub-Event, X-GitHub-Delivery and a body in JSON." };
  }
  const { name, key } = addressOf(event, payload);
  // Due at once, whatever the clock says.
  const work = { id, event, key, payload: body, receivedAt: parts.now(), notBefore: 0 };
  const isHeard = parts.isHeard(name);
  const delivered = { ...work, digest: deliveryDigest(event, payload) };
  const how = { mayRepeat: mayRepeat(name) && parts.isAwaited(id) };
  const result = isHeard ? await parts.queue.add(delivered, how) : "ignored";
  parts.onDelivery({ event: result === "ignored" ? "other" : name, result });
  if (result === "added") parts.onAdded();
  if (result === "repeated" && mayRepeat(name)) parts.onDoubt();
  return { status: 202, text: result };
}

/** A JSON object or array; undefined for everything else. */
function parsed(body: string): object | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined; // answered as malformed
  }
}
