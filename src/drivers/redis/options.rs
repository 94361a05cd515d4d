//! The options: unstorage's and ioredis's, by their names.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    link::Patience,
    server::{Address, Family, Login, Server},
    tls::{Material, Tls},
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
    /// Where the server is, as `redis://user:password@host:port/db`, `rediss://…` with TLS or `unix:///path/to/socket?db=0`. What it
    /// says goes before the other options.
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
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = CLUSTER)))]
    pub cluster: Vec<Node>,
    /// What ioredis takes for a cluster: `redisOptions` (options as here, for each server), `maxRedirections`, `keyPrefix` and
    /// `enableOfflineQueue`. JavaScript puts them among the other options.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = CLUSTER_OPTIONS)))]
    cluster_options: Option<bool>,
    /// How often a call goes to another server of a cluster before it fails.
    pub max_redirections: u32,
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
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = TLS)))]
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
    /// How often a call is tried again, as there is no connection or it breaks; below 0 for no end.
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
}

#[cfg(feature = "schema")]
const TLS: &str = "boolean | { ca?: string | Uint8Array | (string | Uint8Array)[] | undefined; cert?: string | Uint8Array | undefined; \
                   key?: string | Uint8Array | undefined; servername?: string | undefined; rejectUnauthorized?: boolean | undefined }";

#[cfg(feature = "schema")]
const CLUSTER: &str = "({ host?: string | undefined; port?: number | string | undefined } | string | number)[]";

#[cfg(feature = "schema")]
const CLUSTER_OPTIONS: &str = "{ redisOptions?: RedisOptions | undefined; maxRedirections?: number | undefined; keyPrefix?: string | undefined; \
                               enableOfflineQueue?: boolean | undefined; [option: string]: unknown }";

/// A server of a cluster.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "an object with host and port, a URL or a port")]
pub enum Node {
    Url(String),
    Port(u16),
    Place(Place),
}

#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Place {
    host: String,
    #[serde(deserialize_with = "whole")]
    port: u16,
}

impl Default for Place {
    fn default() -> Self {
        Self { host: "127.0.0.1".into(), port: 6379 }
    }
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
        }
    }
}

#[derive(Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TlsOption(#[cfg_attr(feature = "schema", schemars(with = "bool"))] Option<TlsOptions>);

#[derive(Deserialize, Serialize)]
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
struct OneOrMany(Vec<String>);

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
pub struct Delays(Vec<Option<f64>>);

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

impl RedisOptions {
    /// The server and how long it is waited for. An error names the option.
    pub fn server(&mut self) -> Result<(Server, Patience), String> {
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
        let tls = match &self.tls.0 {
            Some(options) => Some(Tls::new(Material {
                authorities: &options.ca.0,
                certificate: options.cert.as_deref(),
                key: options.key.as_deref(),
                name: options.servername.clone(),
                verified: options.reject_unauthorized,
            })?),
            None => None,
        };
        let address = match filled(self.path.take()) {
            Some(path) => Address::Unix(path.into()),
            None => Address::Tcp { host: self.host.clone(), port: self.port },
        };
        let username = filled(self.username.take());
        let login = filled(self.password.take()).map(|password| Login { username, password });
        let server = Server {
            address,
            family,
            tls,
            login,
            database: self.db,
            name: filled(self.connection_name.take()),
            connect_timeout: Duration::from_millis(self.connect_timeout),
            keep_alive: (self.keep_alive > 0).then(|| Duration::from_millis(self.keep_alive)),
            no_delay: self.no_delay,
        };
        let patience = Patience {
            command: (self.command_timeout > 0).then(|| Duration::from_millis(self.command_timeout)),
            retries: u32::try_from(self.max_retries_per_request).ok(),
            delays: self.retry_strategy.durations(),
            offline: self.enable_offline_queue,
        };
        Ok((server, patience))
    }

    /// The servers of the cluster to ask first, if it is one.
    pub fn cluster(&self) -> Result<Option<Vec<Address>>, String> {
        if self.cluster.is_empty() {
            return Ok(None);
        }
        if self.db != 0 {
            return Err("the option `db` must be 0: a cluster has no other".into());
        }
        let address = |(index, node): (usize, &Node)| match node {
            Node::Port(port) => Ok(Address::Tcp { host: Place::default().host, port: *port }),
            Node::Place(Place { host, port }) => Ok(Address::Tcp { host: host.clone(), port: *port }),
            Node::Url(url) => {
                let url = Url::parse(url).map_err(|error| format!("the option `cluster[{index}]` {error}"))?;
                let Place { host, port } = Place::default();
                Ok(Address::Tcp { host: url.host.unwrap_or(host), port: url.port.unwrap_or(port) })
            }
        };
        self.cluster.iter().enumerate().map(address).collect::<Result<_, _>>().map(Some)
    }

    fn read_url(&mut self, url: Url) -> Result<(), String> {
        if url.secure && self.tls.0.is_none() {
            self.tls = TlsOption(Some(TlsOptions::default()));
        }
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

impl Delays {
    fn durations(&self) -> Vec<Option<Duration>> {
        let duration = |&delay: &Option<f64>| {
            delay.filter(|delay| *delay >= 0.0).and_then(|delay| Duration::try_from_secs_f64(delay / 1000.0).ok())
        };
        self.0.iter().map(duration).collect()
    }
}
