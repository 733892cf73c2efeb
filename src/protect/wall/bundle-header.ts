/** The text that a bundle begins with (gitformat-bundle, versions 2 and 3). */
export type BundleHeader = {
  /** Digits of an object id: 40 or 64. */
  readonly idLength: number;
  readonly prerequisites: readonly string[];
  readonly tips: readonly { readonly id: string; readonly ref: string }[];
  /** Where the pack begins. */
  readonly packAt: number;
};

/** Longest header: a proposal's bundle has one prerequisite and one ref. */
const LONGEST = 4_096;

/** Reads a bundle's header strictly; undefined and why when git could read it in another way or not at all. */
export function readBundleHeader(
  bundle: Uint8Array,
): { readonly ok: true; readonly header: BundleHeader } | { readonly ok: false; readonly detail: string } {
  const end = Buffer.from(bundle.buffer, bundle.byteOffset, Math.min(bundle.length, LONGEST)).indexOf("\n\n");
  if (end < 0) return { ok: false, detail: "it has no header, or one that is too long" };
  const head = Buffer.from(bundle.subarray(0, end)).toString("latin1");
  const [signature, ...lines] = head.split("\n");
  if (signature !== "# v2 git bundle" && signature !== "# v3 git bundle") {
    return { ok: false, detail: "it does not begin as a bundle of version 2 or 3" };
  }
  const capabilities = lines.filter((line) => line.startsWith("@"));
  const known = capabilities.every((line) => line === "@object-format=sha1" || line === "@object-format=sha256");
  if (!known || capabilities.length > (signature.includes("v3") ? 1 : 0)) {
    return { ok: false, detail: `it asks for what is not allowed: ${capabilities.join(", ")}` };
  }
  const idLength = capabilities[0] === "@object-format=sha256" ? 64 : 40;
  return readRefs(lines.slice(capabilities.length), { idLength, packAt: end + 2 });
}

function readRefs(lines: readonly string[], { idLength, packAt }: Pick<BundleHeader, "idLength" | "packAt">) {
  const prerequisites: string[] = [];
  const tips: { id: string; ref: string }[] = [];
  for (const line of lines) {
    const [, minus, id, rest] = /^(-?)([0-9a-f]+)(?: ([\x20-\x7e]*))?$/.exec(line) ?? [];
    if (id?.length !== idLength)
      return { ok: false, detail: `its header has the line ${JSON.stringify(line)}` } as const;
    if (minus === "-" && tips.length === 0) prerequisites.push(id);
    else if (minus === "" && rest !== undefined && isRef(rest)) tips.push({ id, ref: rest });
    else return { ok: false, detail: `its header has the line ${JSON.stringify(line)}` } as const;
  }
  return { ok: true, header: { idLength, prerequisites, tips, packAt } } as const;
}

/** Branches and HEAD, named as git allows it (git-check-ref-format), in plain characters. */
function isRef(ref: string): boolean {
  if (ref === "HEAD") return true;
  const parts = ref.split("/");
  const plain = parts.every((part) => /^[A-Za-z0-9_+-][A-Za-z0-9._+-]*$/.test(part) && !/\.\.|\.lock$|\.$/.test(part));
  return ref.startsWith("refs/heads/") && parts.length > 2 && plain;
}
