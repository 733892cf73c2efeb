/** A file before and after; undefined for none. */
export type FileChange = {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
};

/**
 * A unified diff that replaces whole files: correct for any text, if not the shortest. Files that do not change are left
 * out; empty for no change.
 */
export function wholeFilePatch(changes: readonly FileChange[]): string {
  return changes
    .filter(({ before, after }) => before !== after)
    .map(filePatch)
    .join("");
}

function filePatch({ path, before, after }: FileChange): string {
  const name = { old: `a/${path}`, new: `b/${path}` };
  const mode =
    before === undefined ? "new file mode 100644\n" : after === undefined ? "deleted file mode 100644\n" : "";
  const [old, fresh] = [linesOf(before ?? "", "-"), linesOf(after ?? "", "+")];
  const head = `diff --git ${name.old} ${name.new}\n${mode}`;
  if (old.count === 0 && fresh.count === 0) return head;
  const from = before === undefined ? "/dev/null" : name.old;
  const to = after === undefined ? "/dev/null" : name.new;
  const range = ({ count }: Lines): string => (count === 0 ? "0,0" : `1,${count}`);
  return `${head}--- ${from}\n+++ ${to}\n@@ -${range(old)} +${range(fresh)} @@\n${old.text}${fresh.text}`;
}

type Lines = { readonly count: number; readonly text: string };

function linesOf(content: string, sign: "-" | "+"): Lines {
  if (content === "") return { count: 0, text: "" };
  const isWhole = content.endsWith("\n");
  const lines = (isWhole ? content.slice(0, -1) : content).split("\n");
  const text = lines.map((line) => `${sign}${line}\n`).join("");
  return { count: lines.length, text: isWhole ? text : `${text}\\ No newline at end of file\n` };
}
