//! The thread that talks to servers: one for the whole process, with an event loop of its own.

use std::{io, sync::LazyLock, thread};

use tokio::runtime::{Builder, Handle};

/// Started with the first call. Nothing waits for it: a process ends with it in the midst of whatever it does.
static NETWORK: LazyLock<Result<Handle, io::ErrorKind>> = LazyLock::new(|| start().map_err(|error| error.kind()));

fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().thread_name("rustorage-dns").build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("rustorage-net".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

/// Where tasks are spawned that run there.
pub fn handle() -> io::Result<&'static Handle> {
    NETWORK.as_ref().map_err(|&kind| io::Error::from(kind))
}
