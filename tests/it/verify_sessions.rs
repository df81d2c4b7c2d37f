//! `retrace verify` over several sessions: side by side, some of the checks, and the ones that are not clean by name.

use serde_json::Value;

use crate::cli::{Place, text};

/// A store of three sessions on the sample market, the second on a market file of its own.
fn three_sessions() -> Place {
    let place = Place::with_sample();
    std::fs::copy(place.path("market.csv"), place.path("other.csv")).unwrap();
    for (name, market) in [("sample", "market.csv"), ("second", "other.csv"), ("third", "market.csv")] {
        let session = std::fs::read_to_string(place.path("session.yaml")).unwrap();
        let session = session.replacen("session: sample", &format!("session: {name}"), 1);
        std::fs::write(place.path("own.yaml"), session.replacen("bars: market.csv", &format!("bars: {market}"), 1))
            .unwrap();
        let output = place.retrace(&["run", "own.yaml"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    place
}

/// Each session, whether it is clean, and how many checks were made.
fn names(document: &Value) -> Vec<(&str, bool, usize)> {
    let told = |one: &'_ Value| (one["clean"].as_bool().unwrap(), one["checks"].as_array().unwrap().len());
    let sessions = document["sessions"].as_array().unwrap().iter();
    sessions.map(|one| (one["session"].as_str().unwrap(), told(one).0, told(one).1)).collect()
}

#[test]
fn all_sessions_of_a_store_are_verified_side_by_side() {
    let place = three_sessions();
    let all = place.json(&["verify", "--jobs", "2"]);
    assert_eq!(all["clean"], true);
    assert_eq!(names(&all), [("sample", true, 5), ("second", true, 5), ("third", true, 5)]);
    assert_eq!(all, place.json(&["verify", "--jobs", "1"]), "how many at a time changes nothing");

    // As they are named, each once; one that is named alone has the shape that it always had.
    let two = place.json(&["verify", "third", "sample", "third", "--only", "redeliver,integrity"]);
    assert_eq!(names(&two), [("third", true, 2), ("sample", true, 2)]);
    let checks: Vec<&Value> = two["sessions"][0]["checks"].as_array().unwrap().iter().collect();
    assert_eq!(checks.iter().map(|check| &check["name"]).collect::<Vec<_>>(), ["integrity", "redeliver"]);
    assert!(checks.iter().all(|check| check["checked"].as_u64().unwrap() > 100), "{two}");
    let one = place.json(&["verify", "third", "--only", "rebuild"]);
    assert_eq!((&one["session"], &one["checks"][0]["name"]), (&"third".into(), &"rebuild".into()));
}

#[test]
fn what_is_not_clean_is_named_and_keeps_nobody_else_from_being_verified() {
    let place = three_sessions();
    place.edit("other.csv", "60023.66,10.424", "60023.67,10.424");
    let output = place.retrace(&["verify", "--jobs", "3"]);
    assert_eq!(output.status.code(), Some(1));
    let (told, warned) = (text(&output.stdout), text(&output.stderr));
    assert!(told.ends_with("\n2 of 3 sessions are clean\nnot clean: second\n"), "{told}");
    assert!(warned.contains("second"), "{warned}");

    // One that nobody recorded is refused before anything is verified.
    let output = place.retrace(&["verify", "sample", "nobody"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty() && text(&output.stderr).contains("nobody"));
    let output = place.retrace(&["verify", "--only", "everything"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("re-decide"), "the checks that there are");
}
