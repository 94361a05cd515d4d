/** A registry on this machine that has the given tarballs; for all else it points at the one that npm is set up with. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename } from "node:path";

/** Starts it on a free port; `close()` ends it. */
export async function startRegistry(tarballs) {
  const upstream = npm("config", "get", "registry").trim();
  const packages = new Map();
  const files = new Map();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url.slice(1));
    if (packages.has(path)) {
      response.setHeader("content-type", "application/json").end(packages.get(path));
    } else if (files.has(path)) {
      response.end(files.get(path));
    } else {
      response.writeHead(302, { location: new URL(request.url.slice(1), upstream).href }).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  for (const tarball of tarballs) {
    const file = basename(tarball);
    const content = readFileSync(tarball);
    const manifest = JSON.parse(execFileSync("tar", ["-xzOf", tarball, "package/package.json"]));
    const { name, version } = manifest;
    const integrity = `sha512-${createHash("sha512").update(content).digest("base64")}`;
    const dist = { tarball: `${url}${file}`, integrity };
    files.set(file, content);
    packages.set(
      name,
      JSON.stringify({
        name,
        "dist-tags": { latest: version },
        versions: { [version]: { ...manifest, dist } },
      }),
    );
  }
  return { url, close: () => server.close() };
}

function npm(...args) {
  return execFileSync("npm", args, { encoding: "utf8" });
}
