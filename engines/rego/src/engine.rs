// SPDX-License-Identifier: Apache-2.0
//! An engine with its limits: what each function of `rego.h` does once its arguments are slices.

use crate::builtins;
use crate::bundle::{self, Bundle, Key};
use crate::calls::{self, Calls};
use crate::dialect;
use crate::fault::{Fault, Outcome, EEXIST, EFBIG, ENODATA};
use crate::keyword_rules;
use crate::limits::{at_most, bounded_json, parse_json, refuse_deep, Limits};
use crate::shape;
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, PolicyLengthConfig, Value};
use std::num::{NonZeroU32, NonZeroUsize};
use std::rc::Rc;
use std::time::Duration;

// Steps between two looks at the clock: a step takes about 0.1 us, a look 0.03 us.
const STEPS_A_LOOK: u32 = 16;

// A certificate or key set in one line needs some thousands.
const COLUMNS_MAX: u32 = 64 << 10;

#[derive(Clone)]
pub struct Rego {
    engine: Engine,
    limits: Limits,
    strict: bool,
    coverage: bool,
    names: Rc<Vec<String>>, // of modules
    roots: Rc<Vec<String>>, // of bundles
    calls: Rc<Calls>,
    prints: String,
}

impl Rego {
    pub fn new(limits: Limits) -> Outcome<Self> {
        let mut engine = Engine::new();
        engine.set_strict_builtin_errors(false);
        engine.set_gather_prints(true); // or it would write to stderr
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: Duration::from_millis(limits.eval_ms.into()),
            check_interval: NonZeroU32::new(STEPS_A_LOOK).unwrap_or(NonZeroU32::MIN),
        });
        engine.set_policy_length_config(PolicyLengthConfig {
            max_file_bytes: NonZeroUsize::new(limits.module_octets).unwrap_or(NonZeroUsize::MIN),
            max_lines: NonZeroUsize::MAX, // the octets are bounded
            max_col: NonZeroU32::new(COLUMNS_MAX).unwrap_or(NonZeroU32::MIN),
        });
        builtins::add_to(&mut engine)?;
        Ok(Rego {
            engine,
            limits,
            strict: false,
            coverage: false,
            names: Rc::default(),
            roots: Rc::default(),
            calls: Rc::default(),
            prints: String::new(),
        })
    }

    /// Another with what was loaded, but nothing of what was asked.
    pub fn fresh_clone(&self) -> Self {
        let mut other = self.clone();
        other.prints.clear();
        other.engine.set_input(Value::Undefined);
        other.set_coverage(false);
        other
    }

    pub fn add_module(&mut self, name: &str, text: &str) -> Outcome<()> {
        let mut calls = (*self.calls).clone();
        calls::gather(&mut calls, text);
        calls::refuse_recursion(&calls).map_err(|fault| fault.in_file(name))?;
        let whole = self.engine.clone(); // so that a failure leaves all as it was
        if let Err(fault) = self.put_module(name, text) {
            self.engine = whole;
            return Err(fault);
        }
        self.calls = Rc::new(calls);
        Ok(())
    }

    /// Loads it; what fails may have loaded a part. Whose calls they are is for the caller to know.
    fn put_module(&mut self, name: &str, text: &str) -> Outcome<()> {
        if self.names.len() >= self.limits.modules_max {
            let most = self.limits.modules_max;
            return Err(Fault::new(EFBIG, format!("there are {most} modules, no more are allowed")));
        }
        if self.names.iter().any(|known| known == name) {
            return Err(Fault::new(EEXIST, "there is a module of that name").in_file(name));
        }
        at_most("the module", text.len(), self.limits.module_octets).map_err(|f| f.in_file(name))?;
        for text in keyword_rules::split(text).unwrap_or_else(|| vec![text.to_string()]) {
            let text = translated(&text);
            shape::refuse(&text).map_err(|fault| fault.in_file(name))?;
            let added = self.engine.add_policy(name.to_string(), text);
            added.map_err(|error| Fault::from(error).in_file(name))?;
        }
        Rc::make_mut(&mut self.names).push(name.to_string());
        Ok(())
    }

    pub fn load_bundle(&mut self, octets: &[u8], keys: &[Key]) -> Outcome<()> {
        let bundle = bundle::read(octets, keys, &self.limits)?;
        bundle::roots::refuse_overlap(&self.roots, &bundle.manifest.roots)?;
        let mut next = self.clone(); // so that a failure leaves all as it was
        next.take_bundle(bundle)?;
        *self = next;
        Ok(())
    }

    fn take_bundle(&mut self, bundle: Bundle) -> Outcome<()> {
        self.engine.set_rego_v0(bundle.manifest.rego_version == 0);
        // all at once: each by itself would cost the square of their number
        let calls = Rc::make_mut(&mut self.calls);
        for (_, text) in &bundle.modules {
            calls::gather(calls, text);
        }
        calls::refuse_recursion(calls)?;
        for (name, text) in &bundle.modules {
            self.put_module(name, text)?;
        }
        self.engine.set_rego_v0(false);
        bundle::roots::refuse_modules_outside(&self.engine, &bundle)?;
        self.merge(bundle.data)?;
        Rc::make_mut(&mut self.roots).extend(bundle.manifest.roots);
        Ok(())
    }

    pub fn set_data(&mut self, json: &str) -> Outcome<()> {
        let data = self.parse_data(json)?;
        self.engine.clear_data();
        self.merge(data)
    }

    pub fn merge_data(&mut self, json: &str) -> Outcome<()> {
        let data = self.parse_data(json)?;
        self.merge(data)
    }

    fn parse_data(&self, json: &str) -> Outcome<Value> {
        at_most("the data", json.len(), self.limits.data_octets)?;
        let data = parse_json("the data", json)?;
        match data {
            Value::Object(_) => Ok(data),
            _ => Err(Fault::invalid("the data must be an object")),
        }
    }

    fn merge(&mut self, data: Value) -> Outcome<()> {
        self.engine.add_data(data).map_err(|error| Fault::new(EEXIST, Fault::from(error).why))
    }

    pub fn set_input(&mut self, json: &str) -> Outcome<()> {
        at_most("the input", json.len(), self.limits.input_octets)?;
        let input = if json.is_empty() { Value::Undefined } else { parse_json("the input", json)? };
        self.engine.set_input(input);
        Ok(())
    }

    pub fn set_strict(&mut self, strict: bool) {
        self.strict = strict;
        self.engine.set_strict_builtin_errors(strict);
    }

    pub fn eval_rule(&mut self, path: &str) -> Outcome<String> {
        at_most("the path", path.len(), self.limits.query_octets)?;
        let value = self.evaluate(|engine| engine.eval_rule(path.to_string()))?;
        if value == Value::Undefined {
            return Err(Fault::new(ENODATA, format!("{path} is undefined")));
        }
        self.refuse_large([&value])?;
        self.bounded(&value)
    }

    pub fn eval_query(&mut self, query: &str) -> Outcome<String> {
        at_most("the query", query.len(), self.limits.query_octets)?;
        let query = translated(query);
        shape::refuse(&query)?;
        let found = self.evaluate(|engine| engine.eval_query(query, false))?;
        if found.result.is_empty() {
            return Err(Fault::new(ENODATA, "the query is undefined"));
        }
        self.refuse_large(found.result.iter().flat_map(|row| {
            let values = row.expressions.iter().map(|expression| &expression.value);
            values.chain([&row.bindings])
        }))?;
        self.bounded(&found)
    }

    fn evaluate<T>(&mut self, ask: impl FnOnce(&mut Engine) -> anyhow::Result<T>) -> Outcome<T> {
        builtins::begin(self.strict);
        let answer = ask(&mut self.engine);
        self.keep_prints();
        answer.map_err(Fault::from)
    }

    fn keep_prints(&mut self) {
        self.prints.clear();
        for line in self.engine.take_prints().unwrap_or_default() {
            if self.prints.len() + line.len() + 1 > self.limits.print_octets {
                break;
            }
            self.prints.push_str(&line);
            self.prints.push('\n');
        }
    }

    pub fn prints(&self) -> String {
        self.prints.clone()
    }

    pub fn set_coverage(&mut self, on: bool) {
        self.coverage = on;
        self.engine.set_enable_coverage(on);
    }

    pub fn coverage(&self) -> Outcome<String> {
        if !self.coverage {
            return Err(Fault::invalid("coverage is off"));
        }
        let report = self.engine.get_coverage_report()?;
        serde_json::to_string(&report).map_err(|error| Fault::json(&error))
    }

    pub fn add_test_panic(&mut self) -> Outcome<()> {
        let panic = |_: Vec<Value>| -> anyhow::Result<Value> { panic!("test.panic() was called") };
        Ok(self.engine.add_extension("test.panic".into(), 0, Box::new(panic))?)
    }

    /// Values that share their parts can be more than the memory holds once they are written.
    fn refuse_large<'a>(&self, values: impl IntoIterator<Item = &'a Value>) -> Outcome<()> {
        let mut left = self.limits.result_octets; // each value has an octet at least
        values.into_iter().try_for_each(|value| refuse_deep("the result", value, &mut left))
    }

    fn bounded(&self, result: &impl serde::Serialize) -> Outcome<String> {
        bounded_json("the result", result, self.limits.result_octets)
    }
}

fn translated(text: &str) -> String {
    dialect::translate(text).unwrap_or_else(|| text.to_string())
}
