//! How options reach a driver: as JSON text, into the struct that also describes them.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, MapAccess, Visitor},
};

use super::invalid;
use crate::{
    driver::RequestOptions,
    error::{Cause, StorageError},
};

/// An option that is a JavaScript function. JavaScript keeps and calls it; here stands whether there is one.
///
/// `x-type` in the field's schema is its TypeScript type.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Callback(pub bool);

/// What JavaScript writes in place of a function, as the only field of an object.
const FUNCTION: &str = "function";

impl<'de> Deserialize<'de> for Callback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CallbackVisitor)
    }
}

/// How the name of a field begins that JavaScript adds, and nobody else gives.
const INTERNAL: &str = "`rustorage:";

struct CallbackVisitor;

impl<'de> Visitor<'de> for CallbackVisitor {
    type Value = Callback;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a function")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Callback, A::Error> {
        match map.next_entry::<String, bool>()? {
            Some((key, true)) if key == FUNCTION => Ok(Callback(true)),
            _ => Err(serde::de::Error::invalid_type(serde::de::Unexpected::Map, &self)),
        }
    }
}

/// Reads the JSON text of a driver's options.
pub fn parse<T: DeserializeOwned>(driver: &'static str, options: &str) -> Result<T, StorageError> {
    read(options).map_err(|message| invalid(driver, message))
}

/// What a call asks of the driver's service, of which `T` has what the driver knows.
pub fn of_call<T: DeserializeOwned>(options: &RequestOptions) -> Result<T, Cause> {
    read(options.service.json()).map_err(Cause::InvalidOptions)
}

/// Errors name the option and what it must be, and never what it is.
fn read<T: DeserializeOwned>(options: &str) -> Result<T, String> {
    let reader = &mut serde_json::Deserializer::from_str(options);
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let text = error.inner().to_string();
        // The position in a text that nobody wrote says nothing.
        let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
        match text.split_once(", expected ") {
            Some((problem, expected)) if problem.starts_with("invalid ") => {
                format!("the option `{}` must be {}", error.path(), in_words(expected))
            }
            Some((problem, expected)) if problem.starts_with("unknown variant ") => {
                format!("the option `{}` must be {expected}", error.path())
            }
            // Its own name is the last part of the path.
            Some((problem, expected)) if problem.starts_with("unknown field ") => {
                let expected = expected.split(", ").filter(|name| !name.starts_with(INTERNAL));
                format!("unknown field `{}`, expected {}", error.path(), expected.collect::<Vec<_>>().join(", "))
            }
            // What is wrong with a part of it is not said.
            _ if text.starts_with("expected ") => format!("the option `{}` is of a wrong kind", error.path()),
            _ => text.to_owned(),
        }
    })
}

/// serde's name of a type, as JavaScript would call it.
fn in_words(expected: &str) -> &str {
    match expected {
        "u32" | "u64" | "usize" => "a whole number, and not below 0",
        "i32" | "i64" => "a whole number",
        "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Options {
        size: u64,
        names: Vec<String>,
        call: Callback,
        inner: Inner,
        level: Level,
        #[serde(rename = "rustorage:more")]
        more: u32,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Level {
        #[default]
        High,
        VeryLow,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Inner {
        depth: u32,
    }

    #[test]
    fn errors_name_the_option_and_not_its_value() {
        let message = |options: &str| parse::<Options>("test", options).unwrap_err().to_string();
        for (options, said) in [
            (r#"{"size":"s3cret"}"#, "the option `size` must be a whole number, and not below 0"),
            (r#"{"size":-5}"#, "the option `size` must be a whole number, and not below 0"),
            (r#"{"names":["a",7]}"#, "the option `names[1]` must be a string"),
            (r#"{"names":"a"}"#, "the option `names` must be a list"),
            (r#"{"call":"s3cret"}"#, "the option `call` must be a function"),
            (r#"{"call":{"other":true}}"#, "the option `call` must be a function"),
            (r#"{"level":"s3cret"}"#, "the option `level` must be `high` or `very-low`"),
            (r#"{"other":1}"#, "unknown field `other`, expected one of `size`, `names`, `call`, `inner`, `level`"),
            (r#"{"inner":{"other":1}}"#, "unknown field `inner.other`, expected `depth`"),
        ] {
            assert_eq!(message(options), format!("[rustorage] [test] create: {said}"));
        }
        let Level::High = parse::<Options>("test", "{}").unwrap().level else { panic!() };
        let Level::VeryLow = parse::<Options>("test", r#"{"level":"very-low"}"#).unwrap().level else { panic!() };
        let read: Options = parse("test", r#"{"size":3,"names":["a"],"call":{"function":true}}"#).unwrap();
        assert_eq!((read.size, read.names.len(), read.call.0, read.inner.depth, read.more), (3, 1, true, 0, 0));
    }
}
