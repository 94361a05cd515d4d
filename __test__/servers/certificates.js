/** Certificates for tests: an authority of our own, and one that it signed for 127.0.0.1 and localhost. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Makes them in `folder`: `{ ca, cert, key }`, each with its `path` and `pem`. */
export function makeCertificates(folder) {
  const path = (name) => join(folder, name);
  const openssl = (...args) => execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...curve,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "2",
    "-subj",
    "/CN=test authority",
  );
  openssl("req", ...curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
  writeFileSync(path("extensions"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  const signed = [
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca.key",
    "-CAcreateserial",
    "-days",
    "2",
    "-extfile",
    "extensions",
  ];
  openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", ...signed);
  const file = (name) => ({ path: path(name), pem: readFileSync(path(name), "utf8") });
  return { ca: file("ca.pem"), cert: file("server.pem"), key: file("server.key") };
}
