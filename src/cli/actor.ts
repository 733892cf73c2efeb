import { userInfo } from "node:os";
import type { Actor } from "../model/ledger.ts";

/** The person at the command line, as the operating system names them. */
export function localActor(): Actor {
  try {
    return { type: "person", id: userInfo().username };
  } catch {
    return { type: "person", id: "unknown" }; // no account for the user id, as in some containers
  }
}
