//! Rust values on their way into JavaScript. A handle that cannot be made is null, which JavaScript sees as undefined.

use std::ptr;

use napi::sys;

use crate::{
    driver::{Field, Fields, Meta, Response},
    error::{Cause, Failure, StorageError},
    key::{KeyList, to_utf16},
};

pub fn integer(env: sys::napi_env, number: i32) -> sys::napi_value {
    make(|result| {
        // SAFETY: `env` is valid in this call, `result` takes a handle.
        unsafe { sys::napi_create_int32(env, number, result) }
    })
}

pub fn double(env: sys::napi_env, number: f64) -> sys::napi_value {
    make(|result| {
        // SAFETY: `env` is valid in this call, `result` takes a handle.
        unsafe { sys::napi_create_double(env, number, result) }
    })
}

pub fn boolean(env: sys::napi_env, value: bool) -> sys::napi_value {
    make(|result| {
        // SAFETY: `env` is valid in this call, `result` takes a handle.
        unsafe { sys::napi_get_boolean(env, value, result) }
    })
}

pub fn null(env: sys::napi_env) -> sys::napi_value {
    make(|result| {
        // SAFETY: `env` is valid in this call, `result` takes a handle.
        unsafe { sys::napi_get_null(env, result) }
    })
}

/// A string of UTF-8 that may be ill-formed: as Node decodes files.
pub fn text(env: sys::napi_env, bytes: &[u8]) -> sys::napi_value {
    let (data, length) = (bytes.as_ptr().cast(), bytes.len().cast_signed());
    make(|result| {
        // SAFETY: `env` is valid in this call, and the bytes are read while they are borrowed.
        unsafe {
            if bytes.is_ascii() {
                sys::napi_create_string_latin1(env, data, length, result)
            } else {
                sys::napi_create_string_utf8(env, data, length, result)
            }
        }
    })
}

/// A string of WTF-8: lone surrogates come back.
pub fn key(env: sys::napi_env, bytes: &[u8]) -> sys::napi_value {
    if bytes.is_ascii() {
        return text(env, bytes);
    }
    let units = to_utf16(bytes);
    make(|result| {
        // SAFETY: `env` is valid in this call, and the units are read while they are borrowed.
        unsafe { sys::napi_create_string_utf16(env, units.as_ptr(), units.len().cast_signed(), result) }
    })
}

pub fn buffer(env: sys::napi_env, bytes: &[u8]) -> sys::napi_value {
    make(|result| {
        // SAFETY: `env` is valid in this call, and the bytes are copied while they are borrowed.
        unsafe { sys::napi_create_buffer_copy(env, bytes.len(), bytes.as_ptr().cast(), ptr::null_mut(), result) }
    })
}

pub fn array(env: sys::napi_env, values: impl IntoIterator<Item = sys::napi_value>) -> sys::napi_value {
    let array = make(|result| {
        // SAFETY: `env` is valid in this call, `result` takes a handle.
        unsafe { sys::napi_create_array(env, result) }
    });
    for (index, value) in (0..).zip(values) {
        // SAFETY: both handles were made in `env`, in this call.
        unsafe { sys::napi_set_element(env, array, index, value) };
    }
    array
}

/// The element of an array, which has one there.
pub fn element(env: sys::napi_env, array: sys::napi_value, index: u32) -> sys::napi_value {
    make(|result| {
        // SAFETY: both handles are valid in this call, `result` takes one.
        unsafe { sys::napi_get_element(env, array, index, result) }
    })
}

/// An Int32Array, which crosses faster than an array.
pub fn integers(env: sys::napi_env, numbers: &[i32]) -> sys::napi_value {
    let mut data = ptr::null_mut();
    let buffer = make(|result| {
        // SAFETY: `env` is valid in this call, `data` and `result` have room.
        unsafe { sys::napi_create_arraybuffer(env, size_of_val(numbers), &raw mut data, result) }
    });
    if data.is_null() {
        return buffer;
    }
    // SAFETY: Node made room for as many bytes at `data`, and nobody else knows of them yet.
    unsafe { ptr::copy_nonoverlapping(numbers.as_ptr(), data.cast(), numbers.len()) };
    make(|result| {
        // SAFETY: `buffer` was made in `env`, in this call, with room for the numbers.
        unsafe { sys::napi_create_typedarray(env, sys::TypedarrayType::int32_array, numbers.len(), buffer, 0, result) }
    })
}

