//! The options: unstorage's and ioredis's, by their names.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    command::Patience,
    sentinels::{Role, Sentinels},
    server::{Access, Address, Family, Login, NatMap, Place, Server},
    tls::{Material, Tls},
    topology::parse_address,
    url::Url,
};

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
    pub host: String,
    /// The server's port.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = "number | string")))]
    #[serde(deserialize_with = "whole")]
    pub port: u16,
    /// 4 or 6 for an address of that family only; 0 for either.
    #[serde(deserialize_with = "whole")]
    pub family: u16,
    /// A Unix socket, instead of host and port.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub path: Option<String>,
    /// Some servers of a cluster, each with `host` and `port`, or as a URL; they tell of the others. Instead of all options above.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = NODES)))]
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
    /// Milliseconds for a call, waiting for a connection included; 0 for no end.
    pub command_timeout: u64,
    /// How often a call is tried again, as there is no connection or it breaks; null, or below 0, for no end.
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

/// A server of a cluster, or a sentinel.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "an object with host and port, a URL or a port")]
pub enum Node {
    Url(String),
    Port(u16),
    Place(HostAndPort),
}

#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct HostAndPort {
    host: String,
    #[serde(deserialize_with = "whole")]
    port: u16,
}

impl Default for HostAndPort {
    fn default() -> Self {
        // 0 stands for the usual one.
        Self { host: "127.0.0.1".into(), port: 0 }
    }
}

#[derive(Deserialize, Serialize, Default, Clone, Copy)]
#[serde(rename_all = "camelCase")]
pub enum RoleOption {
    #[default]
    Master,
    /// As ioredis has it.
    Slave,
    Replica,
}

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

#[derive(Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TlsOption(#[cfg_attr(feature = "schema", schemars(with = "GivenTls"))] Option<TlsOptions>);

#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema counts")]
enum GivenTls {
    Whether(bool),
    How(TlsOptions),
}

#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct TlsOptions {
    ca: OneOrMany,
    cert: Option<String>,
    key: Option<String>,
    servername: Option<String>,
    reject_unauthorized: bool,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self { ca: OneOrMany::default(), cert: None, key: None, servername: None, reject_unauthorized: true }
    }
}

impl<'de> Deserialize<'de> for TlsOption {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Given;
        impl<'de> Visitor<'de> for Given {
            type Value = TlsOption;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("true, false or an object")
            }

            fn visit_bool<E: Error>(self, on: bool) -> Result<TlsOption, E> {
                Ok(TlsOption(on.then(TlsOptions::default)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TlsOption, A::Error> {
                TlsOptions::deserialize(MapAccessDeserializer::new(map)).map(|options| TlsOption(Some(options)))
            }
        }
        deserializer.deserialize_any(Given)
    }
}

#[derive(Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct OneOrMany(#[cfg_attr(feature = "schema", schemars(with = "GivenTexts"))] Vec<String>);

#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema counts")]
enum GivenTexts {
    One(String),
    Many(Vec<String>),
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMany;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a string or a list of strings")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMany(texts))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

/// What is waited before each attempt to connect again, in milliseconds; the last holds for all after it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delays(#[cfg_attr(feature = "schema", schemars(with = "GivenDelays"))] Vec<Option<f64>>);

#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema counts")]
enum GivenDelays {
    One(f64),
    Many(Vec<f64>),
}

impl Default for Delays {
    fn default() -> Self {
        Self((1..=40).map(|times| Some(f64::from(times * 50))).collect())
    }
}

impl<'de> Deserialize<'de> for Delays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number, a list of numbers or a function")]
        enum Given {
            One(f64),
            Many(Vec<serde_json::Value>),
        }
        Ok(Self(match Given::deserialize(deserializer)? {
            Given::One(delay) => vec![Some(delay)],
            Given::Many(delays) => delays.iter().map(serde_json::Value::as_f64).collect(),
        }))
    }
}

/// A whole number, or its text: what comes from the environment is text.
fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<T, D::Error> {
    struct Whole;
    impl Visitor<'_> for Whole {
        type Value = u64;

        fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
            formatter.write_str("a whole number that is not too large")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
            text.parse().map_err(|_| E::invalid_type(serde::de::Unexpected::Str(text), &self))
        }
    }
    let number = deserializer.deserialize_any(Whole)?;
    T::try_from(number).map_err(|_| D::Error::invalid_value(serde::de::Unexpected::Unsigned(number), &Whole))
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Whom the options name, and how.
pub enum Target {
    Server(Server),
    Cluster(Access, Vec<Address>),
}

impl RedisOptions {
    /// The servers and how long they are waited for. An error names the option.
    pub fn read(&mut self) -> Result<(Target, Patience), String> {
        if let Some(url) = filled(self.url.take()) {
            self.read_url(Url::parse(&url).map_err(|error| format!("the option `url` {error}"))?)?;
        }
        let family = match self.family {
            0 => Family::Any,
            4 => Family::V4,
            6 => Family::V6,
            _ => return Err("the option `family` must be 0, 4 or 6".into()),
        };
        if self.connect_timeout == 0 {
            return Err("the option `connectTimeout` must be more than 0".into());
        }
        let access = Access {
            nat_map: Arc::new(self.nat_map()?),
            family,
            tls: self.tls.read("tls")?,
            login: login(self.username.take(), self.password.take()),
            database: self.db,
            name: filled(self.connection_name.take()),
            connect_timeout: Duration::from_millis(self.connect_timeout),
            keep_alive: (self.keep_alive > 0).then(|| Duration::from_millis(self.keep_alive)),
            no_delay: self.no_delay,
            read_only: self.read_only,
        };
        let patience = Patience {
            command: (self.command_timeout > 0).then(|| Duration::from_millis(self.command_timeout)),
            retries: u32::try_from(self.max_retries_per_request).ok(),
            delays: self.retry_strategy.durations(),
            offline: self.enable_offline_queue,
        };
        Ok((self.target(access)?, patience))
    }

