import { WEBHOOK_PATH } from "../server.ts";
import { EVENTS, PERMISSIONS } from "./permissions.ts";

/** Path of the set-up page. */
export const SETUP_PATH = "/setup";
/** Path that GitHub sends the person back to, with a code that is good for one exchange. */
export const CALLBACK_PATH = "/setup/created";

/**
 * The manifest of a private GitHub App, as GitHub's form takes it ("Registering a GitHub App from a manifest"). `url`: where
 * the server is reached from outside, without a slash at its end. `public` is said outright: left out it would be false too, but
 * Probot's own page makes every App public.
 */
export function appManifest({ url, name }: { readonly url: string; readonly name: string }) {
  return {
    name,
    url,
    hook_attributes: { url: `${url}${WEBHOOK_PATH}`, active: true },
    redirect_url: `${url}${CALLBACK_PATH}`,
    public: false,
    default_permissions: Object.fromEntries(Object.entries(PERMISSIONS).map(([what, [level]]) => [what, level])),
    default_events: [...EVENTS],
  };
}
