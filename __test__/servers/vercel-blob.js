/** Starts Vercel Blob on a free port: `emulate`, which needs a newer Node than the oldest that runs tests. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startProgram } from "./program.js";
import { freePort } from "./ports.js";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/** A token names its store. */
export const TOKEN = "vercel_blob_rw_teststore_s3cret";

/** What comes back has the `options` of a driver, and `stop()`. */
export async function startVercelBlob() {
  const folder = mkdtempSync(join(tmpdir(), "rustorage-vercel-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const program = path("../../node_modules/emulate/dist/index.js");
  const args = [program, "start", "--service", "vercel", "--port", `${port}`];
  const node = path("../../node_modules/node24/bin/node");
  const { stop } = await startProgram(node, args, { folder, url });
  const options = {
    access: "public",
    token: TOKEN,
    apiURL: `${url}/api/blob`,
    blobURL: `${url}/blob/teststore`,
  };
  return { options, stop };
}
