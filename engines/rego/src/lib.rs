// SPDX-License-Identifier: Apache-2.0
//! Regorus, a Rego interpreter, for a C program: `rego.h` is the interface and its documentation.
//!
//! `ffi` turns pointers into slices and catches panics; `engine` is what happens then. `builtins`
//! are the functions of OPA that the interpreter lacks, `bundle` reads OPA's bundles, `jose` checks
//! the signatures of both, `dialect` and `keyword_rules` translate what the interpreter cannot read;
//! `numbers` and `shape` refuse what it would choke on.

mod builtins;
mod bundle;
mod calls;
mod dialect;
mod engine;
mod fault;
mod ffi;
mod jose;
mod keyword_rules;
mod limits;
mod numbers;
mod shape;
