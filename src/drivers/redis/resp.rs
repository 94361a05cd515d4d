//! The protocol of Redis, version 2: commands out, replies in.

use bytes::{Buf, Bytes, BytesMut};

use crate::error::Failure;

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Status(Bytes),
    Error(Bytes),
    Integer(i64),
    /// None for a key that is not there.
    Bulk(Option<Bytes>),
    List(Vec<Reply>),
}

/// What comes is no reply.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// Redis itself takes no larger value.
const LONGEST_BULK: usize = 512 << 20;
const LONGEST_LINE: usize = 64 << 10;
const DEEPEST: usize = 8;

/// A command as it goes over the wire.
pub fn encode<T: AsRef<[u8]>>(arguments: &[T]) -> Bytes {
    let size: usize = arguments.iter().map(|argument| argument.as_ref().len() + 24).sum();
    let mut out = Vec::with_capacity(size + 16);
    number(&mut out, b'*', arguments.len());
    for argument in arguments {
        let argument = argument.as_ref();
        number(&mut out, b'$', argument.len());
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
    out.into()
}

fn number(out: &mut Vec<u8>, kind: u8, mut number: usize) {
    let (mut digits, mut start) = ([0; 20], 20);
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10).to_le_bytes()[0];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.push(kind);
    out.extend_from_slice(&digits[start..]);
    out.extend_from_slice(b"\r\n");
}

/// Takes replies out of what has come in so far.
#[derive(Debug, Default)]
pub struct Decoder {
    /// A reply is not complete before so many bytes are there: so it is not looked at for each piece of a large value.
    needed: usize,
}

impl Decoder {
    /// The next reply, if all of it is there.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Reply>, Malformed> {
        if buffer.len() < self.needed.max(1) {
            return Ok(None);
        }
        match measure(buffer, 0, 0)? {
            Extent::Complete(end) => {
                self.needed = 0;
                let mut frame = buffer.split_to(end).freeze();
                read(&mut frame).map(Some)
            }
            Extent::Needs(least) => {
                self.needed = least;
                // A large value finds its room at once, not by doubling.
                buffer.reserve(least.saturating_sub(buffer.len()).min(LONGEST_BULK));
                Ok(None)
            }
        }
    }
}

enum Extent {
    /// Where the reply ends.
    Complete(usize),
    /// So many bytes have to be there at least.
    Needs(usize),
}

/// How far the reply reaches that starts at `start`.
fn measure(buffer: &[u8], start: usize, depth: usize) -> Result<Extent, Malformed> {
    let Some((line, after)) = line(buffer, start)? else {
        return Ok(Extent::Needs(buffer.len() + 1));
    };
    match line.split_first() {
        Some((b'+' | b'-', _)) => Ok(Extent::Complete(after)),
        Some((b':', digits)) => integer(digits).map(|_| Extent::Complete(after)),
        Some((b'$', digits)) => {
            let Some(length) = length(digits)? else { return Ok(Extent::Complete(after)) };
            let end = after + length + 2;
            if buffer.len() < end {
                return Ok(Extent::Needs(end));
            }
            if &buffer[end - 2..end] == b"\r\n" { Ok(Extent::Complete(end)) } else { Err(Malformed) }
        }
        Some((b'*', digits)) if depth < DEEPEST => {
            let mut end = after;
            for _ in 0..length(digits)?.unwrap_or(0) {
                match measure(buffer, end, depth + 1)? {
                    Extent::Complete(next) => end = next,
                    needs @ Extent::Needs(_) => return Ok(needs),
                }
            }
            Ok(Extent::Complete(end))
        }
        _ => Err(Malformed),
    }
}

/// The line that starts there, and where the next one does.
fn line(buffer: &[u8], start: usize) -> Result<Option<(&[u8], usize)>, Malformed> {
    let rest = buffer.get(start..).unwrap_or_default();
    match rest.iter().take(LONGEST_LINE).position(|&byte| byte == b'\n') {
        Some(end) if end > 0 && rest[end - 1] == b'\r' => Ok(Some((&rest[..end - 1], start + end + 1))),
        Some(_) => Err(Malformed),
        None if rest.len() >= LONGEST_LINE => Err(Malformed),
        // Whatever is no reply from its first byte on is not waited for.
        None if rest.first().is_some_and(|first| !b"+-:$*".contains(first)) => Err(Malformed),
        None => Ok(None),
    }
}

fn integer(digits: &[u8]) -> Result<i64, Malformed> {
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(Malformed)
}

/// None for -1, which stands for nothing.
fn length(digits: &[u8]) -> Result<Option<usize>, Malformed> {
    match integer(digits)? {
        -1 => Ok(None),
        length => usize::try_from(length).ok().filter(|&length| length <= LONGEST_BULK).map(Some).ok_or(Malformed),
    }
}

