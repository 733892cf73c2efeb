/**
 * `npm` runs this in a clone after `npm install` and before a package is packed, also when somebody installs it from git:
 * it builds `dist/`, in about a second. Where the development dependencies are left out (`--omit=dev`) there is nothing
 * to build with, and a clone runs its sources anyway; a package without `dist/` would be broken, so packing fails then.
 */
const canBuild = await import("rolldown").then(
  () => true,
  () => false,
);
if (canBuild) {
  // Its list of files is for whoever builds by hand.
  process.stdout.write = () => true;
  await import("./build.ts");
} else {
  const isPacking = ["pack", "publish"].includes(process.env["npm_command"] ?? "");
  process.stderr.write("prepare: dist/ was not built: rolldown, a development dependency, is not installed.\n");
  process.exitCode = isPacking ? 1 : 0;
}
