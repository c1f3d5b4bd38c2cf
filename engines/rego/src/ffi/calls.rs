// SPDX-License-Identifier: Apache-2.0
//! One function each of `rego.h`, in its order.

use super::guard::{guarded, quiet_panics, with_engine, Handle};
use super::text::{c_text, octets, utf8, ErrorOut, TextOut};
use crate::bundle::Key;
use crate::engine::Rego;
use crate::fault::{Fault, Outcome};
use crate::limits::Limits;
use std::ffi::c_char;
use std::panic::{catch_unwind, AssertUnwindSafe};

#[no_mangle]
pub extern "C" fn rego_limits_default(ret: *mut Limits) {
    // SAFETY: the caller's
    unsafe { ret.write(Limits::default()) };
}

#[no_mangle]
pub extern "C" fn rego_new(ret: *mut *mut Handle, limits: *const Limits) -> i32 {
    quiet_panics();
    guarded(std::ptr::null_mut(), || {
        // SAFETY: NULL or the caller's
        let limits = unsafe { limits.as_ref() }.copied().unwrap_or_default();
        hand_over(ret, Rego::new(limits)?);
        Ok(())
    })
}

#[no_mangle]
pub extern "C" fn rego_clone(ret: *mut *mut Handle, from: *const Handle, error: *mut ErrorOut) -> i32 {
    guarded(error, || {
        // SAFETY: a handle of the caller's
        let rego = unsafe { &*from }.usable()?;
        hand_over(ret, rego.fresh_clone());
        Ok(())
    })
}

fn hand_over(ret: *mut *mut Handle, rego: Rego) {
    let handle = Box::new(Handle { rego, broken: None });
    // SAFETY: the caller's
    unsafe { ret.write(Box::into_raw(handle)) };
}

#[no_mangle]
pub extern "C" fn rego_free(rego: *mut Handle) {
    if rego.is_null() {
        return;
    }
    // SAFETY: hand_over() made it
    let handle = unsafe { Box::from_raw(rego) };
    // a broken engine may panic again; what it holds is lost then
    let _ = catch_unwind(AssertUnwindSafe(|| drop(handle)));
}

#[no_mangle]
pub extern "C" fn rego_text_free(text: *mut TextOut) {
    // SAFETY: NULL or the caller's
    if let Some(text) = unsafe { text.as_mut() } {
        text.free();
    }
}

#[no_mangle]
pub extern "C" fn rego_version() -> *const c_char {
    concat!("regorus ", "0.14.1", "\0").as_ptr() as *const c_char
}

#[no_mangle]
pub extern "C" fn rego_add_module(
    rego: *mut Handle,
    name: *const c_char,
    name_octets: usize,
    text: *const c_char,
    text_octets: usize,
    error: *mut ErrorOut,
) -> i32 {
    with_engine(rego, error, |rego| {
        let name = utf8("the module's name", name, name_octets)?;
        let text = utf8("the module", text, text_octets).map_err(|fault| fault.in_file(name))?;
        rego.add_module(name, text)
    })
}

/// `struct rego_key`
#[repr(C)]
pub struct KeyIn {
    id: *const c_char,
    algorithm: *const c_char,
    key: *const c_char,
    scope: *const c_char,
}

impl KeyIn {
    fn read(&self) -> Outcome<Key> {
        let needed = |what: &str, text| match c_text(what, text)? {
            "" => Err(Fault::invalid(format!("{what} is empty"))), // anybody knows that one
            text => Ok(text.to_string()),
        };
        Ok(Key {
            id: c_text("the key's id", self.id)?.to_string(),
            algorithm: needed("the key's algorithm", self.algorithm)?,
            key: needed("the key", self.key)?,
            scope: c_text("the key's scope", self.scope)?.to_string(),
        })
    }
}

