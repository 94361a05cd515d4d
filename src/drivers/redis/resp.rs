//! The protocol of Redis, version 2: commands out, replies in.

use std::{error::Error, fmt, io, mem};

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

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("what the server sent is not the protocol of Redis")
    }
}

impl Error for Malformed {}

impl From<Malformed> for io::Error {
    fn from(malformed: Malformed) -> Self {
        Self::new(io::ErrorKind::InvalidData, malformed)
    }
}

/// Redis itself takes no larger value.
const LONGEST_BULK: usize = 512 << 20;
/// Errors of scripts may say much.
const LONGEST_LINE: usize = 1 << 20;
/// Scripts nest their replies, and COMMAND DOCS does so, too.
const DEEPEST: usize = 128;

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

/// Takes replies out of what has come in so far. What it went through stays so, however many pieces a reply comes in.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Up to here the reply was gone through: the next of its parts begins here.
    measured: usize,
    /// That part's line does not end before.
    searched: usize,
    /// How many replies the lists lack that are not complete, the innermost last.
    open: Vec<usize>,
    /// There is nothing to see before so many bytes are there.
    needed: usize,
}

impl Decoder {
    /// The next reply, if all of it is there.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Reply>, Malformed> {
        if buffer.len() < self.needed.max(1) {
            return Ok(None);
        }
        if !self.measure(buffer)? {
            // A large value finds its room at once, not by doubling.
            buffer.reserve(self.needed.saturating_sub(buffer.len()).min(LONGEST_BULK));
            return Ok(None);
        }
        let end = mem::take(self).measured;
        let mut frame = buffer.split_to(end).freeze();
        read(&mut frame).map(Some)
    }

    /// Goes on through the reply. Whether all of it is there.
    fn measure(&mut self, buffer: &[u8]) -> Result<bool, Malformed> {
        loop {
            let Some((line, after)) = line(buffer, self.measured, self.searched)? else {
                self.searched = buffer.len();
                self.needed = buffer.len() + 1;
                return Ok(false);
            };
            let mut end = after;
            let mut replies = 0;
            match line.split_first() {
                Some((b'+' | b'-', _)) => {}
                Some((b':', digits)) => {
                    integer(digits)?;
                }
                Some((b'$', digits)) => {
                    if let Some(length) = length(digits)? {
                        end = after + length + 2;
                        if buffer.len() < end {
                            self.needed = end;
                            return Ok(false);
                        }
                        if &buffer[end - 2..end] != b"\r\n" {
                            return Err(Malformed);
                        }
                    }
                }
                Some((b'*', digits)) if self.open.len() < DEEPEST => replies = length(digits)?.unwrap_or(0),
                _ => return Err(Malformed),
            }
            (self.measured, self.searched) = (end, end);
            if replies > 0 {
                self.open.push(replies);
            } else if self.is_last() {
                return Ok(true);
            }
        }
    }

    /// Counts a part that is complete, and the lists that end with it. Whether the reply does.
    fn is_last(&mut self) -> bool {
        while let Some(lacks) = self.open.last_mut() {
            *lacks -= 1;
            if *lacks > 0 {
                return false;
            }
            self.open.pop();
        }
        true
    }
}

/// The line that starts there, and where the next one does. It does not end before `searched`.
fn line(buffer: &[u8], start: usize, searched: usize) -> Result<Option<(&[u8], usize)>, Malformed> {
    let rest = buffer.get(start..).unwrap_or_default();
    let before = searched.saturating_sub(start);
    let end = rest.iter().take(LONGEST_LINE).skip(before).position(|&byte| byte == b'\n').map(|end| before + end);
    match end {
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
    let (line, after) = line(frame, 0, 0)?.ok_or(Malformed)?;
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
        fn replies_are_read_wherever_they_are_cut(reply in reply()) {
            let mut wire = Vec::new();
            write(&reply, &mut wire);
            for cut in 0..wire.len() {
                let (mut decoder, mut buffer) = (Decoder::default(), BytesMut::from(&wire[..cut]));
                prop_assert_eq!(decoder.next(&mut buffer), Ok(None));
                buffer.extend_from_slice(&wire[cut..]);
                prop_assert_eq!(decoder.next(&mut buffer), Ok(Some(reply.clone())));
                prop_assert!(buffer.is_empty());
            }
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let (mut decoder, mut buffer) = (Decoder::default(), BytesMut::from(&bytes[..]));
            while let Ok(Some(_)) = decoder.next(&mut buffer) {}
        }
    }

    #[test]
    fn what_was_gone_through_is_not_gone_through_again() {
        let part = b"$3\r\nabc\r\n";
        let wire = [b"*1\r\n*100000\r\n".to_vec(), part.repeat(100_000)].concat();
        let (mut decoder, mut buffer) = (Decoder::default(), BytesMut::new());
        let pieces = wire.chunks(7);
        let last = pieces.len() - 1;
        for (index, piece) in pieces.enumerate() {
            buffer.extend_from_slice(piece);
            let there = buffer.len();
            let reply = decoder.next(&mut buffer).unwrap();
            assert_eq!(reply.is_some(), index == last);
            assert!(index == last || decoder.measured + part.len() + 8 > there);
        }
        let line = [b"+".to_vec(), vec![b'x'; 32 << 10]].concat();
        for length in 1..line.len() {
            buffer = BytesMut::from(&line[..length]);
            assert_eq!(decoder.next(&mut buffer), Ok(None));
            assert_eq!(decoder.searched, length);
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
