// SPDX-License-Identifier: Apache-2.0
//! net.cidr_*: what the interpreter has not. Names are never looked up.

use super::args::text;
use super::Row;
use anyhow::{anyhow, bail, Result};
use regorus::Value;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub const TABLE: &[Row] = &[
    ("net.cidr_contains_matches", 2, contains_matches),
    ("net.cidr_expand", 1, expand),
    ("net.cidr_intersects", 2, |args| {
        let (a, b) = (Range::parse(text(&args[0])?)?, Range::parse(text(&args[1])?)?);
        Ok((a.contains(&b) || b.contains(&a)).into())
    }),
    ("net.cidr_merge", 1, merge),
    ("net.lookup_ip_addr", 1, |args| match text(&args[0])?.parse::<IpAddr>() {
        Ok(address) => Ok(BTreeSet::from([Value::from(address.to_string())]).into()),
        Err(_) => bail!("names are not looked up here"),
    }),
];

const EXPANDED_MAX: u128 = 1 << 16; // addresses; a /8 of them would fill the memory

/// A block of addresses, all of one kind, aligned at its size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    v6: bool,
    first: u128,
    prefix: u32,
}

impl Range {
    fn bits(v6: bool) -> u32 {
        if v6 {
            128
        } else {
            32
        }
    }

    fn new(v6: bool, address: u128, prefix: u32) -> Result<Self> {
        let host = Self::bits(v6).checked_sub(prefix).ok_or_else(|| anyhow!("a prefix of {prefix}"))?;
        let first = address.checked_shr(host).unwrap_or(0).checked_shl(host).unwrap_or(0);
        Ok(Range { v6, first, prefix })
    }

    fn parse(text: &str) -> Result<Self> {
        let (address, prefix) = text.split_once('/').ok_or_else(|| anyhow!("{text} is no CIDR"))?;
        let (v6, address) = number(address.parse()?);
        if prefix.len() > 3 || !prefix.bytes().all(|digit| digit.is_ascii_digit()) {
            bail!("{text} is no CIDR");
        }
        Range::new(v6, address, prefix.parse()?)
    }

    /// An address alone is itself.
    fn parse_either(text: &str) -> Result<Self> {
        match text.parse() {
            Ok(address) => {
                let (v6, address) = number(address);
                Range::new(v6, address, Self::bits(v6))
            }
            Err(_) => Range::parse(text),
        }
    }

    fn size(&self) -> Option<u128> {
        1_u128.checked_shl(Self::bits(self.v6) - self.prefix)
    }

    fn contains(&self, other: &Range) -> bool {
        let same = Range::new(self.v6, other.first, self.prefix).is_ok_and(|range| range == *self);
        self.v6 == other.v6 && self.prefix <= other.prefix && same
    }

    /// The two that are one of twice the size.
    fn joined(&self, other: &Range) -> Option<Range> {
        let wider = Range::new(self.v6, self.first, self.prefix.checked_sub(1)?).ok()?;
        let fits = self.v6 == other.v6 && self.prefix == other.prefix && self != other;
        (fits && wider.contains(other)).then_some(wider)
    }

    fn spelled(&self) -> String {
        format!("{}/{}", address(self.v6, self.first), self.prefix)
    }
}

/// An IPv4 address in IPv6 (::ffff:a.b.c.d) is IPv4, as Go has it.
fn number(address: IpAddr) -> (bool, u128) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (false, u32::from(v4).into()),
        IpAddr::V6(v6) => (true, v6.into()),
    }
}

fn address(v6: bool, number: u128) -> IpAddr {
    match v6 {
        true => Ipv6Addr::from(number).into(),
        false => Ipv4Addr::from(number as u32).into(),
    }
}

fn expand(args: &[Value]) -> Result<Value> {
    let range = Range::parse(text(&args[0])?)?;
    let size = range.size().filter(|size| *size <= EXPANDED_MAX);
    let size = size.ok_or_else(|| anyhow!("more than {EXPANDED_MAX} addresses"))?;
    let all = (range.first..range.first + size).map(|n| address(range.v6, n).to_string().into());
    Ok(all.collect::<BTreeSet<Value>>().into())
}

/// Pairs (place in the first, place in the second) where the first contains the second.
fn contains_matches(args: &[Value]) -> Result<Value> {
    let (outer, inner) = (places(&args[0])?, places(&args[1])?);
    let mut found = BTreeSet::new();
    for (outer_place, outer) in &outer {
        for (inner_place, inner) in &inner {
            if outer.contains(inner) {
                found.insert(Value::from(vec![outer_place.clone(), inner_place.clone()]));
            }
        }
    }
    Ok(found.into())
}

/// Each block with its index, key or itself; arrays in a collection name a block first.
fn places(value: &Value) -> Result<Vec<(Value, Range)>> {
    let range = |item: &Value| match item {
        Value::Array(list) => Range::parse_either(text(list.first().unwrap_or(&Value::Null))?),
        _ => Range::parse_either(text(item)?),
    };
    match value {
        Value::String(_) => Ok(vec![(value.clone(), range(value)?)]),
        Value::Array(list) => list.iter().enumerate().map(|(i, item)| Ok((i.into(), range(item)?))).collect(),
        Value::Set(set) => set.iter().map(|item| Ok((item.clone(), range(item)?))).collect(),
        Value::Object(object) => object.iter().map(|(key, item)| Ok((key.clone(), range(item)?))).collect(),
        _ => bail!("neither a string nor a collection"),
    }
}

/// As few blocks as hold the same addresses. What lies next to another is joined, however large; OPA
/// does so, too: neighbours become one block only if that is aligned.
fn merge(args: &[Value]) -> Result<Value> {
    let items: Vec<&Value> = match &args[0] {
        Value::Array(list) => list.iter().collect(),
        Value::Set(set) => set.iter().collect(),
        _ => bail!("neither an array nor a set"),
    };
    let mut left = BTreeSet::new();
    for item in items {
        left.insert(merged_from(text(item)?)?);
    }
    let mut done: Vec<Range> = Vec::new();
    for range in left {
        if done.last().is_some_and(|last| last.contains(&range)) {
            continue;
        }
        done.push(range);
        while let [.., a, b] = done[..] {
            let Some(wider) = a.joined(&b) else { break };
            done.truncate(done.len() - 2);
            done.push(wider);
        }
    }
    Ok(done.iter().map(|range| range.spelled().into()).collect::<BTreeSet<Value>>().into())
}

/// An IPv4 address alone has the mask of its class (RFC 791 section 3.2), as Go has it.
fn merged_from(text: &str) -> Result<Range> {
    match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => match v4.octets()[0] {
            0..=127 => Range::new(false, u32::from(v4).into(), 8),
            128..=191 => Range::new(false, u32::from(v4).into(), 16),
            192..=223 => Range::new(false, u32::from(v4).into(), 24),
            _ => bail!("{text} has no class"),
        },
        Ok(IpAddr::V6(_)) => bail!("IPv6 invalid: needs prefix length"),
        Err(_) => Range::parse(text),
    }
}
