//! Signature Version 4: <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use std::{fmt::Write, time::SystemTime};

use humantime::format_rfc3339_seconds;
use ring::{
    digest::{SHA256, digest},
    hmac,
};

use super::credentials::Credentials;
use crate::http::{
    Request, Url,
    header::{AUTHORIZATION, HOST, HeaderName, HeaderValue},
    secret,
};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const CONTENT: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Signs the request with all its headers and its body. Its query has to be strictly encoded.
pub fn sign(request: &mut Request, credentials: &Credentials, region: &str, now: SystemTime) {
    // 20130524T000000Z
    let time = format_rfc3339_seconds(now).to_string().replace(['-', ':'], "");
    let scope = format!("{}/{region}/s3/aws4_request", &time[..8]);
    let content = hex(digest(&SHA256, &request.body).as_ref());
    let mut add = |name, value: Option<HeaderValue>| {
        if let Some(value) = value {
            request.headers.insert(name, value);
        }
    };
    add(DATE, HeaderValue::from_str(&time).ok());
    add(CONTENT, HeaderValue::from_str(&content).ok());
    add(TOKEN, credentials.token.as_deref().and_then(secret));

    let names = signed_names(request);
    let text = format!(
        "{ALGORITHM}\n{time}\n{scope}\n{}",
        hex(digest(&SHA256, canonical(request, &names, &content).as_bytes()).as_ref())
    );
    let mut key = format!("AWS4{}", credentials.secret).into_bytes();
    for part in scope.split('/') {
        key = mac(&key, part);
    }
    let signature = hex(&mac(&key, &text));
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope},SignedHeaders={},Signature={signature}",
        credentials.id,
        names.join(";")
    );
    if let Some(value) = secret(&authorization) {
        request.headers.insert(AUTHORIZATION, value);
    }
}

fn signed_names(request: &Request) -> Vec<String> {
    let mut names: Vec<String> = request.headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.push(HOST.as_str().to_owned());
    names.sort_unstable();
    names.dedup();
    names
}

fn canonical(request: &Request, names: &[String], content: &str) -> String {
    let url = &request.url;
    let mut query: Vec<&str> = url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let mut text = format!("{}\n{}\n{}\n", request.method, url.path(), query.join("&"));
    for name in names {
        let value = match (name.as_str(), request.headers.get(name)) {
            ("host", _) => host(url),
            (_, value) => value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default(),
        };
        let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(text, "{name}:{value}");
    }
    let _ = write!(text, "\n{}\n{content}", names.join(";"));
    text
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Address, Method, header::RANGE};
    use std::time::Duration;

    /// The examples of AWS's page.
    #[test]
    fn signs_as_the_page_says() {
        let address = Address::parse("endpoint", "https://examplebucket.s3.amazonaws.com").unwrap();
        let credentials = Credentials {
            id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            token: None,
            expires: None,
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600);
        let signature = |mut request: Request| {
            sign(&mut request, &credentials, "us-east-1", now);
            let header = request.headers[AUTHORIZATION].to_str().unwrap().to_owned();
            header.rsplit_once('=').unwrap().1.to_owned()
        };
        let mut get = Request::new(Method::GET, address.at("/test.txt"));
        get.headers.insert(RANGE, HeaderValue::from_static("bytes=0-9"));
        assert_eq!(signature(get), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
        let mut list = Request::new(Method::GET, address.at("/"));
        list.url.set_query(Some("max-keys=2&prefix=J"));
        assert_eq!(signature(list), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
        let mut put = Request::new(Method::PUT, address.at("/test%24file.text")).body("Welcome to Amazon S3.");
        put.headers.insert("date", HeaderValue::from_static("Fri, 24 May 2013 00:00:00 GMT"));
        put.headers.insert("x-amz-storage-class", HeaderValue::from_static("REDUCED_REDUNDANCY"));
        assert_eq!(signature(put), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    }
}
