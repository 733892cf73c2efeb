import { resolve } from "node:path";

const answer = await fetch(`${process.env["E2E_CONTROL"]}/downloads`, {
  method: "POST",
  body: JSON.stringify({
    id: process.env["INPUT_ARTIFACT-IDS"],
    pattern: process.env["INPUT_PATTERN"],
    path: resolve(process.env["INPUT_PATH"]),
  }),
});
if (!answer.ok) throw new Error((await answer.json()).message);
