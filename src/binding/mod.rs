//! Node-API: the only code that knows it.
//!
//! JavaScript gets one object of raw functions that take integer handles. What an answer needs beside its code stands in
//! the registers, a few 32-bit integers that both sides see.

#![allow(clippy::unnecessary_wraps, reason = "the functions stand in one table, and share its signature")]

mod batch;
mod batch_calls;
mod calls;
mod codes;
mod completion;
mod context;
mod digest;
mod environment;
mod item_calls;
mod list_calls;
mod mount_calls;
mod network_calls;
mod raw;
mod slab;
mod text;
mod value;
mod watching;

use napi::{
    Env,
    bindgen_prelude::{JsValue, Object, retain_current_module_for_unload_safety},
};
use napi_derive::napi;

#[napi(module_exports)]
fn init(exports: Object, env: Env) -> napi::Result<()> {
    // Node unloads an addon when the only worker that loaded it ends; the pool's threads live on.
    retain_current_module_for_unload_safety();
    raw::install(env.raw(), exports.raw())
}
