//! WTF-8: UTF-8 that also holds lone surrogates, so that every JavaScript string has its own bytes.

/// Appends the WTF-8 of `units` to `out`.
pub fn from_utf16(units: &[u16], out: &mut Vec<u8>) {
    out.reserve(units.len());
    for decoded in char::decode_utf16(units.iter().copied()) {
        match decoded {
            Ok(character) => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Err(lone) => {
                let unit = lone.unpaired_surrogate();
                out.extend_from_slice(&[0xE0 | low_byte(unit >> 12), continuation(unit >> 6), continuation(unit)]);
            }
        }
    }
}

/// The UTF-16 of well-formed WTF-8, as [`from_utf16`] makes it.
pub fn to_utf16(bytes: &[u8]) -> Vec<u16> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let (code, length) = match first {
            0x00..=0x7F => (u32::from(*first), 0),
            0x80..=0xDF => (u32::from(first & 0x1F), 1),
            0xE0..=0xEF => (u32::from(first & 0x0F), 2),
            _ => (u32::from(first & 0x07), 3),
        };
        let length = length.min(tail.len());
        let code = tail[..length].iter().fold(code, |code, byte| code << 6 | u32::from(byte & 0x3F));
        if let Ok(unit) = u16::try_from(code) {
            units.push(unit);
        } else {
            let pair = code - 0x1_0000;
            units.push(0xD800 | (pair >> 10 & 0x3FF) as u16);
            units.push(0xDC00 | (pair & 0x3FF) as u16);
        }
        rest = &tail[length..];
    }
    units
}

/// How many UTF-16 code units the WTF-8 `bytes` stand for.
pub fn utf16_len(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0xC0 != 0x80).count() + bytes.iter().filter(|&&byte| byte >= 0xF0).count()
}

fn low_byte(unit: u16) -> u8 {
    unit.to_le_bytes()[0]
}

fn continuation(unit: u16) -> u8 {
    0x80 | low_byte(unit) & 0x3F
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_utf16_string_survives(units: Vec<u16>) {
            let mut bytes = Vec::new();
            from_utf16(&units, &mut bytes);
            prop_assert_eq!(utf16_len(&bytes), units.len());
            prop_assert_eq!(to_utf16(&bytes), units);
        }
    }
}
