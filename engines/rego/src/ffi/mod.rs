// SPDX-License-Identifier: Apache-2.0
//! The functions of `rego.h`. Each body runs in `guarded()`: no panic gets into the C program.
//!
//! The contract is the header's: pointers are valid for the call, lengths are right, one thread.

mod calls;
mod guard;
mod text;
