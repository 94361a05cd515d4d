//! Items as objects of a bucket of S3, or of a service that speaks as S3 does, under the names that unstorage's s3 driver gives
//! them: `a:b` is the object `a/b`.
//!
//! `GET`, `HEAD`, `PUT` and `DELETE` of an object; `GET ?list-type=2` lists a bucket in pages, `POST ?delete` removes a thousand
//! objects, and large values go in parts. Every request is signed.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>

mod bucket;
mod credentials;
mod multipart;
mod options;
mod profile;
mod signature;
mod xml;

use std::time::Duration;

use bytes::Bytes;

use bucket::Bucket;
pub use options::S3Options;

use crate::{
    driver::{Capabilities, Field, Fields, Found, RequestOptions, Store, all},
    error::{Cause, StorageError},
    http::{
        Method, Pages, Reply, check_path,
        header::{CONTENT_TYPE, HeaderMap, HeaderValue},
        query, segments,
    },
};
use futures_util::FutureExt;

/// Larger values go in parts.
const MOST_IN_ONE: usize = 16 << 20;
/// How many objects one request removes.
const REMOVED_TOGETHER: usize = 1000;
/// Most bytes of an object's name.
const LONGEST_NAME: usize = 1024;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=UTF-8");
const META: &str = "x-amz-meta-";

pub struct S3 {
    bucket: Bucket,
    bulk_delete: bool,
}

impl S3 {
    pub fn new(options: S3Options) -> Result<Self, StorageError> {
        let bulk_delete = options.bulk_delete;
        let bucket = options.bucket().map_err(|message| super::invalid("s3", message))?;
        Ok(Self { bucket, bulk_delete })
    }

    async fn head(&self, key: &str, options: &RequestOptions) -> Result<Option<Reply>, Cause> {
        let request = self.bucket.object(Method::HEAD, &name_of(key), &options.headers)?;
        self.bucket.find(request).await
    }
}

/// The object of a key.
fn name_of(key: &str) -> String {
    segments(key).collect::<Vec<_>>().join("/")
}

/// Whether an object's name can stand in a request's path: others would be shortened to that of another object.
fn is_path(name: &str) -> bool {
    !name.split('/').any(|segment| matches!(segment, "." | ".."))
}

impl Store for S3 {
    fn name(&self) -> &'static str {
        "s3"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { ttl: false, max_depth: true, sized: false }
    }

    fn patience(&self) -> Option<Duration> {
        self.bucket.service.patience()
    }

    fn check(&self, key: &str) -> Result<(), Cause> {
        check_path(key)?;
        if key.len() > LONGEST_NAME {
            return Err(Cause::InvalidKey("a key here must have no more than 1024 bytes"));
        }
        Ok(())
    }

    async fn has(&self, key: &str, options: &RequestOptions) -> Result<bool, Cause> {
        Ok(self.head(key, options).await?.is_some())
    }

    async fn get(&self, key: &str, options: &RequestOptions) -> Result<Option<Bytes>, Cause> {
        let request = self.bucket.object(Method::GET, &name_of(key), &options.headers)?;
        Ok(self.bucket.find(request).await?.map(|reply| reply.body))
    }

    async fn set(&self, key: &str, value: Bytes, options: &RequestOptions) -> Result<(), Cause> {
        let name = name_of(key);
        let is_large = value.len() > MOST_IN_ONE;
        let method = if is_large { Method::POST } else { Method::PUT };
        let mut request = self.bucket.object(method, &name, &options.headers)?;
        if !options.raw {
            request.headers.entry(CONTENT_TYPE).or_insert(TEXT);
        }
        if is_large {
            return multipart::put(&self.bucket, &name, value, request).await;
        }
        self.bucket.send(request.body(value)).await.map(drop)
    }

    async fn remove(&self, key: &str, options: &RequestOptions) -> Result<(), Cause> {
        let request = self.bucket.object(Method::DELETE, &name_of(key), &options.headers)?;
        self.bucket.find(request).await.map(drop)
    }

    /// What the caller keeps with an object (`x-amz-meta-…`), and size, mtime and etag.
    async fn meta(&self, key: &str, options: &RequestOptions) -> Result<Fields, Cause> {
        let reply = self.head(key, options).await?;
        let text = |name| {
            let value = reply.as_ref().and_then(|reply| reply.header(name));
            value.map_or(Field::Absent, |value| Field::Text(value.to_owned()))
        };
        let size = match text("content-length") {
            Field::Text(size) => size.parse().map_or(Field::Absent, Field::Number),
            other => other,
        };
        let mut fields =
            vec![("size".into(), size), ("mtime".into(), text("last-modified")), ("etag".into(), text("etag"))];
        fields.extend(reply.iter().flat_map(|reply| own_meta(&reply.headers)));
        Ok(fields)
    }

    async fn list(&self, base: &str, options: &RequestOptions) -> Result<Vec<Found>, Cause> {
        let (prefix, mut found, mut pages) = (base.replace(':', "/"), Vec::new(), Pages::default());
        loop {
            let mut pairs = vec![("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix.as_str())];
            pairs.extend(pages.cursor().map(|token| ("continuation-token", token)));
            let reply = self.bucket.send(self.bucket.whole(Method::GET, &query(pairs), &options.headers)?).await?;
            let unexpected = || self.bucket.service.unexpected(&reply, "a list of objects");
            let page = xml::page(&reply.body).ok_or_else(unexpected)?;
            found.extend(page.names.into_iter().map(|name| Found { key: name.clone(), name }));
            if !page.truncated {
                return Ok(found);
            }
            if !pages.turn(&self.bucket.service, &reply, found.len(), page.next)? {
                return Err(unexpected().into());
            }
        }
    }

    async fn remove_many(&self, found: Vec<Found>, options: &RequestOptions) -> Result<(), Cause> {
        let is_single = |name: &str| is_path(name) && !(self.bulk_delete && xml::can_hold(name));
        let (single, together): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| is_single(&found.name));
        let remove = |Found { name, .. }: Found| {
            async move {
                let request = self.bucket.object(Method::DELETE, &name, &options.headers)?;
                self.bucket.find(request).await.map(drop)
            }
            .boxed()
        };
        all(single.into_iter().map(remove).collect()).await?;
        for part in together.chunks(REMOVED_TOGETHER) {
            self.bucket.remove(part, &options.headers).await?;
        }
        Ok(())
    }
}

fn own_meta(headers: &HeaderMap) -> impl Iterator<Item = (std::borrow::Cow<'static, str>, Field)> {
    headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(META)?.to_owned();
        Some((name.into(), Field::Text(String::from_utf8_lossy(value.as_bytes()).into())))
    })
}

/// What S3 says of a request that it refuses.
fn words(reply: &Reply) -> Option<String> {
    Some(xml::refusal(&reply.body)?.to_string())
}
