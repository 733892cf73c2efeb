import { appendFileSync } from "node:fs";
import { resolve } from "node:path";

const hidden = process.env["INPUT_PATH"].split("/").some((part) => /^\.[^.]/.test(part));
if (hidden && process.env["INPUT_INCLUDE-HIDDEN-FILES"] !== "true") throw new Error("hidden files would be left out");
const answer = await fetch(`${process.env["E2E_CONTROL"]}/artifacts`, {
  method: "POST",
  body: JSON.stringify({ name: process.env["INPUT_NAME"], path: resolve(process.env["INPUT_PATH"]) }),
});
const told = await answer.json();
if (!answer.ok) throw new Error(told.message);
appendFileSync(process.env["GITHUB_OUTPUT"], `artifact-id=${told.id}\nartifact-digest=${told.digest}\n`);
