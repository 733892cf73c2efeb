/** The one release of Claude Code that sessions run and tests cover; flags and events move between releases. */
export const CLAUDE_VERSION = "2.1.328";

/** npm package that holds the program for one platform, what its tarball must hash to, and the program in it. */
export type ClaudePackage = {
  readonly name: string;
  readonly version: string;
  /** Subresource integrity of the tarball: `sha512-` and base64. */
  readonly integrity: string;
  /** Path of the program inside the package. */
  readonly program: string;
};

/** What a release is chosen by: the values of `process.platform` and `process.arch`, and whether libc is musl. */
export type HostPlatform = { readonly platform: string; readonly arch: string; readonly musl: boolean };

/** The digests that the publisher stated for {@link CLAUDE_VERSION}, read on 2026-11-20. */
const INTEGRITY: Readonly<Record<string, string>> = {
  "linux-x64": "sha512-KuzL+dBHgDCFTHJxwW+xuBJdVKfBsesGx2BBcTOG9sYDGoAD7b1hUV8rsTS4xjoJsB2SmeGraGjBiFuhrYuC9w==",
  "linux-arm64": "sha512-zeWsClzx/rli8q6RsngKisu5BnuZ41J7Htp0qgsdZomaJCINiksf+mewQ/gyaylKajBZCoE9Z8R+OkLMjIkJig==",
  "linux-x64-musl": "sha512-JiYOp70eNGo+NQGwfPOyzupUf4rVjXd2cXpyF1elbp97mR22tagM7qlCQ/8jGrKSce82/ZKkyXQo39IsQjnNLQ==",
  "linux-arm64-musl": "sha512-7WgJJKqF3+ZHug9afhVfiEouUME1Y4dApnwqXDK0N06ipIyTPmE7Mqi53FfmUZI7In651SI4ZN7A14xGoe3M2w==",
  "darwin-arm64": "sha512-BIKLsj2MTaXfWJBE+Wr5ismdpTD0Oju5VmSix8ybBpe4rthXnrrhfMI8iikRQ4Qln5rlcpJyKjVf6CgrZdQASw==",
  "darwin-x64": "sha512-SuFIh/OGu/qCCAw9aGldbpcu1OZMozDjZVZGfM6T8Cek+40Lg2fOpB9NHKi71nPHOznjn01xLuZ2HuZboodn6A==",
  "win32-x64": "sha512-mnO+OWOHAOE8ESMvVwwuyup79cdNgJ9zVJBJ4cn5o6iPUAl5padlYEfnPR1Pjlpy17UOUyMmo4hgBXg6PAs/xA==",
  "win32-arm64": "sha512-yQUZOl8TzR8POwOede1j/fAkZNOmgf9p2CJ/cZGD7JW5YCLQkyRE9o8yaMJXzi1u+mSchYGFPbNZ+mIjWPZWAQ==",
};

/** The package for a platform; undefined where none is published. */
export function claudePackage({ platform, arch, musl }: HostPlatform): ClaudePackage | undefined {
  const name = `${platform}-${arch}${platform === "linux" && musl ? "-musl" : ""}`;
  const integrity = Object.hasOwn(INTEGRITY, name) ? INTEGRITY[name] : undefined;
  if (integrity === undefined) return undefined;
  const program = platform === "win32" ? "claude.exe" : "claude";
  return { name: `@anthropic-ai/claude-code-${name}`, version: CLAUDE_VERSION, integrity, program };
}

/** The platform that this process runs on. */
export function hostPlatform(): HostPlatform {
  const { platform, arch } = process;
  return { platform, arch, musl: platform === "linux" && !hasGlibc() };
}

function hasGlibc(): boolean {
  const report = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime !== undefined;
}