    fn target(&mut self, access: Access) -> Result<Target, String> {
        match (self.cluster.is_empty(), self.sentinels.is_empty()) {
            (true, true) => {
                let place = match filled(self.path.take()) {
                    Some(path) => Address::Unix(path.into()),
                    None => Address::Tcp { host: self.host.clone(), port: self.port },
                };
                Ok(Target::Server(Server { place: Place::At(place), access }))
            }
            (true, false) => Ok(Target::Server(self.told(access)?)),
            (false, true) if self.db == 0 => Ok(Target::Cluster(access, addresses("cluster", &self.cluster, 6379)?)),
            (false, true) => Err("the option `db` must be 0: a cluster has no other".into()),
            (false, false) => Err("the options `cluster` and `sentinels` are for different things".into()),
        }
    }

    /// The server that sentinels tell of.
    fn told(&mut self, access: Access) -> Result<Server, String> {
        let name = filled(self.name.take()).ok_or("the option `name` must be what the sentinels call the master")?;
        let role = match self.role {
            RoleOption::Master => Role::Master,
            RoleOption::Slave | RoleOption::Replica => Role::Replica,
        };
        let spoken_to = Access {
            tls: self.sentinel_tls.read("sentinelTLS")?,
            login: login(self.sentinel_username.take(), self.sentinel_password.take()),
            database: 0,
            read_only: false,
            ..access.clone()
        };
        let sentinels = Sentinels::new(spoken_to, addresses("sentinels", &self.sentinels, 26379)?, name, role);
        let tls = access.tls.clone().filter(|_| self.enable_tls_for_sentinel_mode);
        Ok(Server { place: Place::Told(sentinels), access: Access { tls, ..access } })
    }

    fn nat_map(&self) -> Result<NatMap, String> {
        let entry = |(told, HostAndPort { host, port }): (&String, &HostAndPort)| {
            let told = parse_address(told)
                .ok_or_else(|| format!("the option `natMap` has the key {told:?}, which is no host:port"))?;
            Ok((told, Address::Tcp { host: host.clone(), port: if *port == 0 { 6379 } else { *port } }))
        };
        self.nat_map.iter().map(entry).collect()
    }

    fn read_url(&mut self, url: Url) -> Result<(), String> {
        if url.secure && self.tls.0.is_none() {
            self.tls = TlsOption(Some(TlsOptions::default()));
        }
        if url.secure && !url.sentinels.is_empty() && self.sentinel_tls.0.is_none() {
            self.sentinel_tls = TlsOption(Some(TlsOptions::default()));
        }
        if !url.sentinels.is_empty() {
            let node = |(host, port): (Option<String>, Option<u16>)| {
                let host = host.unwrap_or(HostAndPort::default().host);
                Node::Place(HostAndPort { host, port: port.unwrap_or_default() })
            };
            self.sentinels = url.sentinels.into_iter().map(node).collect();
        }
        self.name = url.name.or(self.name.take());
        self.path = url.path.or(self.path.take());
        if let Some(host) = url.host {
            self.host = host;
        }
        self.port = url.port.unwrap_or(self.port);
        self.username = url.username.or(self.username.take());
        self.password = url.password.or(self.password.take());
        self.db = url.database.unwrap_or(self.db);
        for (name, value) in url.query {
            match name.as_str() {
                "db" => self.db = value.parse().map_err(|_| "the option `url` has a `db` that is no number")?,
                "family" => {
                    self.family = value.parse().map_err(|_| "the option `url` has a `family` that is no number")?;
                }
                _ => return Err(format!("the option `url` has the unknown parameter `{name}`")),
            }
        }
        Ok(())
    }
}

fn login(username: Option<String>, password: Option<String>) -> Option<Login> {
    let username = filled(username);
    filled(password).map(|password| Login { username, password })
}

/// Where the servers are that an option names.
fn addresses(option: &str, nodes: &[Node], usual: u16) -> Result<Vec<Address>, String> {
    let address = |(index, node): (usize, &Node)| {
        let (host, port) = match node {
            Node::Port(port) => (HostAndPort::default().host, *port),
            Node::Place(HostAndPort { host, port }) => (host.clone(), *port),
            Node::Url(url) => {
                let url = Url::parse(url).map_err(|error| format!("the option `{option}[{index}]` {error}"))?;
                if !url.is_place() {
                    return Err(format!(
                        "the option `{option}[{index}]` may name a host and a port alone: login and encryption are options of their own, \
                         for all servers"
                    ));
                }
                (url.host.unwrap_or(HostAndPort::default().host), url.port.unwrap_or_default())
            }
        };
        Ok(Address::Tcp { host, port: if port == 0 { usual } else { port } })
    };
    nodes.iter().enumerate().map(address).collect()
}

impl TlsOption {
    fn read(&self, option: &str) -> Result<Option<Tls>, String> {
        let Some(options) = &self.0 else { return Ok(None) };
        let material = Material {
            option,
            authorities: &options.ca.0,
            certificate: options.cert.as_deref(),
            key: options.key.as_deref(),
            name: options.servername.clone(),
            verified: options.reject_unauthorized,
        };
        Tls::new(&material).map(Some)
    }
}

impl Delays {
    fn durations(&self) -> Vec<Option<Duration>> {
        let duration = |&delay: &Option<f64>| {
            delay.filter(|delay| *delay >= 0.0).and_then(|delay| Duration::try_from_secs_f64(delay / 1000.0).ok())
        };
        self.0.iter().map(duration).collect()
    }
}
