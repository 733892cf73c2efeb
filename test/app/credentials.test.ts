import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { readCredentials } from "../../src/app/credentials.ts";
import { parseEnv } from "../../src/config/env.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { newAppKey } from "./rsa-key.ts";

const { pem } = newAppKey();
const complete = { APP_ID: "4711", PRIVATE_KEY: pem, WEBHOOK_SECRET: "hush" };
const read = (variables: Record<string, string | undefined>) => readCredentials(parseEnv(variables).githubApp);

describe("readCredentials", () => {
  test.each([
    ["as it is", pem],
    ["with \\n for line breaks", pem.replaceAll("\n", "\\n")],
    ["in base64", Buffer.from(pem).toString("base64")],
  ])("takes a key %s", async (_, key) => {
    const found = await read({ ...complete, PRIVATE_KEY: key });
    expect(found).toMatchObject({ appId: 4711, baseUrl: "https://api.github.com" });
    expect([found.privateKey.reveal(), found.webhookSecret.reveal()]).toEqual([pem.trim(), "hush"]);
  });

  test("takes the key from a file", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "app.pem");
    await writeFile(path, pem);
    const found = await read({ ...complete, PRIVATE_KEY: "", PRIVATE_KEY_PATH: path });
    expect(found.privateKey.reveal()).toBe(pem.trim());
  });

  test("a key file that is not there is input_unreadable and names it", async () => {
    await expect(
      read({ ...complete, PRIVATE_KEY: undefined, PRIVATE_KEY_PATH: "/nowhere/app.pem" }),
    ).rejects.toMatchObject({
      code: "input_unreadable",
      message: expect.stringContaining("/nowhere/app.pem"),
    });
  });

  test.each([
    [{}, ["APP_ID", "PRIVATE_KEY or PRIVATE_KEY_PATH", "WEBHOOK_SECRET"]],
    [{ ...complete, APP_ID: undefined }, ["APP_ID"]],
    [{ ...complete, PRIVATE_KEY: "" }, ["PRIVATE_KEY or PRIVATE_KEY_PATH"]],
    [{ ...complete, WEBHOOK_SECRET: "" }, ["WEBHOOK_SECRET"]],
  ])("names what is missing, and how to get it (%#)", async (variables, missing) => {
    await expect(read(variables)).rejects.toMatchObject({
      code: "usage",
      exitCode: 2,
      message: `The GitHub App needs ${missing.join(", ")} in the environment.`,
      remedy: expect.stringContaining("whetstone serve --setup URL"),
      data: { missing },
    });
  });

  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" });
  test.each([
    ["an id that is the client id", { APP_ID: "Iv23liABC" }, "APP_ID is not a number."],
    ["an id of 0", { APP_ID: "0" }, "APP_ID is not a number."],
    ["a key that is none", { PRIVATE_KEY: "sesame" }, "PRIVATE_KEY does not hold an RSA private key."],
    ["half a key", { PRIVATE_KEY: pem.slice(0, 400) }, "PRIVATE_KEY does not hold an RSA private key."],
    ["a key of another kind", { PRIVATE_KEY: ec.toString() }, "PRIVATE_KEY does not hold an RSA private key."],
    ["a host with a path", { GHE_HOST: "github.example.com/x" }, "GHE_HOST and GHE_PROTOCOL make no address."],
    ["a host with an account", { GHE_HOST: "me@github.example.com" }, "GHE_HOST and GHE_PROTOCOL make no address."],
    [
      "another protocol",
      { GHE_HOST: "github.example.com", GHE_PROTOCOL: "file" },
      "GHE_HOST and GHE_PROTOCOL make no address.",
    ],
  ])("refuses %s and quotes no secret", async (_, change, message) => {
    const error = await read({ ...complete, ...change }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "usage", message });
    expect(inspect(error, { depth: 10 })).not.toMatch(/sesame|hush|MII/);
  });

  test("GitHub Enterprise Server has its own address", async () => {
    expect(await read({ ...complete, GHE_HOST: "github.example.com" })).toMatchObject({
      baseUrl: "https://github.example.com/api/v3",
    });
    expect(await read({ ...complete, GHE_HOST: "127.0.0.1:8080", GHE_PROTOCOL: "http" })).toMatchObject({
      baseUrl: "http://127.0.0.1:8080/api/v3",
    });
  });
});

describe("secrets", () => {
  test("neither JSON nor inspection of environment and credentials shows one", async () => {
    const env = parseEnv(complete);
    const credentials = await readCredentials(env.githubApp);
    const shown = [env, credentials].flatMap((value) => [
      JSON.stringify(value),
      inspect(value, { depth: 10, showHidden: true }),
    ]);
    for (const text of shown) expect(text).not.toMatch(/hush|PRIVATE KEY|MII/);
  });

  test("without any of its variables there is no App", () => {
    expect(parseEnv({ PATH: "/bin", APP_ID: "", PRIVATE_KEY: "" }).githubApp).toBeUndefined();
  });
});
