import { EXIT } from "../../model/codes.ts";
import { revokeKey, rotateKeys } from "../../protect/authorization/keys.ts";
import { listKeys } from "../../protect/authorization/records.ts";
import { unauthorized } from "../../protect/authorization/refusal.ts";
import { systemRandom } from "../../wire.ts";
import type { CommonOptions } from "../command.ts";
import { type Io, printJson } from "../io.ts";
import { type CliProtection, openCliProtection } from "../protection.ts";
import { renderTable } from "../table.ts";

/** `whetstone authorize keys list`. */
export async function runListSigningKeys(options: CommonOptions, io: Io): Promise<number> {
  const { desk, keys } = await openCliProtection(options, io);
  const here = await keys.kids();
  const all = (await listKeys(await desk.state.view())).map((key) => ({ ...key, here: here.includes(key.kid) }));
  if (options.json) printJson(io, { keys: all, total: all.length });
  else if (all.length === 0) io.out("There is no key yet; the first `whetstone authorize grant` makes one.\n");
  else {
    const rows = all.map(({ kid, owner, createdAt, retired, here: isHere }) => [
      kid,
      owner.id,
      retired === null ? "in use" : `${retired.why} ${retired.at}`,
      createdAt,
      isHere ? "yes" : "no",
    ]);
    io.out(renderTable(["kid", "owner", "state", "created", "on this machine"], rows));
  }
  return EXIT.pass;
}

/** `whetstone authorize keys rotate`. */
export async function runRotateKeys(options: CommonOptions, io: Io): Promise<number> {
  const protection = await openCliProtection(options, io);
  await assertHasRole(protection);
  const { desk, keys, actor } = protection;
  const { state, clock } = desk;
  const { key, retired, voided } = await rotateKeys({ state, clock, folder: keys, owner: actor, random: systemRandom });
  if (options.json) printJson(io, { kid: key.kid, retired, voided });
  else {
    io.out(`Key ${key.kid} signs from now on.\n`);
    if (retired.length > 0) io.out(`Retired: ${retired.join(", ")}.\n`);
    if (voided.length > 0) io.out(`No longer valid, ask again: ${voided.join(", ")}.\n`);
  }
  return EXIT.pass;
}

/** `whetstone authorize keys revoke`. */
export async function runRevokeSigningKey(kid: string, options: CommonOptions, io: Io): Promise<number> {
  const protection = await openCliProtection(options, io);
  await assertHasRole(protection);
  const { retired, voided } = await revokeKey(protection.desk, { kid, by: protection.actor });
  if (options.json) printJson(io, { retired, voided });
  else {
    io.out(`Key ${kid} is refused from now on.\n`);
    if (voided.length > 0) io.out(`No longer valid, ask again: ${voided.join(", ")}.\n`);
  }
  return EXIT.pass;
}

/** Keys belong to people who may grant something. @throws WhetstoneError `unauthorized` */
async function assertHasRole({ desk, actor }: CliProtection): Promise<void> {
  if ((await desk.roles.authorityOf(actor)) !== undefined) return;
  throw unauthorized({
    reason: actor.type === "person" ? "role_missing" : "person_needed",
    message: `${actor.type} ${actor.id} has no role here and needs no key.`,
    remedy: "Ask somebody whom `protection.roles` of whetstone.yaml names.",
  });
}
