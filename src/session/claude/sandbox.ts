import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, messageOf } from "../../model/error.ts";
import { runTool } from "./run-tool.ts";

/**
 * A path that a confined program sees, absolute; passed over where it does not exist. `read`: as it is, read-only. `write`:
 * as it is. `hide`: a folder that is empty instead. Deeper places lie over shallower ones,
 * and of equal paths the last counts.
 */
export type SandboxPlace = { readonly kind: "read" | "write" | "hide"; readonly path: string };

/** What a confined program sees of the disk, besides the system's own folders (read-only) and an empty `/tmp`. */
export type SandboxPlaces = {
  /** An empty folder that becomes the root's place; nothing is written into it. */
  readonly root: string;
  readonly cwd: string;
  readonly places: readonly SandboxPlace[];
  /** A folder that can be written without being changed: what is written goes into `upper`; both are empty folders. */
  readonly copied?: { readonly path: string; readonly upper: string; readonly work: string };
  /** `none`: a loopback of its own and nothing else. */
  readonly network: "host" | "none";
};

/** A program and its arguments. */
export type Program = { readonly program: string; readonly args: readonly string[] };

/**
 * Builds the confined root and starts the program in it. Arguments: root, working folder, user, group, network, then
 * `KIND PATH UPPER WORK` for each place, `--`, and the program. What is not named is not there; what is there is read-only
 * unless named as writable. It runs as process 1 of its own process namespace: when it ends, everything ends.
 */
const SCRIPT = `set -eu
path=$PATH
PATH=/usr/sbin:/usr/bin:/sbin:/bin
root=$1 cwd=$2 uid=$3 gid=$4 network=$5
shift 5
mount -t tmpfs -o mode=0755,size=16m tmpfs "$root"
mkdir "$root/proc" "$root/dev" "$root/dev/shm" "$root/tmp" "$root/.old"
mount -t tmpfs -o mode=1777,size=256m tmpfs "$root/tmp"
mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/dev/shm"
here() {
  if [ -d "$1" ]; then mkdir -p "$root$1"; else
    mkdir -p "$root\${1%/*}"
    [ -e "$root$1" ] || : > "$root$1"
  fi
}
bind() { here "$1"; mount --rbind "$1" "$root$1"; }
protect() {
  while read -r _ _ _ _ point options _; do
    point=$(printf '%b' "$point")
    case $point in "$root$1" | "$root$1"/*) mount -o "remount,bind,ro,\${options#r[ow],}" "$point" ;; esac
  done < /proc/self/mountinfo
}
for name in usr bin sbin lib lib32 lib64 libx32 etc opt nix; do
  if [ -L "/$name" ]; then cp -P "/$name" "$root/$name"
  elif [ -d "/$name" ]; then bind "/$name"; protect "/$name"; fi
done
for name in shadow shadow- gshadow gshadow-; do
  if [ -e "/etc/$name" ]; then mount --bind /dev/null "$root/etc/$name"; fi
done
for name in ssh ssl/private sudoers.d; do
  if [ -d "/etc/$name" ]; then mount -t tmpfs -o ro,size=4k tmpfs "$root/etc/$name"; fi
done
for name in null zero full random urandom tty; do
  : > "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
mount -t proc proc "$root/proc"
while [ "$1" != -- ]; do
  case $1 in
    read) if [ -e "$2" ]; then bind "$2"; protect "$2"; fi ;;
    hide) if [ -d "$2" ]; then here "$2"; mount -t tmpfs -o mode=0755,size=1m tmpfs "$root$2"; fi ;;
    write) if [ -e "$2" ]; then bind "$2"; fi ;;
    copy) here "$2"; mount -t overlay -o "userxattr,lowerdir=$2,upperdir=$3,workdir=$4" overlay "$root$2" ;;
  esac
  shift 4
done
shift
if [ "$network" = none ]; then ip link set lo up; fi
cd "$root"
pivot_root . .old
umount -l .old
rmdir .old
mount -o remount,bind,ro /
cd "$cwd"
PATH=$path
drop="/usr/bin/setpriv --no-new-privs --bounding-set -all --inh-caps -all --"
if [ "$uid" = 0 ]; then $drop "$@"
else /usr/bin/unshare --user --map-user="$uid" --map-group="$gid" $drop "$@"; fi
`;

/** The program as it is started to run confined, on Linux with namespaces of users (util-linux). */
export function sandboxed({ program, args }: Program, places: SandboxPlaces): Program {
  const { root, cwd, places: seen, copied, network } = places;
  const ids = [process.getuid?.() ?? 0, process.getgid?.() ?? 0].map(String);
  const mounts = [
    ...inOrder(seen).flatMap(({ kind, path }) => [kind, path, "", ""]),
    ...(copied === undefined ? [] : ["copy", copied.path, copied.upper, copied.work]),
  ];
  const namespaces = ["--user", "--map-root-user", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"];
  const apart = network === "none" ? [...namespaces, "--net"] : namespaces;
  return {
    program: "/usr/bin/unshare",
    args: [...apart, "/bin/sh", "-c", SCRIPT, "sandbox", root, cwd, ...ids, network, ...mounts, "--", program, ...args],
  };
}

/** Folders before what lies in them; one place for each path. */
function inOrder(places: readonly SandboxPlace[]): readonly SandboxPlace[] {
  const byPath = new Map(places.map((place) => [place.path, place]));
  return [...byPath.values()].sort((one, other) => depthOf(one) - depthOf(other));
}

const depthOf = ({ path }: SandboxPlace): number => path.split("/").length;

const PROBE_TIMEOUT_MS = 20_000;

/**
 * Why programs cannot be confined on this machine; undefined when they can. Asks by doing it, in an empty folder, with
 * every part of it: `root`, `upper` and `work` are empty folders.
 */
export async function sandboxFault(folders: {
  readonly root: string;
  readonly upper: string;
  readonly work: string;
}): Promise<string | undefined> {
  if (process.platform !== "linux") return `there is no sandbox for ${process.platform}`;
  const { root, upper, work } = folders;
  const copied = { path: "/etc", upper, work };
  const places = { root, cwd: "/", places: [], copied, network: "none" } as const;
  const wrapped = sandboxed({ program: "/bin/true", args: [] }, places);
  try {
    const { code, stderr } = await runTool({ ...wrapped, cwd: "/", env: {}, timeoutMs: PROBE_TIMEOUT_MS });
    await releaseCopy(work);
    return code === 0 ? undefined : `namespaces of users do not work here: ${stderr.trim()}`;
  } catch (error) {
    return `it cannot be started: ${messageOf(error)}`;
  }
}

/** Lets a copy's `work` folder be removed: overlays leave a folder in it that not even its owner may read. */
export async function releaseCopy(work: string): Promise<void> {
  await chmod(join(work, "work"), 0o700).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
}
