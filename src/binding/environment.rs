//! What one environment (the main thread, or a worker) has of its own.

use std::mem;

use napi::sys;

use super::{
    codes::{code, register},
    context::Context,
    raw::{Call, Function},
    slab::Slab,
    text::Reader,
};
use crate::{
    driver::Lane,
    key::Key,
    router::{Mount, Router},
};

/// What answers for a mount.
#[derive(Clone)]
pub enum Target {
    Script,
    Native(Lane),
}

impl Target {
    pub fn native(&self) -> Option<&Lane> {
        match self {
            Self::Native(lane) => Some(lane),
            Self::Script => None,
        }
    }
}

/// A storage's mount table, or with `verbatim` the table of one driver that is called on its own, with keys as they are.
pub struct Table {
    pub router: Router<Target>,
    pub verbatim: bool,
}

impl Table {
    /// The key that a string stands for, and its mount.
    #[inline]
    fn resolve<'a>(&self, raw: &'a [u8]) -> Option<(Key<'a>, &Mount<Target>)> {
        let key = if self.verbatim { Key::verbatim(raw) } else { Key::parse(raw).ok()? };
        let mount = self.router.route(&key)?;
        Some((key, mount))
    }
}

pub struct Environment {
    pub tables: Slab<Table>,
    pub drivers: Slab<Lane>,
    pub context: Context,
    reader: Reader,
    functions: Vec<*mut Function>,
}

impl Environment {
    pub fn new(env: sys::napi_env) -> Self {
        Self {
            tables: Slab::default(),
            drivers: Slab::default(),
            context: Context::new(env),
            reader: Reader::default(),
            functions: Vec::new(),
        }
    }

    pub fn keep(&mut self, function: *mut Function) {
        self.functions.push(function);
    }

    /// Runs `act` with the string's WTF-8; `code::INVALID` if it is none.
    pub fn with_text(&mut self, call: &Call, index: usize, act: impl FnOnce(&mut Self, &[u8]) -> i32) -> i32 {
        let mut reader = mem::take(&mut self.reader);
        let code = match reader.read(call.env, call.arguments[index]) {
            Some(text) => act(self, text),
            None => code::INVALID,
        };
        reader.shrink();
        self.reader = reader;
        code
    }

    /// Finds the mount of the key in argument 1 in the table of argument 0. For a native driver, `act` gets the key
    /// relative to the mount, and the whole key.
    #[inline]
    pub fn route(&mut self, call: &Call, act: impl FnOnce(&mut Context, &Lane, &[u8], &[u8]) -> i32) -> i32 {
        let Self { tables, reader, context, .. } = self;
        let Some(table) = tables.get(call.handle(0)) else {
            return code::INVALID;
        };
        let routed = reader.read(call.env, call.arguments[1]).and_then(|raw| table.resolve(raw));
        let Some((key, mount)) = routed else {
            reader.shrink();
            return code::INVALID;
        };
        context.set_register(register::MOUNT, mount.id.cast_signed());
        let code = match &mount.target {
            Target::Native(lane) => {
                let key = key.as_bytes();
                let code = act(context, lane, &key[mount.prefix.as_bytes().len()..], key);
                context.report_released();
                code
            }
            Target::Script => {
                context.set_register(register::OFFSET, i32::try_from(mount.units).unwrap_or(i32::MAX));
                context.set_register(register::NORMAL, i32::from(key.is_borrowed()));
                code::SCRIPT
            }
        };
        reader.shrink();
        code
    }

    /// Finds the mounts of all keys of argument 1, which are joined by line feeds, and whose number is argument 2. Calls `act`
    /// if each is valid and belongs to a native driver.
    pub fn route_batch<T>(&mut self, call: &Call, act: impl FnOnce(&mut Context, &[Routed]) -> Option<T>) -> Option<T> {
        let Self { tables, reader, context, .. } = self;
        let table = tables.get(call.handle(0))?;
        let route = |raw| {
            let (key, mount) = table.resolve(raw)?;
            Some(Routed { key, start: mount.prefix.as_bytes().len(), lane: mount.target.native()? })
        };
        let keys = reader.read(call.env, call.arguments[1])?.split(|&byte| byte == b'\n');
        let routed = keys.map(route).collect::<Option<Vec<_>>>().filter(|routed| routed.len() == call.handle(2));
        let answer = routed.and_then(|routed| act(context, &routed));
        context.report_released();
        reader.shrink();
        answer
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.context.queue().close();
        for function in self.functions.drain(..) {
            // SAFETY: `install` made it with `Box::into_raw` and gave it to nobody else; no function is called any more.
            drop(unsafe { Box::from_raw(function) });
        }
    }
}

/// A key of a batch, and what answers for it.
pub struct Routed<'a> {
    key: Key<'a>,
    /// Where in the key its part relative to the mount begins.
    start: usize,
    pub lane: &'a Lane,
}

impl Routed<'_> {
    pub fn relative(&self) -> &[u8] {
        &self.full()[self.start..]
    }

    pub fn full(&self) -> &[u8] {
        self.key.as_bytes()
    }

    /// What stands before the relative part: empty, or with a colon at its end.
    pub fn mount(&self) -> &[u8] {
        &self.full()[..self.start]
    }

    /// The key was normal as it came.
    pub fn is_normal(&self) -> bool {
        self.key.is_borrowed()
    }
}
