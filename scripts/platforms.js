/** The platforms that have a binary. Each is a package of its own: `@rustorage/<name>`, in npm/<name>. */

/** The oldest glibc that published binaries run with: Node 20 needs that itself. */
export const GLIBC = "2.28";

/** `target` is what Rust calls the platform. A libc's name is npm's. */
export const PLATFORMS = [
  linux("x64", "x86_64", "glibc"),
  linux("x64", "x86_64", "musl"),
  linux("arm64", "aarch64", "glibc"),
  linux("arm64", "aarch64", "musl"),
  darwin("x64", "x86_64"),
  darwin("arm64", "aarch64"),
  windows("x64", "x86_64"),
  windows("arm64", "aarch64"),
];

function linux(cpu, arch, libc) {
  const abi = libc === "glibc" ? "gnu" : libc;
  return {
    name: `linux-${cpu}-${abi}`,
    target: `${arch}-unknown-linux-${abi}`,
    os: "linux",
    cpu,
    libc,
    words: `Linux on ${cpu} with ${libc}`,
  };
}

function darwin(cpu, arch) {
  return {
    name: `darwin-${cpu}`,
    target: `${arch}-apple-darwin`,
    os: "darwin",
    cpu,
    words: `macOS on ${cpu}`,
  };
}

function windows(cpu, arch) {
  return {
    name: `win32-${cpu}`,
    target: `${arch}-pc-windows-msvc`,
    os: "win32",
    cpu,
    words: `Windows on ${cpu}`,
  };
}

/** The platform that this process runs on. */
export function host() {
  const { platform, arch } = process;
  const libc = process.report.getReport().header.glibcVersionRuntime ? "glibc" : "musl";
  const found = PLATFORMS.find(
    ({ os, cpu, libc: needed = libc }) => os === platform && cpu === arch && needed === libc,
  );
  if (found === undefined) throw new Error(`rustorage is not built for ${platform} ${arch}`);
  return found;
}

/** What cargo makes. */
export function library({ os }) {
  return { linux: "librustorage.so", darwin: "librustorage.dylib", win32: "rustorage.dll" }[os];
}

/** The name of a platform's binary, in its folder. */
export function binary({ name }) {
  return `rustorage.${name}.node`;
}

/** A platform's package.json. Nitro's tracers want a plain `main`, and no `exports`. */
export function manifest(platform, { version, license, engines, repository }) {
  const { name, os, cpu, libc, words } = platform;
  return {
    name: `@rustorage/${name}`,
    version,
    description: `rustorage's binary for ${words}`,
    license,
    repository: repository && { ...repository, directory: `npm/${name}` },
    files: [binary(platform), "THIRD-PARTY-LICENSES.txt"],
    os: [os],
    cpu: [cpu],
    libc: libc && [libc],
    type: "commonjs",
    main: binary(platform),
    engines,
  };
}

export function readme({ name, words }) {
  return `# @rustorage/${name}

The binary of \`rustorage\` for ${words}. Installing \`rustorage\` brings it along.
`;
}
