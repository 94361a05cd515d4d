//! Strings on their way into Rust.

use std::ptr;

use napi::sys;

use crate::key::from_utf16;

/// Reads JavaScript strings as WTF-8 into buffers that are used again and again. A default one has none yet, and costs
/// nothing to make.
#[derive(Default)]
pub struct Reader {
    units: Vec<u16>,
    bytes: Vec<u8>,
}

/// Longer keys are read too, in a second call.
const USUAL: usize = 1024;
/// Units that the compiler handles at once.
const LANES: usize = 16;

fn is_ascii(lane: &[u16; LANES]) -> bool {
    lane.iter().fold(0, |all, unit| all | unit) < 0x80
}

impl Reader {
    /// The string's WTF-8; none if `value` is no string.
    pub fn read(&mut self, env: sys::napi_env, value: sys::napi_value) -> Option<&[u8]> {
        if self.units.is_empty() {
            self.units.resize(USUAL, 0);
        }
        let mut length = self.fill(env, value)?;
        if length + 1 >= self.units.len() {
            // It may have been cut.
            // SAFETY: both handles are valid in this call; no buffer asks for the length.
            let status = unsafe { sys::napi_get_value_string_utf16(env, value, ptr::null_mut(), 0, &raw mut length) };
            if status != sys::Status::napi_ok {
                return None;
            }
            self.units.resize((length + 1).next_multiple_of(LANES), 0);
            length = self.fill(env, value)?;
        }
        // Whole lanes take no more time than their last unit alone would.
        let padded = length.next_multiple_of(LANES);
        self.units[length..padded].fill(0);
        let (lanes, _) = self.units[..padded].as_chunks::<LANES>();
        if lanes.iter().all(is_ascii) {
            self.bytes.resize(padded, 0);
            for (narrow, lane) in self.bytes.as_chunks_mut::<LANES>().0.iter_mut().zip(lanes) {
                *narrow = lane.map(|unit| unit.to_le_bytes()[0]);
            }
            return Some(&self.bytes[..length]);
        }
        self.bytes.clear();
        from_utf16(&self.units[..length], &mut self.bytes);
        Some(&self.bytes)
    }

    /// Gives back what a very long key took.
    pub fn shrink(&mut self) {
        if self.units.len() > USUAL {
            *self = Self::default();
        }
    }

    fn fill(&mut self, env: sys::napi_env, value: sys::napi_value) -> Option<usize> {
        let mut length = 0;
        // SAFETY: both handles are valid in this call; the buffer holds as many units as said.
        let status = unsafe {
            sys::napi_get_value_string_utf16(env, value, self.units.as_mut_ptr(), self.units.len(), &raw mut length)
        };
        (status == sys::Status::napi_ok).then_some(length)
    }
}

/// The string's UTF-8, with U+FFFD for lone surrogates, as Node writes text to a file.
pub fn utf8(env: sys::napi_env, value: sys::napi_value) -> Option<Vec<u8>> {
    let mut length = 0;
    // SAFETY: both handles are valid in this call; no buffer asks for the length.
    let status = unsafe { sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &raw mut length) };
    if status != sys::Status::napi_ok {
        return None;
    }
    let mut bytes = vec![0u8; length + 1];
    // SAFETY: as above; the buffer has room for the text and the NUL that Node adds.
    let status =
        unsafe { sys::napi_get_value_string_utf8(env, value, bytes.as_mut_ptr().cast(), bytes.len(), &raw mut length) };
    bytes.truncate(length);
    (status == sys::Status::napi_ok).then_some(bytes)
}

/// What is stored of a string or a Uint8Array.
pub fn content(env: sys::napi_env, value: sys::napi_value) -> Option<Vec<u8>> {
    utf8(env, value).or_else(|| bytes(env, value))
}

/// A copy of the bytes that a Uint8Array shows.
pub fn bytes(env: sys::napi_env, value: sys::napi_value) -> Option<Vec<u8>> {
    let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
    // SAFETY: both handles are valid in this call; what is not asked for is null.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env,
            value,
            &raw mut kind,
            &raw mut length,
            &raw mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    if status != sys::Status::napi_ok || kind != sys::TypedarrayType::uint8_array {
        return None;
    }
    if length == 0 {
        return Some(Vec::new());
    }
    // SAFETY: Node says that `length` bytes stand at `data`, and no JavaScript runs while they are copied.
    Some(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) }.to_vec())
}
