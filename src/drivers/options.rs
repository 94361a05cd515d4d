//! How options reach a driver: as JSON text, into the struct that also describes them.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::invalid;
use crate::error::StorageError;

/// An option that is a JavaScript function. JavaScript keeps and calls it; here stands whether there is one.
///
/// `x-type` in the field's schema is its TypeScript type.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Callback(pub bool);

/// Reads the JSON text of a driver's options.
pub fn parse<T: DeserializeOwned>(driver: &'static str, options: &str) -> Result<T, StorageError> {
    serde_json::from_str(options).map_err(|error| {
        // serde's words name the option and what it must be; the position in a text nobody wrote says nothing.
        let text = error.to_string();
        let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
        invalid(driver, text.to_owned())
    })
}
