//! Signed requests to one bucket.

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::digest::{SHA256, digest};

use super::{credentials::Provider, signature, xml};
use crate::{
    driver::{Found, Headers},
    error::{Cause, Failure},
    http::{
        Address, Method, Reply, Request, Service, StatusCode, add_own_headers,
        header::{HeaderName, HeaderValue},
        strictly_encoded,
    },
};

pub struct Bucket {
    pub address: Address,
    pub region: String,
    pub provider: Provider,
    pub service: Service,
}

const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-checksum-sha256");

impl Bucket {
    /// A request about an object, with headers of the caller's own.
    pub fn object(&self, method: Method, name: &str, headers: &Headers) -> Result<Request, Cause> {
        let path: Vec<String> = name.split('/').map(strictly_encoded).collect();
        let mut request = Request::new(method, self.address.at(&format!("/{}", path.join("/"))));
        add_own_headers(&mut request.headers, headers)?;
        Ok(request)
    }

    /// A request about the whole bucket.
    pub fn whole(&self, method: Method, query: &str, headers: &Headers) -> Result<Request, Cause> {
        let mut url = self.address.at("");
        url.set_query(Some(query));
        let mut request = Request::new(method, url);
        add_own_headers(&mut request.headers, headers)?;
        Ok(request)
    }

    pub async fn send(&self, request: Request) -> Result<Reply, Cause> {
        self.service.send(self.signed(request).await?).await
    }

    /// As `send`; none if there is no such object, while a bucket that is not there is an error.
    pub async fn find(&self, request: Request) -> Result<Option<Reply>, Cause> {
        let request = self.signed(request).await?;
        let reply = self.service.ask(request).await?;
        match reply.status {
            StatusCode::NOT_FOUND if xml::refusal(&reply.body).is_some_and(|said| said.code == "NoSuchBucket") => {
                Err(self.service.refusal(&reply).into())
            }
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(reply)),
            _ => Err(self.service.refusal(&reply).into()),
        }
    }

    /// Removes objects, which xml can name, by one request. It does no harm twice.
    pub async fn remove(&self, found: &[Found], headers: &Headers) -> Result<(), Cause> {
        let body = xml::deletion(found.iter().map(|found| found.name.as_str()));
        let mut request = self.whole(Method::POST, "delete=", headers)?;
        let checksum = BASE64_STANDARD.encode(digest(&SHA256, body.as_bytes()));
        request.headers.insert(CHECKSUM, HeaderValue::from_str(&checksum).map_err(|_| Cause::Abandoned)?);
        request.repeatable = true;
        let request = self.signed(request.body(body)).await?;
        let reply = self.service.ask(request).await?;
        if !reply.status.is_success() {
            return Err(self.service.refusal(&reply).into());
        }
        let left = xml::left(&reply.body).ok_or_else(|| self.refused(&reply, "one about removed objects"))?;
        let Some(refusal) = left.first() else { return Ok(()) };
        let words = format!("an object was not removed: {refusal}");
        let cause = Cause::from(self.service.failed(&reply, refusal.error_code(), &words));
        Err(if refusal.key.is_empty() { cause } else { cause.of(&refusal.key.replace('/', ":")) })
    }

    /// The error of an answer whose status says yes: that in its body, or that it is not what was `expected`.
    pub fn refused(&self, reply: &Reply, expected: &str) -> Failure {
        match xml::refusal(&reply.body) {
            Some(refusal) => self.service.failed(reply, refusal.error_code(), &refusal.to_string()),
            None => self.service.unexpected(reply, expected),
        }
    }

    async fn signed(&self, mut request: Request) -> Result<Request, Cause> {
        let credentials = self.provider.get().await?;
        signature::sign(&mut request, &credentials, &self.region, std::time::SystemTime::now());
        Ok(request)
    }
}
