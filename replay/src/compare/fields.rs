//! Which fields of two things differ, by name.

use retrace_core::event::Event;
use retrace_core::event::Fact;
use retrace_core::manifest::Identity;
use retrace_projections::export::identity_fields;
use serde::Serialize;
use serde_json::Value;

/// A field that is not the same in A and in B.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldDifference {
    /// Its name, those that it is inside of before it: `venue.taker_fee`.
    pub field: String,
    /// What A has; `null` where it has none.
    pub a: Value,
    /// What B has; `null` where it has none.
    pub b: Value,
}

/// What no two sessions share, and is nobody's decision.
const NUMBERED: [&str; 10] =
    ["timer", "batch", "order", "ours", "group", "first", "answers", "comments", "trade_id", "connector_order_id"];

/// Which fields of two identities differ: what the sessions are, not what happened in them.
pub(super) fn of_identities(a: &Identity, b: &Identity) -> Vec<FieldDifference> {
    let mut differences = Vec::new();
    walk(&mut Vec::new(), &identity_fields(a), &identity_fields(b), &mut differences);
    differences
}

/// Which fields of two events of one kind differ; nothing where they are of two kinds.
pub(super) fn of_events(a: &Event, b: &Event) -> Vec<FieldDifference> {
    let (a, b) = (fact_fields(&a.fact), fact_fields(&b.fact));
    let mut differences = Vec::new();
    if a.get("kind") == b.get("kind") {
        let data = |fact: &Value| fact.get("data").cloned().unwrap_or_default();
        walk(&mut Vec::new(), &data(&a), &data(&b), &mut differences);
    }
    let last = |field: &str| field.rsplit('.').next().unwrap_or_default().to_owned();
    differences.retain(|difference| !NUMBERED.contains(&last(&difference.field).as_str()));
    differences
}

fn fact_fields(fact: &Fact) -> Value {
    match fact {
        Fact::Input(input) => serde_json::to_value(input),
        Fact::Decision(decision) => serde_json::to_value(decision),
        Fact::Unknown(_) => Ok(Value::Null),
    }
    .unwrap_or_default()
}

/// Neither is nested deeper than the types that it was made of.
fn walk(path: &mut Vec<String>, a: &Value, b: &Value, differences: &mut Vec<FieldDifference>) {
    if a == b {
        return;
    }
    match (a, b) {
        (Value::Object(of_a), Value::Object(of_b)) => {
            let added = of_b.keys().filter(|key| !of_a.contains_key(*key));
            for key in of_a.keys().chain(added) {
                let (a, b) = (of_a.get(key).unwrap_or(&Value::Null), of_b.get(key).unwrap_or(&Value::Null));
                path.push(key.clone());
                walk(path, a, b, differences);
                path.pop();
            }
        }
        (Value::Array(of_a), Value::Array(of_b)) if of_a.len() == of_b.len() => {
            for (place, (a, b)) in of_a.iter().zip(of_b).enumerate() {
                path.push(place.to_string());
                walk(path, a, b, differences);
                path.pop();
            }
        }
        (a, b) => differences.push(FieldDifference { field: path.join("."), a: a.clone(), b: b.clone() }),
    }
}