pub fn meta(env: sys::napi_env, meta: &Meta) -> sys::napi_value {
    let Meta { accessed, modified, size, created, changed, life } = *meta;
    array(env, [accessed, modified, size, created, changed, life].map(|number| double(env, number)))
}

/// An Error with `code`, `driver`, `operation`, `key` and `cause`.
pub fn error(env: sys::napi_env, error: &StorageError) -> sys::napi_value {
    let code = error.code();
    let object = bare_error(env, &code, &error.to_string());
    let cause = bare_error(env, &code, &error.cause.to_string());
    set(env, object, c"driver", text(env, error.driver.as_bytes()));
    set(env, object, c"operation", text(env, error.operation.as_bytes()));
    if let Some(key) = error.key() {
        set(env, object, c"key", text(env, key.as_bytes()));
    }
    if let Cause::Remote(Failure { details: Some(details), .. }) = &error.cause {
        if let Some(status) = details.status {
            set(env, object, c"status", integer(env, i32::from(status)));
        }
        if let Some(id) = &details.request_id {
            set(env, object, c"requestId", text(env, id.as_bytes()));
        }
    }
    set(env, object, c"cause", cause);
    object
}

fn bare_error(env: sys::napi_env, code: &str, message: &str) -> sys::napi_value {
    let (code, message) = (text(env, code.as_bytes()), text(env, message.as_bytes()));
    make(|result| {
        // SAFETY: `env` is valid in this call, both strings were made in it.
        unsafe { sys::napi_create_error(env, code, message, result) }
    })
}

fn set(env: sys::napi_env, object: sys::napi_value, name: &std::ffi::CStr, value: sys::napi_value) {
    // SAFETY: both handles were made in `env`, in this call; the name ends in NUL.
    unsafe { sys::napi_set_named_property(env, object, name.as_ptr(), value) };
}

fn make(create: impl FnOnce(*mut sys::napi_value) -> sys::napi_status) -> sys::napi_value {
    let mut result = ptr::null_mut();
    create(&raw mut result);
    result
}

/// The keys joined by line feeds, or an array where a key holds one or there is no key: one string crosses far faster than many.
pub fn keys(env: sys::napi_env, keys: &KeyList) -> sys::napi_value {
    match keys.joined() {
        Some(joined) => key(env, joined),
        None => array(env, keys.iter().map(|bytes| key(env, bytes))),
    }
}

/// An array with each field's name and value; what is absent is undefined.
pub fn fields(env: sys::napi_env, fields: &Fields) -> sys::napi_value {
    let names = fields.iter().map(|(name, _)| text(env, name.as_bytes()));
    let values = fields.iter().map(|(_, field)| match field {
        Field::Number(number) => double(env, *number),
        Field::Text(words) => text(env, words.as_bytes()),
        Field::Absent => undefined(env),
    });
    array(env, names.zip(values).flat_map(|(name, value)| [name, value]))
}

pub fn response(env: sys::napi_env, answer: Response) -> sys::napi_value {
    match answer {
        Response::Nothing => null(env),
        #[allow(clippy::cast_precision_loss, reason = "JavaScript has no other numbers")]
        Response::Number(number) => double(env, number as f64),
        Response::Text(bytes) => text(env, &bytes),
        Response::List(answers) => array(env, answers.into_iter().map(|answer| response(env, answer))),
        Response::Failure(failure) => bare_error(env, &failure.code, &failure.to_string()),
    }
}

pub fn undefined(env: sys::napi_env) -> sys::napi_value {
    make(|result| {
        // SAFETY: `env` is valid in this call, `result` takes a handle.
        unsafe { sys::napi_get_undefined(env, result) }
    })
}
