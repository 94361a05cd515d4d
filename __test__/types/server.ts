/** The servers' options, as code for both versions of unstorage has them. */
import { createStorage } from "rustorage";
import {
  createH3StorageHandler,
  createStorageHandler,
  createStorageServer,
  type StorageServerOptions,
} from "rustorage/server";
import { createStorage as createV2 } from "unstorage";
import type { StorageServerOptions as OptionsV2 } from "unstorage/server";
import { createStorage as createV1 } from "unstorage-v1";

/** As Node's, whose types are not installed here. */
declare function createServer(
  listener: (request: { url?: string }, response: { end(): void }) => void,
): void;

const storage = createStorage<string>();

export const answer: Promise<Response> = createStorageHandler(storage, {
  authorize({ type, key, request }) {
    const asked: "read" | "write" = type;
    if (request.headers.get("authorization") === null) throw new Error(`${asked} ${key}`);
  },
  resolvePath: (request) => new URL(request.url).pathname,
  maxBodySize: 1_000_000,
})(new Request("http://localhost/a"));

createServer(
  createStorageServer(storage, {
    authorize: async ({ event, key }) => event.headers.has("x-user") && key !== "",
    resolvePath: (event) => event.path,
  }).handle,
);

// Of storages of unstorage, and with options of its types.
declare const theirs: OptionsV2;
createStorageHandler(createV2(), theirs);
createStorageServer(createV1());
export const ours: OptionsV2 = createdFor({ authorize: () => {}, resolvePath: () => "/a" });
createH3StorageHandler(storage, {
  // Written for an event of h3.
  authorize({ event }: { event: { path: string; node: { req: { headers: object } } } }) {
    if (event.path === "/" && "x-user" in event.node.req.headers) throw new Error("no");
  },
});

function createdFor(options: {
  authorize(): void;
  resolvePath(): string;
}): StorageServerOptions & OptionsV2 {
  return options;
}

// @ts-expect-error No such option.
createStorageHandler(storage, { authorise() {} });
// @ts-expect-error It decides by a boolean, or throws.
createStorageHandler(storage, { authorize: () => 401 });
