//! The answer of a listing.

/// Many keys in few allocations, joined by line feeds: so they cross into JavaScript, and as one string far faster than as many.
#[derive(Debug, Default)]
pub struct KeyList {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

const SEPARATOR: u8 = b'\n';

impl KeyList {
    pub fn push(&mut self, prefix: &[u8], key: &[u8]) {
        self.bytes.extend_from_slice(prefix);
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
        self.bytes.push(SEPARATOR);
    }

    /// All of them, unless there is none or one holds a line feed itself.
    pub fn joined(&self) -> Option<&[u8]> {
        let separators = self.bytes.iter().filter(|&&byte| byte == SEPARATOR).count();
        let &end = self.ends.last()?;
        (separators == self.ends.len()).then(|| &self.bytes[..end])
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|end| end + 1));
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }
}
