//! The options: unstorage's and ioredis's, by their names.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::option_values::{Delays, HostAndPort, Node, RoleOption, TlsOption, named, port, some, whole};

#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-instance" = "RedisConnection")))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[allow(clippy::struct_excessive_bools, reason = "they are options")]
pub struct RedisOptions {
    /// What the keys of all items start with, before a colon.
    pub base: String,
    /// Where the server is, as `redis://user:password@host:port/db`, `rediss://…` with TLS, `unix:///path/to/socket?db=0` or
    /// `redis+sentinel://user:password@host:port,host:port/name/db`. What it says goes before the other options.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-secret" = true)))]
    pub url: Option<String>,
    /// The server's name or address.
    #[serde(deserialize_with = "named")]
    pub host: String,
    /// The server's port.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = "number | string")))]
    #[serde(deserialize_with = "port")]
    pub port: u16,
    /// 4 or 6 for an address of that family only; 0 for either.
    #[serde(deserialize_with = "whole")]
    pub family: u16,
    /// A Unix socket, instead of host and port.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub path: Option<String>,
    /// Some servers of a cluster, each with `host` and `port`, or as a URL; they tell of the others. What all URLs say of login and
    /// encryption is for all servers. Instead of all options above.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = NODES)))]
    #[serde(deserialize_with = "some")]
    pub cluster: Vec<Node>,
    /// What ioredis takes for a cluster: `redisOptions` (options as here, for each server), `maxRedirections`, `keyPrefix`, `natMap` and
    /// `enableOfflineQueue`. JavaScript puts them among the other options.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = CLUSTER_OPTIONS, "x-secret" = true)))]
    cluster_options: Option<bool>,
    /// How often a call goes to another server of a cluster before it fails.
    pub max_redirections: u32,
    /// Some sentinels, as the servers of `cluster` are named, by default on port 26379; they tell of the others, and where the server
    /// called `name` is. Instead of `host` and `port`.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = NODES)))]
    #[serde(deserialize_with = "some")]
    pub sentinels: Vec<Node>,
    /// What the sentinels call the master.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: Option<String>,
    /// Whether the sentinels are asked for the master, as they are by default, or for one of its replicas, which takes no writes.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-type" = r#""master" | "slave" | "replica""#)))]
    pub role: RoleOption,
    /// The user to log in to sentinels as (ACL).
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub sentinel_username: Option<String>,
    /// The password to log in to sentinels with.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-secret" = true)))]
    pub sentinel_password: Option<String>,
    /// Encrypts connections to sentinels, as `tls` those to the server.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = TLS, "x-secret" = true)))]
    #[serde(rename = "sentinelTLS")]
    pub sentinel_tls: TlsOption,
    /// With `false`, `tls` is not for the server that sentinels tell of.
    #[serde(rename = "enableTLSForSentinelMode")]
    pub enable_tls_for_sentinel_mode: bool,
    /// Where addresses lead that servers of a cluster or sentinels tell of and that cannot be reached from here, as
    /// `{ "10.0.0.1:6379": { host, port } }`.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = NAT_MAP)))]
    pub nat_map: HashMap<String, HostAndPort>,
    /// The user to log in as (ACL).
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub username: Option<String>,
    /// The password to log in with.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-secret" = true)))]
    pub password: Option<String>,
    /// The number of the database.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = "number | string")))]
    #[serde(deserialize_with = "whole")]
    pub db: u32,
    /// Encrypts the connection: true, or how the server is recognised.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = TLS, "x-secret" = true)))]
    pub tls: TlsOption,
    /// What every key of this connection starts with, `base` too; without a separator of its own.
    pub key_prefix: String,
    /// What the server lists the connection as.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub connection_name: Option<String>,
    /// Life of an item that comes without its own, in seconds.
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub ttl: Option<f64>,
    /// How many keys the server looks at for each step of a listing.
    pub scan_count: u32,
    /// Raw values are written and read as text with `base64:` in front, as unstorage 1 has them.
    pub legacy_raw: bool,
    /// Connects at once, and not with the first call.
    pub pre_connect: bool,
    /// Taken, and always so, but for `preConnect`.
    pub lazy_connect: bool,
    /// Milliseconds for connecting, and logging in.
    pub connect_timeout: u64,
    /// Milliseconds for a call, waiting for a connection included, and for each step of `getKeys` and `clear`; 0 for no end.
    pub command_timeout: u64,
    /// How often a call is tried again, as there is no connection or it breaks, by default 20 times; null, or below 0, for no end.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = "number | null")))]
    pub max_retries_per_request: i64,
    /// Milliseconds before the nth attempt to connect again: a number, a list, or a function, which is asked for every n when the
    /// driver is made. What is no number gives up. By default 50 more each time, up to 2000.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("x-type" = "number | (number | null)[] | ((times: number) => number | null | void)"))
    )]
    pub retry_strategy: Delays,
    /// Calls wait while there is no connection; otherwise they fail at once.
    pub enable_offline_queue: bool,
    /// After how many milliseconds a silent connection is asked whether it is still there; 0 for the system's own time.
    pub keep_alive: u64,
    /// Small packets go out at once.
    pub no_delay: bool,
    /// Tells each server that reading is enough: so a cluster's replica answers, too.
    pub read_only: bool,
    /// Calls are refused while those that wait take more memory than so many bytes; 0 for no end.
    pub max_pending_bytes: usize,
    /// With it, `watch` hears of what other clients change, by the server's keyspace notifications. "check": the server has to have
    /// `notify-keyspace-events` set, to `K$gxe` at least. "configure": it is set. "assume": it is not looked at, as some services do not let
    /// it be. Without it, a storage's watchers hear of what its own process changes.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "String", extend("x-type" = r#""check" | "configure" | "assume""#))
    )]
    pub keyspace_notifications: Option<Notifications>,
}

