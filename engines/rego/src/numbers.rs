// SPDX-License-Identifier: Apache-2.0
//! JSON and YAML for the interpreter, once their numbers are known to be of sane length.
//!
//! The interpreter makes a whole number of 1e100000000, all hundred million digits, and more slowly than
//! their square; so does its parser of JSON. What serde says is a number has the form of an object with
//! one odd name, and an object that somebody wrote with that name is a number to the interpreter as well:
//! the check meets both in one place.

use anyhow::{bail, Result};
use regorus::Value;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt::{Formatter, Result as Written};

const DIGITS_MAX: usize = 400; // of the largest double there are 309
const EXPONENT_MAX: u32 = 400;

pub const TOO_LONG: &str = "a number has too many digits, or too large an exponent";

/// Is this a number that must not be computed? What is none is fine.
pub fn oversized(text: &str) -> bool {
    let text = text.trim().trim_matches('"').trim_start_matches(['+', '-']);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, ""));
    if mantissa.bytes().filter(u8::is_ascii_digit).count() > DIGITS_MAX {
        return true;
    }
    let exponent = exponent.replace('_', "");
    let exponent = exponent.trim_start_matches(['+', '-']);
    let end = exponent.find(|c: char| !c.is_ascii_digit()).unwrap_or(exponent.len());
    let digits = exponent[..end].trim_start_matches('0');
    !digits.is_empty() && digits.parse().map_or(true, |number: u32| number > EXPONENT_MAX)
}

pub fn refuse_oversized(text: &str) -> Result<()> {
    match oversized(text) {
        true => bail!(TOO_LONG),
        false => Ok(()),
    }
}

pub fn check_json(text: &str) -> serde_json::Result<()> {
    serde_json::from_str::<Checked>(text).map(|_| ())
}

pub fn from_json(text: &str) -> Result<Value> {
    check_json(text)?;
    Value::from_json_str(text)
}

pub fn from_yaml(text: &str) -> Result<Value> {
    yaml_serde::from_str::<Checked>(text)?;
    Value::from_yaml_str(text)
}

/// The name that serde_json gives the text of a number.
const NUMBER: &str = "$serde_json::private::Number";

/// A document that was walked, and dropped at once.
struct Checked {
    names_number: bool,
}

const OTHER: Checked = Checked { names_number: false };

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_any(Walk { of_number: false })
    }
}

/// The text of a number, or what stands in its place.
struct Digits;

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_any(Walk { of_number: true }).map(|_| Digits)
    }
}

struct Walk {
    of_number: bool,
}

impl<'de> Visitor<'de> for Walk {
    type Value = Checked;

    fn expecting(&self, out: &mut Formatter<'_>) -> Written {
        out.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> std::result::Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_i64<E: Error>(self, _: i64) -> std::result::Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_u64<E: Error>(self, _: u64) -> std::result::Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_i128<E: Error>(self, _: i128) -> std::result::Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_u128<E: Error>(self, _: u128) -> std::result::Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_f64<E: Error>(self, _: f64) -> std::result::Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_unit<E: Error>(self) -> std::result::Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_str<E: Error>(self, text: &str) -> std::result::Result<Checked, E> {
        match self.of_number && oversized(text) {
            true => Err(E::custom(TOO_LONG)),
            false => Ok(Checked { names_number: text == NUMBER }),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Checked, A::Error> {
        while items.next_element::<Checked>()?.is_some() {}
        Ok(OTHER)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> std::result::Result<Checked, A::Error> {
        while let Some(key) = fields.next_key::<Checked>()? {
            match key.names_number {
                true => drop(fields.next_value::<Digits>()?),
                false => drop(fields.next_value::<Checked>()?),
            }
        }
        Ok(OTHER)
    }
}
