//! What single options are made of, in all forms that they may have.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor, value::MapAccessDeserializer},
};

use super::tls::{Material, Tls};

/// A server of a cluster, or a sentinel.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Node {
    Url(String),
    Port(u16),
    Place(HostAndPort),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Given;
        impl<'de> Visitor<'de> for Given {
            type Value = Node;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("an object with host and port, a URL or a port")
            }

            fn visit_str<E: Error>(self, url: &str) -> Result<Node, E> {
                Ok(Node::Url(url.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Node, E> {
                port(number.into_deserializer()).map(Node::Port)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Node, A::Error> {
                HostAndPort::deserialize(MapAccessDeserializer::new(map)).map(Node::Place)
            }
        }
        deserializer.deserialize_any(Given)
    }
}

#[derive(Deserialize, Serialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct HostAndPort {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    #[serde(deserialize_with = "maybe_named")]
    pub host: Option<String>,
    #[cfg_attr(feature = "schema", schemars(with = "u16"))]
    #[serde(deserialize_with = "maybe_port")]
    pub port: Option<u16>,
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
        #[serde(untagged, expecting = "invalid value, expected a number, a list of numbers or a function")]
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
pub fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<T, D::Error> {
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
            text.parse().map_err(|_| E::invalid_type(Unexpected::Str(text), &self))
        }
    }
    let number = deserializer.deserialize_any(Whole)?;
    T::try_from(number).map_err(|_| D::Error::invalid_value(Unexpected::Unsigned(number), &Whole))
}

const PORT: &str = "a whole number from 1 to 65535";

/// A port, or its text.
pub fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match whole(deserializer) {
        Ok(0) | Err(_) => Err(D::Error::invalid_value(Unexpected::Other("another"), &PORT)),
        port => port,
    }
}

fn maybe_port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    port(deserializer).map(Some)
}

/// A name that is not empty.
pub fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Err(D::Error::invalid_length(0, &"a name or an address")) } else { Ok(text) }
}

fn maybe_named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    named(deserializer).map(Some)
}

/// A list that is not empty.
pub fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Node>, D::Error> {
    let nodes = Vec::deserialize(deserializer)?;
    if nodes.is_empty() { Err(D::Error::invalid_length(0, &"a list of one server or more")) } else { Ok(nodes) }
}

impl TlsOption {
    /// Turns it on, as nothing is said of it.
    pub fn require(&mut self) {
        self.0.get_or_insert_default();
    }

    pub fn read(&self, option: &str) -> Result<Option<Tls>, String> {
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
    pub fn durations(&self) -> Vec<Option<Duration>> {
        let duration = |&delay: &Option<f64>| {
            delay.filter(|delay| *delay >= 0.0).and_then(|delay| Duration::try_from_secs_f64(delay / 1000.0).ok())
        };
        self.0.iter().map(duration).collect()
    }
}
