//! What S3 says and hears in XML.

use std::fmt::{self, Display, Formatter, Write};

use percent_encoding::percent_decode_str;
use quick_xml::{de::from_reader, escape::escape};
use serde::Deserialize;

/// A page of a list.
pub struct Page {
    pub names: Vec<String>,
    pub truncated: bool,
    pub next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename = "ListBucketResult", rename_all = "PascalCase")]
struct ListBucketResult {
    #[serde(default)]
    is_truncated: bool,
    next_continuation_token: Option<String>,
    encoding_type: Option<String>,
    #[serde(default)]
    contents: Vec<Object>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Object {
    key: String,
}

/// None if it is no such page.
pub fn page(body: &[u8]) -> Option<Page> {
    let result: ListBucketResult = read(body, "ListBucketResult")?;
    let is_encoded = result.encoding_type.as_deref() == Some("url");
    let name = |object: Object| if is_encoded { decoded(&object.key) } else { Some(object.key) };
    Some(Page {
        names: result.contents.into_iter().map(name).collect::<Option<_>>()?,
        truncated: result.is_truncated,
        next: result.next_continuation_token.filter(|token| !token.is_empty()),
    })
}

fn decoded(name: &str) -> Option<String> {
    Some(percent_decode_str(&name.replace('+', " ")).decode_utf8().ok()?.into_owned())
}

/// Why a request, or a part of it, was refused.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Refusal {
    pub code: String,
    #[serde(default)]
    pub message: String,
    /// The object's name.
    #[serde(default)]
    pub key: String,
}

impl Refusal {
    /// The code of an error, as one of HTTP's status would have it.
    pub fn error_code(&self) -> &'static str {
        match self.code.as_str() {
            "AccessDenied" => "FORBIDDEN",
            "ConditionalRequestConflict" | "OperationAborted" | "PreconditionFailed" => "CONFLICT",
            "EntityTooLarge" => "TOO_LARGE",
            "InternalError" | "RequestTimeout" | "ServiceUnavailable" => "UNAVAILABLE",
            "SlowDown" => "RATE_LIMITED",
            _ => "REFUSED",
        }
    }
}

impl Display for Refusal {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

pub fn refusal(body: &[u8]) -> Option<Refusal> {
    read(body, "Error")
}

#[derive(Deserialize)]
struct DeleteResult {
    #[serde(rename = "Error", default)]
    errors: Vec<Refusal>,
}

/// What was not removed, and why; none if the body says nothing of that.
pub fn left(body: &[u8]) -> Option<Vec<Refusal>> {
    Some(read::<DeleteResult>(body, "DeleteResult")?.errors)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    upload_id: String,
}

pub fn upload_id(body: &[u8]) -> Option<String> {
    read(body, "InitiateMultipartUploadResult").map(|Upload { upload_id }| upload_id)
}

/// Whether an upload was completed: a service may begin its answer before it knows.
pub fn is_completed(body: &[u8]) -> bool {
    root(body).is_some_and(|root| root == "CompleteMultipartUploadResult")
}

/// The text of a request to remove objects, which `can_hold`.
pub fn deletion<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::from("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    for name in names {
        let name = escape(name).replace('\r', "&#13;").replace('\n', "&#10;").replace('\t', "&#9;");
        let _ = write!(text, "<Object><Key>{name}</Key></Object>");
    }
    text + "</Delete>"
}

/// Whether XML has all characters of a text.
pub fn can_hold(text: &str) -> bool {
    !text.chars().any(|character| {
        matches!(character, '\u{FFFE}' | '\u{FFFF}') || character < ' ' && !matches!(character, '\t' | '\n' | '\r')
    })
}

/// The text of a request to put an upload's parts together, by their etags.
pub fn completion(etags: &[String]) -> String {
    let mut text = String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (number, etag) in (1..).zip(etags) {
        let _ = write!(text, "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", escape(etag.as_str()));
    }
    text + "</CompleteMultipartUpload>"
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8], root_name: &str) -> Option<T> {
    if root(body)? != root_name {
        return None;
    }
    from_reader(body).ok()
}

fn root(body: &[u8]) -> Option<String> {
    let mut reader = quick_xml::Reader::from_reader(body);
    loop {
        match reader.read_event().ok()? {
            quick_xml::events::Event::Start(start) | quick_xml::events::Event::Empty(start) => {
                return Some(start.local_name().as_ref().to_owned());
            }
            quick_xml::events::Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

    #[test]
    fn reads_a_page_encoded_or_not() {
        let body = format!(
            "{HEAD}\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix></Prefix><KeyCount>2</KeyCount>\
             <MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType><NextContinuationToken>to+ken=</NextContinuationToken>\
             <Contents><Key>a%2Bb/c+d</Key><Size>1</Size><Owner><ID>1</ID></Owner></Contents><Contents><Key>%01</Key></Contents>\
             <CommonPrefixes><Prefix>x</Prefix></CommonPrefixes></ListBucketResult>"
        );
        let read = page(body.as_bytes()).unwrap();
        assert_eq!(read.names, ["a+b/c d", "\u{1}"]);
        assert_eq!((read.truncated, read.next.as_deref()), (true, Some("to+ken=")));
        let plain = body.replace("<EncodingType>url</EncodingType>", "").replace("%01", "a&amp;b&#x20;");
        assert_eq!(page(plain.as_bytes()).unwrap().names, ["a%2Bb/c+d", "a&b "]);
    }

    #[test]
    fn what_is_no_page_is_none() {
        for body in ["", "<html>", "{}", "<ListBucketResult>", "<Error><Code>x</Code></Error>"] {
            assert!(page(body.as_bytes()).is_none(), "{body}");
        }
        let empty = format!("{HEAD}<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
        assert!(page(empty.as_bytes()).unwrap().names.is_empty());
    }

    #[test]
    fn reads_refusals_and_what_was_left() {
        let refused =
            refusal(b"<Error><Code>NoSuchBucket</Code><Message>no</Message><BucketName>b</BucketName></Error>");
        assert_eq!(refused.unwrap().code, "NoSuchBucket");
        assert!(left(b"<DeleteResult/>").unwrap().is_empty());
        let body =
            b"<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>";
        let refusal = left(body).unwrap().remove(0);
        assert_eq!((refusal.key.as_str(), refusal.code.as_str()), ("a", "AccessDenied"));
        for body in ["", "<html/>", "<DeleteResult>", "<Error><Code>InternalError</Code></Error>"] {
            assert!(left(body.as_bytes()).is_none(), "{body}");
        }
        assert!(!is_completed(b"<Error><Code>InternalError</Code></Error>"));
    }

    #[test]
    fn names_are_escaped() {
        let text = deletion(["a<b>&\"'", "c\nd"].into_iter());
        assert!(
            text.contains("<Key>a&lt;b&gt;&amp;&quot;&apos;</Key>") && text.contains("<Key>c&#10;d</Key>"),
            "{text}"
        );
        assert!(can_hold("a\n😀") && !can_hold("a\u{1}"));
    }
}
