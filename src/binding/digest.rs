//! What tells contents apart.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::SHA256;

use super::{
    calls::{Answer, internal},
    environment::Environment,
    raw::{Call, Reply},
    text, value,
};

/// As many bytes as make an accident impossible.
const LENGTH: usize = 20;

/// `digest(content)` → the beginning of the SHA-256 of a string's UTF-8 or of a Uint8Array, in base64url. For what is short, whose
/// digest takes Node ten times as long.
pub fn of_content(_: &mut Environment, call: &Call) -> Answer {
    let content =
        text::content(call.env, call.arguments[0]).ok_or_else(|| internal("a content is text or bytes".into()))?;
    let digest = BASE64_URL_SAFE_NO_PAD.encode(&ring::digest::digest(&SHA256, &content).as_ref()[..LENGTH]);
    Ok(Reply::Value(value::text(call.env, digest.as_bytes())))
}
