//! Large values in parts: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, TryFutureExt, stream};

use super::{bucket::Bucket, xml};
use crate::{
    driver::Headers,
    error::Cause,
    http::{
        Method, Request,
        header::{HeaderMap, IF_MATCH, IF_NONE_MATCH},
        query,
    },
};

/// No part but the last may be smaller than 5 MB, and there may be 10,000.
const PART: usize = 8 << 20;
const MOST_PARTS: usize = 10_000;
const SENT_TOGETHER: usize = 4;

/// Writes the object as a whole, or leaves it as it was. `request` is a POST with the object's headers.
pub async fn put(bucket: &Bucket, name: &str, value: Bytes, mut request: Request) -> Result<(), Cause> {
    request.url.set_query(Some("uploads="));
    let (headers, conditions) = headers_of_parts(&mut request.headers);
    let reply = bucket.send(request).await?;
    let upload = xml::upload_id(&reply.body)
        .ok_or_else(|| bucket.service.unexpected(&reply, "one with the number of an upload"))?;
    let upload = Upload { bucket, name, id: &upload, headers, conditions };
    let result = upload.send(value).await;
    if result.is_err() {
        // Its parts would be kept, and paid for. The error is that of what failed before.
        let _ = upload.abort().await;
    }
    result
}

struct Upload<'a> {
    bucket: &'a Bucket,
    name: &'a str,
    id: &'a str,
    /// Of each part.
    headers: HeaderMap,
    /// Of the object as a whole, once the parts are there.
    conditions: HeaderMap,
}

/// What the parts are sent with, too: the customer's key, who pays, whose bucket it has to be. And the conditions, which an upload does
/// not look at when it begins and are taken away.
fn headers_of_parts(headers: &mut HeaderMap) -> (HeaderMap, HeaderMap) {
    let is_of_parts = |name: &str| {
        name.starts_with("x-amz-server-side-encryption-customer-")
            || matches!(name, "x-amz-request-payer" | "x-amz-expected-bucket-owner")
    };
    let of_parts = headers.iter().filter(|(name, _)| is_of_parts(name.as_str()));
    let of_parts = of_parts.map(|(name, value)| (name.clone(), value.clone())).collect();
    let conditions = [IF_MATCH, IF_NONE_MATCH].into_iter().filter_map(|name| Some((headers.remove(&name)?, name)));
    (of_parts, conditions.map(|(value, name)| (name, value)).collect())
}

impl Upload<'_> {
    async fn send(&self, value: Bytes) -> Result<(), Cause> {
        let size = PART.max(value.len().div_ceil(MOST_PARTS));
        let starts = (0..value.len()).step_by(size);
        let parts: Vec<Bytes> = starts.map(|start| value.slice(start..value.len().min(start + size))).collect();
        // After one that fails none is begun. Those under way come to their end, or what ends the upload would come before them.
        let is_going_on = AtomicBool::new(true);
        let is_going_on = &is_going_on;
        let sent = (1..).zip(parts).take_while(|_| is_going_on.load(Ordering::Relaxed)).map(|(number, part)| {
            let sent = self.send_part(number, part);
            sent.inspect_err(|_| is_going_on.store(false, Ordering::Relaxed))
        });
        let sent: Vec<Result<String, Cause>> = stream::iter(sent).buffered(SENT_TOGETHER).collect().await;
        let etags = sent.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut request = self.request(Method::POST, &[("uploadId", self.id)])?;
        request.headers.extend(self.conditions.clone());
        let reply = self.bucket.send(request.body(xml::completion(&etags))).await?;
        if xml::is_completed(&reply.body) {
            return Ok(());
        }
        Err(self.bucket.refused(&reply, "one about an object that was put together").into())
    }

    async fn send_part(&self, number: usize, part: Bytes) -> Result<String, Cause> {
        let number = number.to_string();
        let request = self.request(Method::PUT, &[("partNumber", &number), ("uploadId", self.id)])?;
        let reply = self.bucket.send(request.body(part)).await?;
        let unexpected = || self.bucket.service.unexpected(&reply, "one with the etag of a part");
        Ok(reply.header("etag").ok_or_else(unexpected)?.to_owned())
    }

    async fn abort(&self) -> Result<(), Cause> {
        let request = self.request(Method::DELETE, &[("uploadId", self.id)])?;
        self.bucket.send(request).await.map(drop)
    }

    fn request(&self, method: Method, pairs: &[(&str, &str)]) -> Result<Request, Cause> {
        let mut request = self.bucket.object(method, self.name, &Headers::default())?;
        request.url.set_query(Some(&query(pairs.iter().copied())));
        request.headers = self.headers.clone();
        Ok(request)
    }
}
