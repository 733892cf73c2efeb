import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { globSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { patchedSource } from "../../src/instrument/module-hooks.ts";
import { identityOf } from "../../src/instrument/start.ts";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { temporaryFolder } from "../support/git-repository.ts";

const handed = (text: string): string[] =>
  [...(patchedSource(text) ?? "").matchAll(/globalThis\[Symbol[^\]]*\]\?\.\((\w+)\);/g)].map((match) => match[1] ?? "");

describe("patchedSource", () => {
  test.each([
    ["export class Protocol {\n}", ["Protocol"]],
    ["class Protocol {\n}\nexports.Protocol = Protocol;", ["Protocol"]],
    ["export class Client extends Protocol {}", ["Client"]],
    ["var Protocol = class {\n};\nvar Client = class extends Protocol {};", ["Protocol", "Client"]],
    ["const x = 1;", []],
    ["var ProtocolError = class extends Error {};", []],
    ["// class Protocol", []],
    ["  class Protocol {}", []],
  ])("%j hands over %j", (text, names) => {
    expect(handed(text)).toEqual(names);
    expect((patchedSource(text) ?? text).startsWith(text)).toBe(true);
  });

  test("a module that ends with a comment is still followed by code", () => {
    expect(patchedSource("class Protocol {}\n//# sourceMappingURL=x")).toMatch(/=x\n;globalThis/);
  });

  test.each([
    ["sdk 1.x, ESM", "sdk/dist/esm/{shared/protocol,client/index}.js", 2],
    ["sdk 1.x, CommonJS", "sdk/dist/cjs/{shared/protocol,client/index}.js", 2],
    ["server 2.x, ESM", "server/dist/*.mjs", 1],
    ["server 2.x, CommonJS", "server/dist/*.cjs", 1],
    ["client 2.x, ESM", "client/dist/*.mjs", 2],
    ["client 2.x, CommonJS", "client/dist/*.cjs", 2],
  ])("finds the classes in the installed %s", (_what, pattern, count) => {
    const files = globSync(`node_modules/@modelcontextprotocol/${pattern}`);
    expect(files.flatMap((file) => handed(readFileSync(file, "utf8")))).toHaveLength(count);
  });
});

test("a patch that throws leaves the module as it is, and is told of", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "host.mjs");
  const hooks = JSON.stringify(resolve("src/instrument/module-hooks.ts"));
  const sdk = JSON.stringify(resolve("node_modules/@modelcontextprotocol/sdk/dist/esm/shared/protocol.js"));
  await writeFile(
    file,
    `import { installModuleHooks } from ${hooks};
     const broken = () => { throw new Error("broken on purpose"); };
     console.log(installModuleHooks(broken, (error) => console.error(error.message)));
     const { Protocol } = await import(${sdk});
     console.log(typeof Protocol);`,
  );
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], {
    env: { PATH: process.env["PATH"] },
  });
  expect({ stdout, stderr }).toEqual({ stdout: "true\nfunction\n", stderr: "broken on purpose\n" });
});

describe("identityOf", () => {
  test("is the nearest package above the script that has a name", async () => {
    await using folder = await temporaryFolder();
    const inner = join(folder.path, "a/b");
    await mkdir(inner, { recursive: true });
    await writeFile(join(folder.path, "package.json"), '{"name":"outer","version":"1.0.0"}');
    await writeFile(join(folder.path, "a/package.json"), '{"type":"module"}');
    expect(identityOf(join(inner, "server.mjs"))).toEqual({ name: "outer", version: "1.0.0" });
    await writeFile(join(inner, "package.json"), "no json");
    expect(identityOf(join(inner, "server.mjs"))).toEqual({ name: "outer", version: "1.0.0" });
    await writeFile(join(inner, "package.json"), '{"name":"inner"}');
    expect(identityOf(join(inner, "server.mjs"))).toEqual({ name: "inner", version: undefined });
  });

  test("is the script's own name, or node, where there is no package", () => {
    expect(identityOf("/server.mjs")).toEqual({ name: "server.mjs" });
    expect(identityOf(undefined)).toEqual({ name: "node" });
  });
});
