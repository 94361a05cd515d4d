/** A Redis or Valkey server, over TCP, TLS or a Unix socket, or a cluster of them. */
import { storageError } from "../errors.js";
import { tableOf } from "../native-driver.js";
import { withoutIneffective } from "../ineffective-options.js";
import { native, pending } from "../native.js";
import { RAW_AS_TEXT, createRemoteDriver, encodeRaw } from "../remote-driver.js";
import { isRecord } from "../runtime-options.js";
import { viewBytes } from "../serialize.js";

/** What ioredis takes and ours does without. */
const WITHOUT_EFFECT = [
  "Connector",
  "autoPipeliningIgnoredCommands",
  "autoResendUnfulfilledCommands",
  "autoResubscribe",
  "blockingTimeout",
  "blockingTimeoutGrace",
  "clientInfoTag",
  "commandQueue",
  "disableClientInfo",
  "disconnectTimeout",
  "enableAutoPipelining",
  "enableReadyCheck",
  "failoverDetector",
  "maxLoadingRetryTime",
  "monitor",
  "offlineQueue",
  "preferredSlaves",
  "protocol",
  "reconnectOnError",
  "replyMapping",
  "scripts",
  "sentinelCommandTimeout",
  "sentinelMaxConnections",
  "sentinelReconnectStrategy",
  "sentinelRetryStrategy",
  "showFriendlyErrorStack",
  "socketTimeout",
  "strictLoading",
  "stringNumbers",
  "updateSentinels",
];

/** What ioredis takes for a cluster and ours does without. */
const WITHOUT_EFFECT_IN_CLUSTERS = [
  "clusterRetryStrategy",
  "dnsLookup",
  "enableAutoPipelining",
  "enableReadyCheck",
  "lazyConnect",
  "quitOnNodeFail",
  "resolveSrv",
  "retryDelayOnClusterDown",
  "retryDelayOnFailover",
  "retryDelayOnMoved",
  "retryDelayOnTryAgain",
  "scaleReads",
  "shardedSubscribers",
  "showFriendlyErrorStack",
  "slotsRefreshInterval",
  "slotsRefreshTimeout",
  "useSRVRecords",
];

/** How many delays a function is asked for; the last holds from there on. */
const DELAYS_ASKED = 100;

/** By the number that the addon gives; src/driver/mod.rs has the same list. */
const STATUS = ["wait", "connecting", "ready", "reconnecting"];

export default function redis(options = {}) {
  // Known only when the options are read, which may be with the first call.
  let legacyRaw = false;
  return createRemoteDriver("redis", withoutIneffective("redis", options, WITHOUT_EFFECT), {
    prepare(given) {
      const settings = toSettings(given);
      legacyRaw = settings?.legacyRaw === true;
      return settings;
    },
    raw: {
      encode: (value) => (legacyRaw ? RAW_AS_TEXT.encode : encodeRaw)(value),
      decode: (bytes) => (legacyRaw ? RAW_AS_TEXT.decode(bytes) : bytes),
    },
    // Without it, a storage tells of what its own process changes.
    watches: Boolean(options?.keyspaceNotifications),
    methods: (owner) => ({ getInstance: () => (owner.instance ??= connectionOf(owner)) }),
  });
}

/** The options as the addon takes them: without functions and bytes. */
function toSettings(options) {
  if (!isRecord(options)) return options;
  const { clusterOptions, ...others } = options;
  // As unstorage has it, they are for a cluster alone.
  const given = options.cluster ? asRecord("clusterOptions", clusterOptions) : {};
  const { redisOptions, ...forCluster } = given;
  const ofCluster = withoutIneffective("redis", forCluster, WITHOUT_EFFECT_IN_CLUSTERS);
  const ofServers = asRecord("clusterOptions.redisOptions", redisOptions);
  const all = { ...others, ...ofServers, ...ofCluster };
  const settings = withoutIneffective("redis", all, WITHOUT_EFFECT);
  if (typeof settings.natMap === "function") {
    throw refusal(
      "the option `natMap` must be an object: where servers are is asked on another thread",
    );
  }
  // As ioredis has it; a null in options counts for nothing else.
  if (settings.maxRetriesPerRequest === null) settings.maxRetriesPerRequest = -1;
  const { retryStrategy } = settings;
  if (typeof retryStrategy === "function") settings.retryStrategy = delaysOf(retryStrategy);
  if (Array.isArray(settings.retryStrategy)) {
    // As text, since null in a list of options counts for nothing.
    settings.retryStrategy = settings.retryStrategy.map((delay) => delay ?? "none");
  }
  for (const option of ["tls", "sentinelTLS"]) {
    const tls = settings[option];
    if (isRecord(tls)) {
      const texts = Object.entries(tls).map(([name, value]) => [name, toText(value)]);
      settings[option] = Object.fromEntries(texts);
    }
  }
  return settings;
}

/** An option that holds others. */
function asRecord(option, given) {
  if (given === undefined || given === null) return {};
  if (isRecord(given)) return given;
  throw refusal(`the option \`${option}\` must be an object`);
}

function refusal(cause, operation = "create") {
  return storageError("INVALID_OPTIONS", "redis", operation, undefined, cause);
}

function delaysOf(retryStrategy) {
  return Array.from({ length: DELAYS_ASKED }, (_, index) => {
    const delay = retryStrategy(index + 1);
    return typeof delay === "number" ? delay : null;
  });
}

/** Certificates and keys as the text that they are in PEM. */
function toText(value) {
  if (Array.isArray(value)) return value.map(toText);
  return ArrayBuffer.isView(value) ? Buffer.from(viewBytes(value)).toString() : value;
}

/** A word of a command as it is sent. What has no one form as text may be meant in another. */
function toWord(word) {
  if (ArrayBuffer.isView(word)) return viewBytes(word);
  if (["string", "number", "bigint"].includes(typeof word)) return String(word);
  throw refusal("a word of a command is a string, a number or bytes (Uint8Array)", "command");
}

/** What `getInstance()` gives: the connection, for commands of one's own. */
function connectionOf(owner) {
  return {
    get status() {
      return owner.table < 0 ? STATUS[0] : STATUS[native.status(owner.handle)];
    },
    /** Sends a command as it is, with neither `base` nor `keyPrefix`. It is not sent twice. */
    command(...words) {
      const sent = words.map(toWord);
      if (sent.length === 0) throw refusal("a command has a name", "command");
      tableOf(owner);
      native.command(owner.handle, sent, sent.length);
      return pending();
    },
  };
}

/** unstorage's driver has to have a package installed, this one has not. */
export const DRIVER_DEPENDENCIES = {};
export { redis as "module.exports" };
