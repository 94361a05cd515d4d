//! Which of a cluster's 16384 slots a key belongs to.

pub const SLOTS: usize = 16384;

pub type Slot = u16;

/// CRC16 as XMODEM has it, a byte at a time.
const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut index: u16 = 0;
    while index < 256 {
        let mut crc = index << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
            bit += 1;
        }
        table[index as usize] = crc;
        index += 1;
    }
    table
};

pub fn of(key: &[u8]) -> Slot {
    let hashed = tag(key).unwrap_or(key);
    let crc = hashed.iter().fold(0u16, |crc, &byte| crc << 8 ^ TABLE[usize::from((crc >> 8) ^ u16::from(byte))]);
    crc & 0x3FFF
}

/// What stands between the first brace and the next closing one, if anything does: keys with one tag share a slot.
fn tag(key: &[u8]) -> Option<&[u8]> {
    let start = key.iter().position(|&byte| byte == b'{')? + 1;
    let length = key[start..].iter().position(|&byte| byte == b'}')?;
    (length > 0).then(|| &key[start..start + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_that_redis_computes() {
        // As CLUSTER KEYSLOT answers.
        for (key, slot) in [("123456789", 12739), ("", 0), ("foo", 12182), ("users:1", 11864), ("{foo}.bar", 12182)] {
            assert_eq!(of(key.as_bytes()), slot, "{key}");
        }
        assert_ne!(of(b"{}a"), of(b"{}b"));
        assert_eq!(of(b"x{{tag}}"), of(b"y{{tag}z"));
    }
}
