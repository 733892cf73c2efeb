import { join } from "node:path";
import { SETUP_PATH } from "../../app/setup/manifest.ts";
import { credentialsText, setupMount } from "../../app/setup/setup.ts";
import type { Mount } from "../../app/server.ts";
import type { GitHubAppEnv } from "../../config/env.ts";
import { openGitHubClient } from "../../github/client.ts";
import { WhetstoneError } from "../../model/error.ts";
import { writeFileWhole } from "../../protect/files.ts";
import { systemRandom, WORK_FOLDER } from "../../wire.ts";
import type { ServeOptions } from "../commands/serve.ts";
import type { Io } from "../io.ts";

/** The set-up pages, and the address that opens them. */
export type ServedSetup = { readonly mount: Mount; readonly address: string };

/**
 * The pages that make the GitHub App; undefined without `--setup`.
 * @throws WhetstoneError `usage`: the address is none that GitHub can deliver to, or the owner's name is none
 */
export function openServedSetup(options: ServeOptions, io: Io, log: (line: string) => void): ServedSetup | undefined {
  if (options.setup === undefined) return undefined;
  const url = publicAddress(options.setup);
  if (options.organisation !== undefined && !/^[\w-]{1,100}$/.test(options.organisation)) {
    throw new WhetstoneError("usage", "--organisation is not a name of GitHub.", {
      remedy: "Write it as in its address.",
    });
  }
  const token = unguessable();
  const site = siteOf(io.env.githubApp);
  const file = join(io.cwd, WORK_FOLDER, "app", "credentials.env");
  const mount = setupMount({
    token,
    unguessable,
    url,
    site,
    organisation: options.organisation,
    client: openGitHubClient({ baseUrl: site === "https://github.com" ? "https://api.github.com" : `${site}/api/v3` }),
    keep: async (created) => {
      await writeFileWhole(file, credentialsText(created), { mode: 0o600 });
      return file;
    },
    log,
  });
  return { mount, address: `${url}${SETUP_PATH}?token=${token}` };
}

const unguessable = (): string => Buffer.from(systemRandom(24)).toString("base64url");

function publicAddress(text: string): string {
  const url = URL.parse(text);
  const isLocal = url?.hostname === "localhost" || url?.hostname === "127.0.0.1";
  const isHttp = url?.protocol === "https:" || (isLocal && url.protocol === "http:");
  if (url === null || !isHttp || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw new WhetstoneError("usage", "--setup needs the address under which GitHub reaches this server.", {
      remedy: "Write it like https://whetstone.example.com; http is for this machine alone.",
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function siteOf(env: GitHubAppEnv | undefined): string {
  if (env?.enterpriseHost === undefined) return "https://github.com";
  const site = `${env.enterpriseProtocol ?? "https"}://${env.enterpriseHost}`;
  if (URL.parse(site)?.host === env.enterpriseHost.toLowerCase()) return site;
  throw new WhetstoneError("usage", "GHE_HOST and GHE_PROTOCOL make no address.", {
    remedy: "GHE_HOST is a host such as github.example.com; GHE_PROTOCOL is https or http.",
  });
}
