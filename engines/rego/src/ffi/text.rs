// SPDX-License-Identifier: Apache-2.0
//! Text in both directions, and `struct rego_error`.

use crate::fault::{Fault, Outcome};
use std::ffi::{c_char, CStr};

const FILE_OCTETS: usize = 160; // REGO_FILE_OCTETS
const WHY_OCTETS: usize = 640; // REGO_WHY_OCTETS

/// `struct rego_error`
#[repr(C)]
pub struct ErrorOut {
    line: u32,
    column: u32,
    file: [u8; FILE_OCTETS],
    why: [u8; WHY_OCTETS],
}

impl ErrorOut {
    pub fn write(error: *mut ErrorOut, fault: &Fault) {
        // SAFETY: NULL or the caller's
        let Some(error) = (unsafe { error.as_mut() }) else { return };
        error.line = fault.line;
        error.column = fault.column;
        error.file = cut(&fault.file);
        error.why = cut(&fault.why);
    }
}

/// As much of `text` as fits before a NUL, without half a character at the end.
fn cut<const SIZE: usize>(text: &str) -> [u8; SIZE] {
    let mut octets = [0; SIZE];
    let mut end = text.find('\0').unwrap_or(text.len()).min(SIZE - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    octets[..end].copy_from_slice(&text.as_bytes()[..end]);
    octets
}

/// `struct rego_text`
#[repr(C)]
pub struct TextOut {
    ptr: *mut c_char,
    octets: usize,
}

impl TextOut {
    /// Hands `text` over to the caller.
    pub fn write(ret: *mut TextOut, text: String) {
        let octets = text.len();
        let ptr = match octets {
            0 => std::ptr::null_mut(),
            _ => Box::into_raw(text.into_bytes().into_boxed_slice()) as *mut c_char,
        };
        // SAFETY: the caller's, and it is written in full
        unsafe { ret.write(TextOut { ptr, octets }) };
    }

    /// Takes it back.
    pub fn free(&mut self) {
        if !self.ptr.is_null() {
            let octets = std::ptr::slice_from_raw_parts_mut(self.ptr as *mut u8, self.octets);
            // SAFETY: write() made it of a box of this length
            drop(unsafe { Box::from_raw(octets) });
        }
        self.ptr = std::ptr::null_mut();
        self.octets = 0;
    }
}

/// What the caller gave; NULL is fine if there are no octets.
pub fn octets<'a>(ptr: *const c_char, len: usize) -> &'a [u8] {
    match len {
        0 => &[],
        // SAFETY: the caller says that there are as many
        _ => unsafe { std::slice::from_raw_parts(ptr as *const u8, len) },
    }
}

/// The same as text; `what` names it.
pub fn utf8<'a>(what: &str, ptr: *const c_char, len: usize) -> Outcome<&'a str> {
    std::str::from_utf8(octets(ptr, len)).map_err(|_| Fault::invalid(format!("{what} is not UTF-8")))
}

/// A C string of the caller's.
pub fn c_text<'a>(what: &str, ptr: *const c_char) -> Outcome<&'a str> {
    if ptr.is_null() {
        return Ok("");
    }
    // SAFETY: it ends with a NUL
    let text = unsafe { CStr::from_ptr(ptr) };
    text.to_str().map_err(|_| Fault::invalid(format!("{what} is not UTF-8")))
}
