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
        let reply = self.service.ask(&request).await?;
        match reply.status {
            StatusCode::NOT_FOUND if xml::refusal(&reply.body).is_some_and(|said| said.code == "NoSuchBucket") => {
                Err(self.service.refusal(&request, &reply).into())
            }
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(reply)),
            _ => Err(self.service.refusal(&request, &reply).into()),
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
        let reply = self.service.ask(&request).await?;
        if !reply.status.is_success() {
            return Err(self.service.refusal(&request, &reply).into());
        }
        let left = xml::left(&reply.body)
            .ok_or_else(|| Service::unexpected(&request.method, &request.url, &reply, "one about removed objects"))?;
        let Some(refusal) = left.first() else { return Ok(()) };
        let words = self.service.shown(&format!("{}: {}", refusal.code, refusal.message), &request.headers);
        let code = if refusal.code == "AccessDenied" { "FORBIDDEN" } else { "REFUSED" };
        let cause = Cause::from(Failure::new(code, format!("an object was not removed: {words}")));
        Err(if refusal.key.is_empty() { cause } else { cause.of(&refusal.key.replace('/', ":")) })
    }

    async fn signed(&self, mut request: Request) -> Result<Request, Cause> {
        let credentials = self.provider.get().await?;
        signature::sign(&mut request, &credentials, &self.region, std::time::SystemTime::now());
        Ok(request)
    }
}
