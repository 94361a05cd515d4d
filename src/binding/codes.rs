//! The numbers that Rust and JavaScript tell each other; js/native.js has the same lists.

/// What a function answers that is no slot.
pub mod code {
    pub const MISS: i32 = -1;
    pub const INVALID: i32 = -2;
    /// A JavaScript driver's mount: see the registers `MOUNT`, `OFFSET` and `NORMAL`.
    pub const SCRIPT: i32 = -3;
    /// The answer comes later, under the number in the register `REQUEST`.
    pub const PENDING: i32 = -4;
    /// A driver of another lane than memory's: call `submitSet` with the value.
    pub const NEEDS_VALUE: i32 = -5;
    /// The driver has limits: call again with the value's size.
    pub const NEEDS_SIZE: i32 = -6;
    pub const TOO_LARGE: i32 = -7;
    pub const DROPPED: i32 = -8;
    pub const MOUNTED: i32 = -9;
    pub const DONE: i32 = -10;
    /// The function returns the value itself.
    pub const FOUND: i32 = -11;
}

/// What stands where in the registers.
pub mod register {
    pub const MOUNT: usize = 0;
    pub const OFFSET: usize = 1;
    pub const NORMAL: usize = 2;
    pub const REQUEST: usize = 3;
    pub const RELEASED: usize = 4;
    /// 1 if the driver that was written to holds items that expire.
    pub const TIMED: usize = 5;
    /// The code that `get`, `has` and `set` answer with.
    pub const ANSWER: usize = 6;
    /// What answers of blocking drivers have cost since the event loop last turned; JavaScript sets it back.
    pub const SPENT: usize = 7;
    /// 1 if calls wait for `flush`.
    pub const UNSENT: usize = 8;
    pub const COUNT: usize = 9;
}