#[no_mangle]
pub extern "C" fn rego_load_bundle(
    rego: *mut Handle,
    bundle: *const c_char,
    bundle_octets: usize,
    keys: *const KeyIn,
    keys_len: usize,
    error: *mut ErrorOut,
) -> i32 {
    with_engine(rego, error, |rego| {
        let keys = match keys_len {
            0 => &[],
            // SAFETY: the caller says that there are as many
            _ => unsafe { std::slice::from_raw_parts(keys, keys_len) },
        };
        let keys = keys.iter().map(KeyIn::read).collect::<Outcome<Vec<_>>>()?;
        rego.load_bundle(octets(bundle, bundle_octets), &keys)
    })
}

#[no_mangle]
pub extern "C" fn rego_set_data(
    rego: *mut Handle,
    json: *const c_char,
    octets: usize,
    error: *mut ErrorOut,
) -> i32 {
    with_engine(rego, error, |rego| rego.set_data(utf8("the data", json, octets)?))
}

#[no_mangle]
pub extern "C" fn rego_merge_data(
    rego: *mut Handle,
    json: *const c_char,
    octets: usize,
    error: *mut ErrorOut,
) -> i32 {
    with_engine(rego, error, |rego| rego.merge_data(utf8("the data", json, octets)?))
}

#[no_mangle]
pub extern "C" fn rego_set_input(
    rego: *mut Handle,
    json: *const c_char,
    octets: usize,
    error: *mut ErrorOut,
) -> i32 {
    with_engine(rego, error, |rego| rego.set_input(utf8("the input", json, octets)?))
}

#[no_mangle]
pub extern "C" fn rego_set_strict(rego: *mut Handle, strict: bool, error: *mut ErrorOut) -> i32 {
    with_engine(rego, error, |rego| {
        rego.set_strict(strict);
        Ok(())
    })
}

#[no_mangle]
pub extern "C" fn rego_eval_rule(
    ret: *mut TextOut,
    rego: *mut Handle,
    path: *const c_char,
    octets: usize,
    error: *mut ErrorOut,
) -> i32 {
    with_engine(rego, error, |rego| {
        let text = rego.eval_rule(utf8("the path", path, octets)?)?;
        TextOut::write(ret, text);
        Ok(())
    })
}

#[no_mangle]
pub extern "C" fn rego_eval_query(
    ret: *mut TextOut,
    rego: *mut Handle,
    query: *const c_char,
    octets: usize,
    error: *mut ErrorOut,
) -> i32 {
    with_engine(rego, error, |rego| {
        let text = rego.eval_query(utf8("the query", query, octets)?)?;
        TextOut::write(ret, text);
        Ok(())
    })
}

#[no_mangle]
pub extern "C" fn rego_prints(ret: *mut TextOut, rego: *const Handle, error: *mut ErrorOut) -> i32 {
    guarded(error, || {
        // SAFETY: a handle of the caller's
        TextOut::write(ret, unsafe { &*rego }.usable()?.prints());
        Ok(())
    })
}

#[no_mangle]
pub extern "C" fn rego_set_coverage(rego: *mut Handle, on: bool, error: *mut ErrorOut) -> i32 {
    with_engine(rego, error, |rego| {
        rego.set_coverage(on);
        Ok(())
    })
}

#[no_mangle]
pub extern "C" fn rego_coverage(ret: *mut TextOut, rego: *const Handle, error: *mut ErrorOut) -> i32 {
    guarded(error, || {
        // SAFETY: a handle of the caller's
        TextOut::write(ret, unsafe { &*rego }.usable()?.coverage()?);
        Ok(())
    })
}

/// For the tests alone, and in no header: gives the engine a function test.panic(), so that they can see
/// what a panic amid an evaluation does. A program that does not name this has no trace of it.
#[no_mangle]
pub extern "C" fn rego_test_panic(rego: *mut Handle) -> i32 {
    with_engine(rego, std::ptr::null_mut(), Rego::add_test_panic)
}
