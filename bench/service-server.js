/**
 * What stands for services, for all libraries' drivers alike, in a process of its own: it knows as much of each protocol as reads take, and
 * does as little work as can be.
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { serveIn, startedOnce } from "./child.js";
import { list, text } from "./data.js";

const file = fileURLToPath(import.meta.url);

const PATHS = list(1000, (index) => `users/${index % 10}/${index}`);

/** The keys of what is there. */
export const KEYS = PATHS.map((path) => path.replaceAll("/", ":"));

/** Its URL. */
export const services = startedOnce(file);

/** By what stands before a key in the paths of those that answer with the value alone: its type, which drivers of unstorage 1 go by. */
const TYPES = {
  "/bucket/": "text/plain",
  "/owner/name/main/": "text/plain",
  "/client/v4/accounts/a/storage/kv/namespaces/n/values/": "application/octet-stream",
  "/s/site:n/": "text/plain",
};

function listener() {
  const items = new Map(PATHS.map((path, index) => [path, text(100, index)]));
  const valueOf = (key) => items.get(key.replaceAll(":", "/")) ?? null;
  const nameOf = (value) => createHash("sha1").update(`blob 100\0${value}`).digest("hex");
  const tree = [...items].map(([path, value]) => ({
    path,
    type: "blob",
    mode: "100644",
    size: 100,
    sha: nameOf(value),
  }));
  const files = JSON.stringify({ tree });
  /** Of Upstash, whose client wants base64. */
  const told = ([command, ...keys], { headers }) => {
    const isPacked = headers["upstash-encoding"] === "base64";
    const pack = (value) => (isPacked ? Buffer.from(value).toString("base64") : value);
    const values = keys.map((key) => pack(valueOf(key)));
    return { result: command.toLowerCase() === "mget" ? values : values[0] };
  };
  const answers = {
    "/": (words, request) => told(words, request),
    "/pipeline": (commands, request) => commands.map((words) => told(words, request)),
    "/client/v4/accounts/a/storage/kv/namespaces/n/bulk/get": ({ keys }) => ({
      success: true,
      result: { values: Object.fromEntries(keys.map((key) => [key, valueOf(key)])) },
    }),
  };
  return async (request, response) => {
    const path = decodeURIComponent(request.url.split("?")[0]);
    if (request.method === "POST") {
      const parts = [];
      for await (const part of request) parts.push(part);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(answers[path](JSON.parse(Buffer.concat(parts)), request)));
    } else if (path.startsWith("/repos/")) response.end(files);
    else {
      const place = Object.keys(TYPES).find((start) => path.startsWith(start));
      response.setHeader("content-type", TYPES[place]);
      response.end(valueOf(path.slice(place.length)));
    }
  };
}

serveIn(file, listener);
