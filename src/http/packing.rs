//! Answers that come packed.

use std::{io, pin::Pin};

use async_compression::tokio::bufread::{BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader};

/// What services are told. Unpacking zstd would take code in C.
pub const OFFER: HeaderValue = HeaderValue::from_static("gzip, deflate, br");

/// What an unpacker gives at once.
const AT_ONCE: usize = 64 << 10;

pub type Content = Pin<Box<dyn AsyncBufRead + Send>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Gzip,
    Deflate,
    Brotli,
}

/// How an answer is packed, the last first. An error is the name of a packing that nothing here unpacks; other words that stand there
/// name none.
pub fn packings(headers: &HeaderMap) -> Result<Vec<Packing>, &'static str> {
    let lines = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut packings = Vec::new();
    for word in lines.flat_map(|line| line.split(',')) {
        match word.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => packings.push(Packing::Gzip),
            "deflate" => packings.push(Packing::Deflate),
            "br" => packings.push(Packing::Brotli),
            "zstd" => return Err("zstd"),
            "compress" | "x-compress" => return Err("compress"),
            _ => {}
        }
    }
    packings.reverse();
    Ok(packings)
}

pub async fn unpacked(mut content: Content, packing: Packing) -> io::Result<Content> {
    Ok(match packing {
        Packing::Gzip => {
            let mut decoder = GzipDecoder::new(content);
            // One after another are one content.
            decoder.multiple_members(true);
            buffered(decoder)
        }
        // Some servers leave out zlib's frame, which HTTP asks for.
        Packing::Deflate if content.fill_buf().await?.first().is_some_and(|byte| byte & 0x0f != 8) => {
            buffered(DeflateDecoder::new(content))
        }
        Packing::Deflate => buffered(ZlibDecoder::new(content)),
        Packing::Brotli => buffered(BrotliDecoder::new(content)),
    })
}

fn buffered(decoder: impl AsyncRead + Send + 'static) -> Content {
    Box::pin(BufReader::with_capacity(AT_ONCE, decoder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_packing_comes_off_first() {
        let of = |text| packings(&HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(text))]));
        assert_eq!(of("GZIP , br"), Ok(vec![Packing::Brotli, Packing::Gzip]));
        assert_eq!(of("aws-chunked, identity"), Ok(vec![]));
        assert_eq!(of("gzip, zstd"), Err("zstd"));
        assert_eq!(packings(&HeaderMap::new()), Ok(vec![]));
    }
}
