// SPDX-License-Identifier: Apache-2.0
//! Functions of OPA that the interpreter lacks, or that it has and must not be called as they are.
//!
//! The interpreter looks for these before its own. An error makes the call undefined, as OPA has it,
//! unless errors are strict. Nothing here does I/O or knows of this process.

mod args;
mod aws;
mod bounded;
mod crypto;
mod globs;
mod jwt;
mod jwt_verify;
mod net;
mod schema;
mod small;
mod template;

use crate::fault::Outcome;
use anyhow::Result;
use regorus::{Engine, Value};
use std::cell::Cell;

/// Name, number of arguments, function.
type Row = (&'static str, u8, fn(&[Value]) -> Result<Value>);

const TABLES: [&[Row]; 10] = [
    aws::TABLE,
    bounded::TABLE,
    crypto::TABLE,
    globs::TABLE,
    jwt::TABLE,
    jwt_verify::TABLE,
    net::TABLE,
    schema::TABLE,
    small::TABLE,
    template::TABLE,
];

thread_local! {
    static STRICT: Cell<bool> = const { Cell::new(false) };
}

/// Before each evaluation.
pub fn begin(strict: bool) {
    STRICT.with(|cell| cell.set(strict));
}

/// How many arguments a function of ours takes.
pub fn arguments_of(name: &str) -> Option<usize> {
    let mut rows = TABLES.iter().copied().flatten();
    rows.find(|row| row.0 == name).map(|row| row.1.into())
}

pub fn add_to(engine: &mut Engine) -> Outcome<()> {
    for (name, arguments, function) in TABLES.iter().copied().flatten() {
        let call = move |values: Vec<Value>| match function(&values) {
            Err(error) if STRICT.with(Cell::get) => Err(error.context(*name)),
            Err(_) => Ok(Value::Undefined),
            value => value,
        };
        engine.add_extension(name.to_string(), *arguments, Box::new(call))?;
    }
    Ok(())
}
