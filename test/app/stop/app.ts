import { PERMISSIONS } from "../../../src/app/setup/permissions.ts";
import type { InstalledApp } from "../../support/github-app.ts";
import { newAppKey } from "../rsa-key.ts";

/** A workflow that is Whetstone's. */
export const LOOP = "jobs:\n  loop:\n    uses: acme/whetstone/.github/workflows/loop.yml@0123\n";

/** The App with the permissions that its manifest asks for, installed on the counterpart's organisation. */
export function installedApp(): InstalledApp {
  return {
    appId: 4711,
    slug: "whetstone",
    installation: 99,
    privateKey: newAppKey().pem,
    webhookSecret: "dummy-webhook-secret",
    permissions: Object.fromEntries(Object.entries(PERMISSIONS).map(([name, [level]]) => [name, level])),
    events: [],
  };
}