/// Reads a complete reply, whose values share the frame's memory.
fn read(frame: &mut Bytes) -> Result<Reply, Malformed> {
    let (line, after) = line(frame, 0)?.ok_or(Malformed)?;
    let end = line.len();
    let mut text = frame.split_to(after);
    text.truncate(end);
    let kind = text.get_u8();
    match kind {
        b'+' => Ok(Reply::Status(text)),
        b'-' => Ok(Reply::Error(text)),
        b':' => integer(&text).map(Reply::Integer),
        b'$' => {
            let Some(length) = length(&text)? else { return Ok(Reply::Bulk(None)) };
            let value = frame.split_to(length);
            frame.advance(2);
            Ok(Reply::Bulk(Some(value)))
        }
        _ => match length(&text)? {
            Some(count) => (0..count).map(|_| read(frame)).collect::<Result<_, _>>().map(Reply::List),
            None => Ok(Reply::Bulk(None)),
        },
    }
}

/// What a server's error says, without what it repeats of the command: that may be a password or a value.
pub fn refusal(text: &[u8]) -> Failure {
    let text = String::from_utf8_lossy(text);
    let text = text.split(", with args beginning with").next().unwrap_or_default();
    let is_code = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    match text.split_once(' ') {
        Some((code, message)) if is_code(code) => Failure { code: code.to_owned().into(), ..Failure::new("", message) },
        _ => Failure::new("ERR", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply() -> impl Strategy<Value = Reply> {
        let word = "[ -~]{0,20}".prop_map(Bytes::from);
        let leaf = prop_oneof![
            word.clone().prop_map(Reply::Status),
            word.prop_map(Reply::Error),
            any::<i64>().prop_map(Reply::Integer),
            prop::option::of(prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)).prop_map(Reply::Bulk),
        ];
        leaf.prop_recursive(3, 20, 5, |inner| prop::collection::vec(inner, 0..5).prop_map(Reply::List))
    }

    fn write(reply: &Reply, out: &mut Vec<u8>) {
        match reply {
            Reply::Status(text) => out.extend([b"+", text.as_ref(), b"\r\n"].concat()),
            Reply::Error(text) => out.extend([b"-", text.as_ref(), b"\r\n"].concat()),
            Reply::Integer(number) => out.extend(format!(":{number}\r\n").bytes()),
            Reply::Bulk(None) => out.extend(b"$-1\r\n"),
            Reply::Bulk(Some(bytes)) => {
                out.extend(format!("${}\r\n", bytes.len()).bytes());
                out.extend([bytes.as_ref(), b"\r\n"].concat());
            }
            Reply::List(items) => {
                out.extend(format!("*{}\r\n", items.len()).bytes());
                for item in items {
                    write(item, out);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn replies_are_read_however_they_are_cut(replies in prop::collection::vec(reply(), 1..6), cut in 1usize..30) {
            let mut wire = Vec::new();
            for reply in &replies {
                write(reply, &mut wire);
            }
            let (mut decoder, mut buffer, mut read) = (Decoder::default(), BytesMut::new(), Vec::new());
            for piece in wire.chunks(cut) {
                buffer.extend_from_slice(piece);
                while let Some(reply) = decoder.next(&mut buffer).unwrap() {
                    read.push(reply);
                }
            }
            prop_assert!(buffer.is_empty());
            prop_assert_eq!(read, replies);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let (mut decoder, mut buffer) = (Decoder::default(), BytesMut::from(&bytes[..]));
            while let Ok(Some(_)) = decoder.next(&mut buffer) {}
        }
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        let endless = ["+", &"x".repeat(LONGEST_LINE)].concat();
        let deep = "*1\r\n".repeat(DEEPEST + 2);
        for bytes in [
            "HTTP/1.1 400 Bad Request\r\n",
            "x",
            "$-2\r\n",
            "$9999999999\r\n",
            ":a\r\n",
            "$1\r\nabc",
            "+a\n",
            &endless,
            &deep,
        ] {
            let mut buffer = BytesMut::from(bytes);
            assert_eq!(Decoder::default().next(&mut buffer), Err(Malformed), "{bytes:.40}");
        }
    }

    #[test]
    fn commands_are_lists_of_their_arguments() {
        assert_eq!(
            encode(&["SET", "a:b", "0123456789"]).as_ref(),
            b"*3\r\n$3\r\nSET\r\n$3\r\na:b\r\n$10\r\n0123456789\r\n"
        );
        assert_eq!(encode(&["GET", ""]).as_ref(), b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
    }
}
