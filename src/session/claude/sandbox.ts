import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
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
  /** A folder that can be written without being changed: what is written goes into `layers` ({@link makeLayers}). */
  readonly copied?: { readonly path: string; readonly layers: string };
  /** `none`: a loopback of its own and nothing else. */
  readonly network: "host" | "none";
};

/** A program and its arguments. */
export type Program = { readonly program: string; readonly args: readonly string[] };

/** Folders of the system, seen read-only by every confined program. Some are links to others. */
const SYSTEM = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "opt", "nix"] as const;

/**
 * Builds the confined root and starts the program in it. Arguments: root, working folder, user, group, network, then
 * `KIND PATH LAYERS` for each place, `--`, and the program. What is not named is not there; what is there is read-only
 * unless named as writable. It runs as process 1 of its own process namespace: when it ends, everything ends.
 */
const SCRIPT = `set -eu
path=$PATH
PATH=/usr/sbin:/usr/bin:/sbin:/bin
root=$(cd "$1" && pwd -P) cwd=$2 uid=$3 gid=$4 network=$5
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
  if [ -w "$root$1" ]; then echo "$1 is still writable" >&2; exit 1; fi
}
copy() {
  cd "$root"
  mkdir .lower .layers
  mount --rbind "$1" .lower
  mount --bind "$2" .layers
  mount -t overlay -o userxattr,lowerdir=.lower,upperdir=.layers/upper,workdir=.layers/work overlay "$root$1"
  umount -l .lower .layers
  rmdir .lower .layers
}
for name in ${SYSTEM.join(" ")}; do
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
    copy) here "$2"; copy "$2" "$3" ;;
  esac
  shift 3
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
    ...inOrder(seen).flatMap(({ kind, path }) => [kind, path, ""]),
    ...(copied === undefined ? [] : ["copy", copied.path, copied.layers]),
  ];
  const namespaces = ["--user", "--map-root-user", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"];
  const apart = network === "none" ? [...namespaces, "--net"] : namespaces;
  return {
    program: "/usr/bin/unshare",
    args: [...apart, "/bin/sh", "-c", SCRIPT, "sandbox", root, cwd, ...ids, network, ...mounts, "--", program, ...args],
  };
}

/** Folders before what lies in them; one place for each path; without what is there and read-only anyway. */
function inOrder(places: readonly SandboxPlace[]): readonly SandboxPlace[] {
  const system = new Set<string>(SYSTEM);
  const own = places.filter(({ kind, path }) => kind !== "read" || !system.has(path.split("/")[1] ?? ""));
  const byPath = new Map(own.map((place) => [place.path, place]));
  return [...byPath.values()].sort((one, other) => depthOf(one) - depthOf(other));
}

const depthOf = ({ path }: SandboxPlace): number => path.split("/").length;

const PROBE_TIMEOUT_MS = 20_000;

/**
 * Why programs cannot be confined on this machine; undefined when they can. Asks by doing it, with every part of it, in a
 * folder of its own below `folder`.
 */
export async function sandboxFault(folder: string): Promise<string | undefined> {
  if (process.platform !== "linux") return `there is no sandbox for ${process.platform}`;
  await using layers = await makeLayers(folder);
  const copied = { path: "/etc", layers: layers.path };
  const wrapped = sandboxed(
    { program: "/bin/true", args: [] },
    { root: layers.root, cwd: "/", places: [], copied, network: "none" },
  );
  try {
    const { code, stderr } = await runTool({ ...wrapped, cwd: "/", env: {}, timeoutMs: PROBE_TIMEOUT_MS });
    return code === 0 ? undefined : `namespaces of users do not work here: ${stderr.trim()}`;
  } catch (error) {
    return `it cannot be started: ${messageOf(error)}`;
  }
}

/** Empty folders for one sandbox: its root's place, and the layers of a copy. Gone at the end of the scope. */
export type Layers = AsyncDisposable & { readonly root: string; readonly path: string };

/** Makes {@link Layers} in a new folder below `folder`. */
export async function makeLayers(folder: string): Promise<Layers> {
  const path = await mkdtemp(join(folder, "box-"));
  const [root, upper, work] = [join(path, "root"), join(path, "upper"), join(path, "work")];
  for (const each of [root, upper, work]) await mkdir(each);
  return {
    root,
    path,
    [Symbol.asyncDispose]: async () => {
      await openUp(join(work, "work"));
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Overlays leave a folder that not even its owner may read, and which could not be removed. */
async function openUp(path: string): Promise<void> {
  await chmod(path, 0o700).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
}
