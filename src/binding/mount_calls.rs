//! What JavaScript calls about drivers, and the mounts of its tables.

use super::{
    calls::{Answer, internal},
    codes::code,
    environment::{Environment, Table, Target},
    raw::{Call, Reply},
    value,
};
use crate::{
    driver::Lane,
    drivers,
    error::StorageError,
    key::{KeyPrefix, Listing, normalize},
    router::Router,
};

/// `createDriver(name, options, mount?)` → driver. The options are JSON; errors name the mount that they were written for.
pub fn create_driver(this: &mut Environment, call: &Call) -> Answer {
    let (name, options) = (call.text(0).unwrap_or_default(), call.text(1).unwrap_or_default());
    let lane = drivers::create(&name, &options).map_err(|error| StorageError { key: call.text(2), ..error })?;
    Ok(handle(this.drivers.insert(lane)))
}

/// `dropDriver(driver)`: mounts that use it keep it.
pub fn drop_driver(this: &mut Environment, call: &Call) -> Answer {
    if let Some(lane) = this.drivers.remove(call.handle(0)) {
        release_unused(this, &lane);
    }
    Ok(Reply::Nothing)
}

/// `driverFlags(driver)` → bits: 1 ttl, 2 maxDepth.
pub fn driver_flags(this: &mut Environment, call: &Call) -> Answer {
    let lane = this.drivers.get(call.handle(0)).ok_or_else(|| internal("no such driver".into()))?;
    let flags = lane.capabilities();
    Ok(Reply::Code(i32::from(flags.ttl) | i32::from(flags.max_depth) << 1))
}

/// `createTable(verbatim)` → table, without any mount. A verbatim table takes keys as they are.
pub fn create_table(this: &mut Environment, call: &Call) -> Answer {
    let table = Table { router: Router::default(), verbatim: call.flag(0) };
    Ok(handle(this.tables.insert(table)))
}

/// `dropTable(table)`.
pub fn drop_table(this: &mut Environment, call: &Call) -> Answer {
    if let Some(table) = this.tables.remove(call.handle(0)) {
        let lanes: Vec<Lane> =
            table.router.plan(b"", true).filter_map(|mount| mount.target.native().cloned()).collect();
        drop(table);
        for lane in lanes {
            release_unused(this, &lane);
        }
    }
    Ok(Reply::Nothing)
}

/// `mount(table, base, driver)` → mount, or MOUNTED or INVALID. Without a driver the mount is a JavaScript driver's.
pub fn mount(this: &mut Environment, call: &Call) -> Answer {
    let target = this.drivers.get(call.handle(2)).map_or(Target::Script, |lane| Target::Native(lane.clone()));
    let code = this.with_text(call, 1, |this, raw| {
        let Ok(prefix) = KeyPrefix::parse(raw) else {
            return code::INVALID;
        };
        let Some(table) = this.tables.get_mut(call.handle(0)) else {
            return code::INVALID;
        };
        table.router.mount(prefix, target).map_or(code::MOUNTED, u32::cast_signed)
    });
    Ok(Reply::Code(code))
}

/// `retarget(table, mount, driver)`: from now on the native driver answers for the mount.
pub fn retarget(this: &mut Environment, call: &Call) -> Answer {
    let lane = this.drivers.get(call.handle(2)).ok_or_else(|| internal("no such driver".into()))?.clone();
    let id = u32::try_from(call.number(1)).unwrap_or(u32::MAX);
    if let Some(mount) = this.tables.get_mut(call.handle(0)).and_then(|table| table.router.get_mut(id)) {
        mount.target = Target::Native(lane);
    }
    Ok(Reply::Nothing)
}

/// `unmount(table, base)` → the mount that is gone, or MISS.
pub fn unmount(this: &mut Environment, call: &Call) -> Answer {
    let code = this.with_text(call, 1, |this, raw| {
        let prefix = KeyPrefix::parse(raw).ok();
        let table = this.tables.get_mut(call.handle(0));
        let removed = table.zip(prefix).and_then(|(table, prefix)| table.router.unmount(&prefix));
        let Some(mount) = removed else {
            return code::MISS;
        };
        let (id, lane) = (mount.id, mount.target.native().cloned());
        drop(mount);
        if let Some(lane) = lane {
            release_unused(this, &lane);
        }
        id.cast_signed()
    });
    Ok(Reply::Code(code))
}

/// `plan(table, base, parents, loose)` → the mounts at or under base, with `parents` those above it; longest first. A loose
/// base matches as a string prefix. INVALID for an invalid base.
pub fn plan(this: &mut Environment, call: &Call) -> Answer {
    let mut mounts = Vec::new();
    let code = this.with_text(call, 1, |this, raw| {
        let loose = call.flag(3);
        let (text, prefix) = (normalize(raw), KeyPrefix::parse(raw));
        let base = match &prefix {
            _ if loose => text.as_ref(),
            Ok(prefix) => prefix.as_bytes(),
            Err(_) => return code::INVALID,
        };
        let Some(table) = this.tables.get(call.handle(0)) else {
            return code::INVALID;
        };
        mounts.extend(table.router.plan(base, call.flag(2)).map(|mount| mount.id.cast_signed()));
        code::DONE
    });
    if code == code::INVALID {
        return Ok(Reply::Code(code));
    }
    Ok(Reply::Value(value::integers(call.env, &mounts)))
}

/// `mountOf(table, key)` → the mount that `getMount(key)` names.
pub fn mount_of(this: &mut Environment, call: &Call) -> Answer {
    let code = this.with_text(call, 1, |this, raw| {
        let mut key = normalize(raw).into_owned();
        key.push(b':');
        let mount = this.tables.get(call.handle(0)).and_then(|table| table.router.route_bytes(&key));
        mount.map_or(code::MISS, |mount| mount.id.cast_signed())
    });
    Ok(Reply::Code(code))
}

/// `normalize(key)` → string.
pub fn normalized(this: &mut Environment, call: &Call) -> Answer {
    let mut result = std::ptr::null_mut();
    this.with_text(call, 0, |_, raw| {
        result = value::key(call.env, &normalize(raw));
        code::DONE
    });
    Ok(Reply::Value(result))
}

/// `route(table, key)` → SCRIPT, INVALID, or DONE for a native driver's mount; the register MOUNT holds the mount.
pub fn route(this: &mut Environment, call: &Call) -> Answer {
    Ok(Reply::Code(this.route(call, |_, _, _, _| code::DONE)))
}

/// The last user of an in-memory driver is gone: so are its values.
fn release_unused(this: &mut Environment, lane: &Lane) {
    if let Lane::Inline(driver) = lane
        && std::rc::Rc::strong_count(driver) == 1
    {
        let everything = Listing { hidden: true, ..Listing::default() };
        let mut keys: Vec<Box<[u8]>> = Vec::new();
        let mut driver = driver.borrow_mut();
        driver.keys(&everything, &mut this.context.scope(), &mut |key| keys.push(key.into()));
        for key in keys {
            driver.remove(&key, &mut this.context.scope());
        }
        this.context.report_released();
    }
}

fn handle(index: usize) -> Reply {
    Reply::Code(i32::try_from(index).unwrap_or(i32::MAX))
}
