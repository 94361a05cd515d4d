import type { Storage } from "../../index.js";

/** What a server is asked to do: "read" is GET and HEAD, "write" is PUT and DELETE. */
export interface StorageServerRequest {
  type: "read" | "write";
  request: globalThis.Request;
  /** Normalised. A base, which is listed or cleared, ends in `:`, and is empty for the whole storage. */
  key: string;
}

/** As much of an event of h3 1.x as there is without h3. */
export interface StorageServerEvent {
  /** Node's request and response. */
  node: { req: any; res: any };
  method: string;
  path: string;
  headers: globalThis.Headers;
  context: Record<string, any>;
}

/** As `StorageServerRequest`, for servers of Node and h3. */
export interface StorageServerEventRequest {
  type: "read" | "write";
  event: StorageServerEvent;
  key: string;
}

interface BodyOptions {
  /** The largest body of a PUT, in bytes; what is larger is answered with 413. By default there is no limit. */
  maxBodySize?: number | undefined;
}

export interface StorageServerOptions extends BodyOptions {
  /**
   * Decides about each request, before its body is read. What it throws refuses the request, with its `status` or `statusCode` (401 without either), its
   * message and its `headers`; so does false. Without it everybody may do everything, and the process warns once.
   */
  authorize?(request: StorageServerRequest): void | boolean | Promise<void | boolean>;
  /** The path that names the key, instead of the URL's, percent-encoded; undefined stands for the URL's. */
  resolvePath?(request: globalThis.Request): string | undefined | Promise<string | undefined>;
}

export interface StorageServerEventOptions extends BodyOptions {
  /** As in `StorageServerOptions`. */
  authorize?(request: StorageServerEventRequest): void | boolean | Promise<void | boolean>;
  /** As in `StorageServerOptions`. */
  resolvePath?(event: StorageServerEvent): string | undefined | Promise<string | undefined>;
}

/**
 * Serves a storage over HTTP, where a web Request asks and a Response answers. The protocol is that of unstorage's servers and of the `http` driver: docs/server.md.
 *
 * GET gives an item, or lists the keys under a path that ends in `/` or `:`; HEAD tells whether there is an item; PUT stores it; DELETE removes it, or clears what is
 * under such a path.
 */
export declare function createStorageHandler(
  storage: Storage<any>,
  options?: StorageServerOptions,
): (request: globalThis.Request) => Promise<globalThis.Response>;

/** The same for Node: `http.createServer(createStorageServer(storage).handle)`. */
export declare function createStorageServer(
  storage: Storage<any>,
  options?: StorageServerEventOptions,
): { handle: (request: any, response: any) => Promise<void> };

/** The same for h3 1.x, as an event handler. */
export declare function createH3StorageHandler(
  storage: Storage<any>,
  options?: StorageServerEventOptions,
): (event: any) => Promise<globalThis.Response>;
