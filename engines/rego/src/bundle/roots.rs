// SPDX-License-Identifier: Apache-2.0
//! Roots: a bundle owns what is below them and may touch nothing else.

use super::Bundle;
use crate::fault::{Fault, Outcome, EEXIST};
use regorus::{Engine, Value};
use std::collections::BTreeSet;

/// Is the path `parts` at or below `root`?
fn below(root: &str, parts: &[&str]) -> bool {
    root.is_empty() || root.split('/').enumerate().all(|(i, part)| parts.get(i) == Some(&part))
}

fn parts(path: &str) -> Vec<&str> {
    if path.is_empty() {
        vec![]
    } else {
        path.split('/').collect()
    }
}

pub fn refuse_overlap(known: &[String], more: &[String]) -> Outcome<()> {
    for new in more {
        for old in known {
            if below(old, &parts(new)) || below(new, &parts(old)) {
                return Err(Fault::new(EEXIST, format!("the roots \"{old}\" and \"{new}\" overlap")));
            }
        }
    }
    Ok(())
}

pub fn refuse_data_outside(roots: &[String], data: &Value) -> Outcome<()> {
    walk(roots, &mut Vec::new(), data)
}

/// What lies above a root may be there, as an object that leads to it.
fn walk<'a>(roots: &[String], path: &mut Vec<&'a str>, data: &'a Value) -> Outcome<()> {
    if roots.iter().any(|root| below(root, path)) {
        return Ok(());
    }
    let leads = roots.iter().any(|root| below(&path.join("/"), &parts(root)));
    let (Value::Object(fields), true) = (data, leads) else {
        return Err(Fault::invalid(format!("data at /{} is outside the bundle's roots", path.join("/"))));
    };
    for (name, value) in fields.iter() {
        let Value::String(name) = name else {
            return Err(Fault::invalid("a name in the data is no string"));
        };
        path.push(name);
        walk(roots, path, value)?;
        path.pop();
    }
    Ok(())
}

pub fn refuse_modules_outside(engine: &Engine, bundle: &Bundle) -> Outcome<()> {
    let modules: BTreeSet<&str> = bundle.modules.iter().map(|(name, _)| &**name).collect();
    for package in engine.get_policy_package_components()? {
        let path: Vec<&str> = package.components.iter().map(|part| &**part).collect();
        let name = &package.source_file;
        let ours = modules.contains(&**name);
        if ours && !bundle.manifest.roots.iter().any(|root| below(root, &path)) {
            let why = format!("package {} is outside the bundle's roots", path.join("."));
            return Err(Fault::invalid(why).in_file(name));
        }
    }
    Ok(())
}
