// SPDX-License-Identifier: Apache-2.0
//! The handle that C holds, and what happens when the interpreter panics behind it.

use super::text::ErrorOut;
use crate::engine::Rego;
use crate::fault::{Fault, Outcome, ENOTRECOVERABLE};
use std::cell::RefCell;
use std::panic::{catch_unwind, set_hook, AssertUnwindSafe};
use std::sync::Once;

/// `struct rego`. Once `broken` says why, nothing is asked of the engine any more.
pub struct Handle {
    pub rego: Rego,
    pub broken: Option<String>,
}

impl Handle {
    pub fn usable(&self) -> Outcome<&Rego> {
        match &self.broken {
            None => Ok(&self.rego),
            Some(why) => Err(Fault::new(ENOTRECOVERABLE, why.clone())),
        }
    }
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics are kept for the caller. The usual hook would write to stderr, which is not ours.
pub fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set_hook(Box::new(|info| {
            let text = info.to_string().replace('\n', " ");
            // where crates lie on the machine that built this is nobody's business
            let place = text.find("/registry/src/").map_or(0, |start| start + "/registry/src/".len());
            let text = format!("the Rego engine broke: {}", &text[place..]);
            LAST_PANIC.with(|last| *last.borrow_mut() = text);
        }));
    });
}

/// Runs `body`. Returns 0 or a negative errno, and then writes *error.
pub fn guarded(error: *mut ErrorOut, body: impl FnOnce() -> Outcome<()>) -> i32 {
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            std::mem::forget(again); // its destructor panicked, too
        }
        Err(Fault::new(ENOTRECOVERABLE, LAST_PANIC.with(|last| last.borrow().clone())))
    });
    match outcome {
        Ok(()) => 0,
        Err(fault) => {
            ErrorOut::write(error, &fault);
            -fault.errno
        }
    }
}

/// The same with an engine, which is broken after a panic.
pub fn with_engine(
    handle: *mut Handle,
    error: *mut ErrorOut,
    body: impl FnOnce(&mut Rego) -> Outcome<()>,
) -> i32 {
    // SAFETY: the caller owns the handle and is in no other call with it
    let Handle { rego, broken } = unsafe { &mut *handle };
    if let Some(why) = broken {
        ErrorOut::write(error, &Fault::new(ENOTRECOVERABLE, why.clone()));
        return -ENOTRECOVERABLE;
    }
    let code = guarded(error, || body(rego));
    if code == -ENOTRECOVERABLE {
        *broken = Some(LAST_PANIC.with(|last| last.borrow().clone()));
    }
    code
}
