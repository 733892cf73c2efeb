import { WhetstoneError } from "../model/error.ts";

const LONGEST_REASON = 500;

/** Holds that `--why` fits into a record. @throws WhetstoneError `usage` */
export function assertReason(why: string | undefined): void {
  if (why === undefined || (why !== "" && why.length <= LONGEST_REASON)) return;
  throw new WhetstoneError("usage", `--why has ${why.length} characters; it takes 1 to ${LONGEST_REASON}.`, {
    remedy: "Nothing was done yet. Say it shorter, or leave --why out.",
  });
}
