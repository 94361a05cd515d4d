//! The drivers, and how one is made from its name and options.

mod cloudflare_kv_http;
mod embedded;
#[cfg(unix)]
mod fs;
mod github;
mod http;
mod linked_map;
mod lmdb;
mod lru_cache;
mod memory;
mod netlify_blobs;
mod options;
mod redis;
mod s3;
mod sqlite;
mod upstash;
mod vercel_blob;

use std::{cell::RefCell, rc::Rc, sync::Arc};

use options::parse;

use crate::{
    driver::{Lane, Queued, Store},
    error::{Cause, StorageError},
};

pub use cloudflare_kv_http::{CloudflareKvHttp, CloudflareKvHttpOptions};
#[cfg(unix)]
pub use fs::{Fs, FsOptions};
pub use github::{Github, GithubOptions};
pub use http::{Http, HttpOptions};
pub use lmdb::{Lmdb, LmdbOptions};
pub use lru_cache::{LruCache, LruCacheOptions};
pub use memory::{Memory, MemoryOptions};
pub use netlify_blobs::{NetlifyBlobs, NetlifyBlobsOptions};
pub use redis::{Redis, RedisOptions};
pub use s3::{S3, S3Options};
pub use sqlite::{Sqlite, SqliteOptions};
pub use upstash::{Upstash, UpstashOptions, VercelKvOptions};
pub use vercel_blob::{VercelBlob, VercelBlobOptions};

/// Makes the driver called `name` from the JSON text of its options.
pub fn create(name: &str, options: &str) -> Result<Lane, StorageError> {
    match name {
        "memory" => inline(Memory::new(parse("memory", options)?)),
        "lru-cache" => inline(LruCache::new(parse("lru-cache", options)?)?),
        #[cfg(unix)]
        "fs" => Ok(Lane::Blocking(Arc::new(Fs::new("fs", parse("fs", options)?)?))),
        #[cfg(unix)]
        "fs-lite" => Ok(Lane::Blocking(Arc::new(Fs::new("fs-lite", parse("fs-lite", options)?)?))),
        "cloudflare-kv-http" => store(CloudflareKvHttp::new(parse("cloudflare-kv-http", options)?)?),
        "github" => store(Github::new(parse("github", options)?)?),
        "http" => store(Http::new(parse("http", options)?)?),
        "lmdb" => Ok(Lane::Async(Arc::new(lmdb::create(&parse("lmdb", options)?)?))),
        "netlify-blobs" => store(NetlifyBlobs::new(parse("netlify-blobs", options)?)?),
        "redis" => Ok(Lane::Async(Arc::new(Redis::new(parse("redis", options)?)?))),
        "s3" => store(S3::new(parse("s3", options)?)?),
        "db0" => Ok(Lane::Async(Arc::new(sqlite::create("db0", parse("db0", options)?)?))),
        "sqlite" => Ok(Lane::Async(Arc::new(sqlite::create("sqlite", parse("sqlite", options)?)?))),
        "upstash" => store(Upstash::new("upstash", parse("upstash", options)?)?),
        "vercel-blob" => store(VercelBlob::new(parse("vercel-blob", options)?)?),
        "vercel-kv" => {
            let options: VercelKvOptions = parse("vercel-kv", options)?;
            store(Upstash::new("vercel-kv", options.into())?)
        }
        _ => Err(invalid("unknown", "no native driver has this name".into())),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "keeps the rows of the registry alike")]
fn inline(driver: impl crate::driver::InlineDriver + 'static) -> Result<Lane, StorageError> {
    Ok(Lane::Inline(Rc::new(RefCell::new(driver))))
}

#[allow(clippy::unnecessary_wraps, reason = "keeps the rows of the registry alike")]
fn store(store: impl Store) -> Result<Lane, StorageError> {
    Ok(Lane::Async(Arc::new(Queued::new(store))))
}

/// The schema of each driver's options, by the driver's name.
#[cfg(feature = "schema")]
pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
    use schemars::schema_for;
    vec![
        ("memory", schema_for!(MemoryOptions)),
        ("lru-cache", schema_for!(LruCacheOptions)),
        #[cfg(unix)]
        ("fs", schema_for!(FsOptions)),
        #[cfg(unix)]
        ("fs-lite", fs::lite_schema()),
        ("cloudflare-kv-http", schema_for!(CloudflareKvHttpOptions)),
        ("github", schema_for!(GithubOptions)),
        ("http", schema_for!(HttpOptions)),
        ("lmdb", schema_for!(LmdbOptions)),
        ("netlify-blobs", schema_for!(NetlifyBlobsOptions)),
        ("redis", schema_for!(RedisOptions)),
        ("s3", schema_for!(S3Options)),
        ("sqlite", schema_for!(SqliteOptions)),
        ("upstash", schema_for!(UpstashOptions)),
        ("vercel-blob", schema_for!(VercelBlobOptions)),
        ("vercel-kv", schema_for!(VercelKvOptions)),
    ]
}

fn invalid(driver: &'static str, message: String) -> StorageError {
    StorageError { driver, operation: "create", key: None, cause: Cause::InvalidOptions(message) }
}

/// A value of a store that keeps only text: raw bytes come as `base64:` and text.
fn as_text(value: &[u8]) -> Result<&str, Cause> {
    std::str::from_utf8(value).map_err(|_| Cause::Unsupported("a value here must be text"))
}