/// How far a server is trusted to tell of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Notifications {
    Check,
    Configure,
    Assume,
}

#[cfg(feature = "schema")]
const TLS: &str = "boolean | { ca?: string | Uint8Array | (string | Uint8Array)[] | undefined; cert?: string | Uint8Array | undefined; \
                   key?: string | Uint8Array | undefined; servername?: string | undefined; rejectUnauthorized?: boolean | undefined }";

#[cfg(feature = "schema")]
const NODES: &str = "({ host?: string | undefined; port?: number | string | undefined } | string | number)[]";

#[cfg(feature = "schema")]
const NAT_MAP: &str = "Record<string, { host: string; port: number | string }>";

#[cfg(feature = "schema")]
const CLUSTER_OPTIONS: &str = "{ redisOptions?: RedisOptions | undefined; maxRedirections?: number | undefined; keyPrefix?: string | undefined; \
                               enableOfflineQueue?: boolean | undefined; \
                               natMap?: Record<string, { host: string; port: number | string }> | undefined; [option: string]: unknown }";

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            base: String::new(),
            url: None,
            host: "localhost".into(),
            port: 6379,
            family: 0,
            path: None,
            cluster: Vec::new(),
            cluster_options: None,
            max_redirections: 16,
            sentinels: Vec::new(),
            name: None,
            role: RoleOption::default(),
            sentinel_username: None,
            sentinel_password: None,
            sentinel_tls: TlsOption::default(),
            enable_tls_for_sentinel_mode: true,
            nat_map: HashMap::new(),
            username: None,
            password: None,
            db: 0,
            tls: TlsOption::default(),
            key_prefix: String::new(),
            connection_name: None,
            ttl: None,
            scan_count: 1000,
            legacy_raw: false,
            pre_connect: false,
            lazy_connect: true,
            connect_timeout: 10_000,
            command_timeout: 10_000,
            max_retries_per_request: 20,
            retry_strategy: Delays::default(),
            enable_offline_queue: true,
            keep_alive: 0,
            no_delay: true,
            read_only: false,
            max_pending_bytes: 256 << 20,
            keyspace_notifications: None,
        }
    }
}
