/** Longest path in UTF-8 bytes; longer ones break on some file systems and hide in reviews. */
const LONGEST_PATH_BYTES = 255;

/** Devices of Windows, with or without an ending ("Naming Files, Paths, and Namespaces" of the Win32 documentation). */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)(?:[ .].*)?$/i;
/** Short names that NTFS and FAT give to long ones: `GIT~1` is `.git`. */
const SHORT_NAME = /~\d+(?:\.|$)/;
/** Letters that look like those of `.git` and are not folded to them by Unicode. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  ɡ: "g", // latin script g
  ց: "g", // Armenian co
  ı: "i",
  і: "i", // Cyrillic i
  ι: "i", // Greek iota
  Ꭵ: "i", // Cherokee v
  ꭵ: "i",
  τ: "t",
  т: "t",
};

/**
 * Characters that are not seen, or not kept alike by every system: control and format characters (bidirectional marks,
 * zero-width), separators other than the blank, private use (Cygwin maps forbidden characters to it) and unassigned ones.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/u;

/** A name as file systems compare it that ignore case, Unicode form and unseen characters; for comparing only. */
export function foldName(name: string): string {
  const seen = name.replaceAll(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, "");
  // Upper case first: it takes `ß` to `SS` and the dotless i to `I`, as file systems with full folding do.
  const folded = seen.normalize("NFKC").toUpperCase().toLowerCase();
  return folded.normalize("NFKC").replaceAll(/[ .]+(?=\/|$)/g, "");
}

/** Why a path is not what it shows, or could be another file to some file system; undefined when it is plain. */
export function dangerOf(path: string): string | undefined {
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path)) return "is an absolute path";
  if (path.includes("\\")) return "holds a backslash";
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) return "has an empty, `.` or `..` part";
  if (UNSEEN.test(path)) return "holds invisible characters";
  if (path !== path.normalize("NFC")) return "is not in Unicode normal form C";
  if (new TextEncoder().encode(path).length > LONGEST_PATH_BYTES) return `is longer than ${LONGEST_PATH_BYTES} bytes`;
  for (const part of parts) {
    const why = partDanger(part);
    if (why !== undefined) return why;
  }
  return undefined;
}

function partDanger(part: string): string | undefined {
  if (foldName(part) === "") return "has a part that is nothing but points where Unicode form does not count";
  if (/[ .]$/.test(part) || SHORT_NAME.test(part)) return "is a name that file systems rewrite";
  if (part.startsWith(" ")) return "begins with a blank";
  if (/[<>:"|?*]/.test(part)) return "holds a character that Windows gives another meaning";
  if (DEVICE.test(part)) return "is a device on Windows";
  if (looksLikeGit(part)) return "is, or looks like, a part of git's own";
  if (mixesScripts(part)) return "mixes letters of scripts that look alike";
  return undefined;
}

/** Names that begin as git's own do and belong to forges; they are a protected class of their own. */
const FORGES = /^\.(?:github|gitlab|gitea|gitlab-ci\.ya?ml)$/;

/** `.git` and all that begins with it, also by letters that look like these. */
function looksLikeGit(part: string): boolean {
  const letters = Array.from(foldName(part), (letter) => LOOK_ALIKES[letter] ?? letter).join("");
  return letters.startsWith(".git") && !FORGES.test(part.toLowerCase());
}

/** One word with letters of Latin and of a script whose letters pass for Latin ones. */
function mixesScripts(part: string): boolean {
  return part
    .split(/[^\p{L}\p{M}]+/u)
    .some(
      (word) =>
        /\p{Script=Latin}/u.test(word) && /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}]/u.test(word),
    );
}
