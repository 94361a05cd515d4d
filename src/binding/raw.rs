//! Raw functions: one trampoline for all of them, which reads the arguments and turns panics and errors into exceptions.

use std::{
    ffi::{CString, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use napi::{Result, check_status, sys};

use super::{
    calls,
    codes::{code, register},
    environment::Environment,
    text, value,
};
use crate::{
    driver::RequestOptions,
    error::{Cause, StorageError, panic_text},
    key::KeyList,
};

/// No function takes more.
pub const ARGUMENTS: usize = 6;

/// What a function sees of its call.
pub struct Call {
    pub env: sys::napi_env,
    /// For callbacks that outlive the call.
    pub environment: *mut Environment,
    pub arguments: [sys::napi_value; ARGUMENTS],
    /// How many the caller passed; the others are undefined.
    pub count: usize,
}

impl Call {
    pub fn handle(&self, index: usize) -> usize {
        usize::try_from(self.number(index)).unwrap_or(usize::MAX)
    }

    pub fn number(&self, index: usize) -> i32 {
        let mut number = -1;
        // SAFETY: the handles are valid in this call; what is no number leaves -1.
        unsafe { sys::napi_get_value_int32(self.env, self.arguments[index], &raw mut number) };
        number
    }

    pub fn double(&self, index: usize) -> f64 {
        let mut number = 0.0;
        // SAFETY: the handles are valid in this call; what is no number leaves 0.
        unsafe { sys::napi_get_value_double(self.env, self.arguments[index], &raw mut number) };
        number
    }

    pub fn flag(&self, index: usize) -> bool {
        let mut flag = false;
        // SAFETY: the handles are valid in this call; what is no boolean leaves false.
        unsafe { sys::napi_get_value_bool(self.env, self.arguments[index], &raw mut flag) };
        flag
    }

    /// What the caller asks of a service, in the text that [`RequestOptions::of_text`] reads.
    pub fn request_options(&self, ttl: f64, raw: bool, index: usize) -> RequestOptions {
        let text = if self.count > index { self.text(index) } else { None };
        match text {
            Some(text) => RequestOptions::of_text(ttl, raw, &text),
            None => RequestOptions { ttl, raw, ..RequestOptions::default() },
        }
    }

    pub fn text(&self, index: usize) -> Option<String> {
        String::from_utf8(text::utf8(self.env, self.arguments[index])?).ok()
    }
}

/// What a function answers.
pub enum Reply {
    Nothing,
    Code(i32),
    /// A code that JavaScript reads from the register ANSWER: for the calls where the 10 ns that a returned number takes
    /// matter.
    Answer(i32),
    /// The code FOUND in the register ANSWER, and the value.
    Found(sys::napi_value),
    Value(sys::napi_value),
    Keys(Box<KeyList>),
}

pub type Handler = fn(&mut Environment, &Call) -> std::result::Result<Reply, StorageError>;

/// What a JavaScript function carries: itself, and the environment it belongs to.
pub struct Function {
    environment: *mut Environment,
    handler: Handler,
}

/// Makes the environment and puts its functions on `exports`.
pub fn install(env: sys::napi_env, exports: sys::napi_value) -> Result<()> {
    let mut environment = Box::new(Environment::new(env));
    set(env, exports, "registers", environment.context.share_registers()?)?;
    let environment = Box::into_raw(environment);
    // js/addon.js compares it with its own.
    set(env, exports, "version", value::text(env, env!("CARGO_PKG_VERSION").as_bytes()))?;
    for (name, handler) in calls::TABLE {
        let function = Box::into_raw(Box::new(Function { environment, handler: *handler }));
        // SAFETY: `environment` was made above and is not yet known to anybody else.
        unsafe { (*environment).keep(function) };
        let mut result = ptr::null_mut();
        // SAFETY: `env` is the environment that loads the module, the name is a string of the given length, and
        // `function` lives as long as the environment, which drops both.
        check_status!(unsafe {
            sys::napi_create_function(
                env,
                name.as_ptr().cast(),
                name.len().cast_signed(),
                Some(trampoline),
                function.cast(),
                &raw mut result,
            )
        })?;
        set(env, exports, name, result)?;
    }
    // SAFETY: `env` is valid; the hook runs once, when JavaScript of this environment can no longer call.
    check_status!(unsafe { sys::napi_add_env_cleanup_hook(env, Some(clean_up), environment.cast()) })
}

unsafe extern "C" fn clean_up(environment: *mut c_void) {
    // SAFETY: Node calls the hook once with what `install` gave it, and no function is called after it.
    let environment = unsafe { Box::from_raw(environment.cast::<Environment>()) };
    // A panic in a driver's drop must not cross into C.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(environment)));
}

unsafe extern "C" fn trampoline(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut call =
        Call { env, environment: ptr::null_mut(), arguments: [ptr::null_mut(); ARGUMENTS], count: ARGUMENTS };
    let mut data = ptr::null_mut();
    // SAFETY: Node passes a valid `env` and `info`; the array holds `count` values, and Node fills up with undefined.
    let status = unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &raw mut call.count,
            call.arguments.as_mut_ptr(),
            ptr::null_mut(),
            &raw mut data,
        )
    };
    if status != sys::Status::napi_ok {
        return ptr::null_mut();
    }
    // SAFETY: `install` made each function with such a pointer, which lives as long as the environment. No handler runs
    // JavaScript, so this is the only reference to the environment.
    let (environment, handler) = unsafe {
        let function = &*data.cast::<Function>();
        call.environment = function.environment;
        (&mut *function.environment, function.handler)
    };
    let result = catch_unwind(AssertUnwindSafe(|| handler(environment, &call)));
    let reply = result.unwrap_or_else(|panic| {
        let cause = Cause::Panic(panic_text(&*panic));
        Err(StorageError { driver: "binding", operation: "call", key: None, cause })
    });
    match reply {
        Ok(Reply::Nothing) => ptr::null_mut(),
        Ok(Reply::Answer(code)) => {
            environment.context.set_register(register::ANSWER, code);
            ptr::null_mut()
        }
        Ok(Reply::Found(value)) => {
            environment.context.set_register(register::ANSWER, code::FOUND);
            value
        }
        Ok(Reply::Code(code)) => value::integer(env, code),
        Ok(Reply::Value(value)) => value,
        // Filling an array may run JavaScript, where its prototype was given setters: so not in a handler.
        Ok(Reply::Keys(keys)) => value::keys(env, &keys),
        Err(error) => {
            let error = value::error(env, &error);
            // SAFETY: `env` is valid and `error` is an Error made in it.
            unsafe { sys::napi_throw(env, error) };
            ptr::null_mut()
        }
    }
}

fn set(env: sys::napi_env, object: sys::napi_value, name: &str, value: sys::napi_value) -> Result<()> {
    let name = CString::new(name)?;
    // SAFETY: all handles belong to `env`, the name ends in NUL.
    check_status!(unsafe { sys::napi_set_named_property(env, object, name.as_ptr(), value) })
}
