import { CALLBACK_PATH } from "./manifest.ts";
import { PERMISSIONS } from "./permissions.ts";

/** Text as HTML shows it, in content and in attributes. */
export function forHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A page of the server: its title, what it holds as HTML, and what its head holds besides. */
export const page = (title: string, body: string, head = ""): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${forHtml(title)}</title>
<meta name="viewport" content="width=device-width">${head}
<style>body{font:16px/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}code,pre{background:#8882;padding:.1rem .3rem}pre{overflow:auto;padding:.6rem}</style>
</head><body><main><h1>${forHtml(title)}</h1>
${body}
</main></body></html>
`;

/** The form that takes a manifest to GitHub. `action` is GitHub's page, of the person or of an organisation. */
export function setupPage(form: {
  readonly action: string;
  readonly manifest: object;
  readonly state: string;
}): string {
  const rows = Object.entries(PERMISSIONS).map(
    ([what, [level, why]]) => `<tr><td><code>${what}</code></td><td>${level}</td><td>${forHtml(why)}</td></tr>`,
  );
  const action = `${form.action}?state=${encodeURIComponent(form.state)}`;
  return page(
    "Make the GitHub App",
    `<p>GitHub shows the App before it makes it; it is private to the account. It never approves and never merges.</p>
<table><thead><tr><th>permission</th><th>level</th><th>what for</th></tr></thead><tbody>${rows.join("")}</tbody></table>
<form action="${forHtml(action)}" method="post">
<input type="hidden" name="manifest" value="${forHtml(JSON.stringify(form.manifest))}">
<p><button type="submit">Go on to GitHub</button></p></form>`,
  );
}

/** What to do with the App that was made; the secrets themselves are in no page. */
export function createdPage(made: { readonly file: string; readonly slug: string; readonly htmlUrl: string }): string {
  return page(
    "The GitHub App is there",
    `<p>Its credentials were written to <code>${forHtml(made.file)}</code>, which only this user can read; they are shown nowhere.</p>
<ol><li>Stop this server, and start it with them:<pre>set -a; . ${forHtml(made.file)}; set +a; whetstone serve</pre></li>
<li><a href="${forHtml(`${made.htmlUrl}/installations/new`)}">Install ${forHtml(made.slug)}</a> on the repositories that it is for.</li></ol>`,
  );
}

/** A page that says why the set-up did not go on. */
export function refusedPage(why: string): string {
  return page(
    "The set-up did not go on",
    `<p>${forHtml(why)}</p><p>Nothing was written. ${CALLBACK_PATH} is for GitHub.</p>`,
  );
}
