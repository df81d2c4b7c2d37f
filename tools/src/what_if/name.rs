//! What a what-if is called where nobody says: its parent's name and what was changed.

use retrace_core::ids::{NAME_MAX, SessionName};
use retrace_core::manifest::Change;

use super::edit::Edit;

/// Hex digits that tell long names apart.
const DIGITS: usize = 8;

/// A name such as `sample:latency_ms-250`: the same for the same parent and changes. One that would be too long, or whose
/// values cannot stand in a name, ends in some digits of the changes' digest.
pub(super) fn of(parent: &SessionName, edits: &[Edit]) -> SessionName {
    let mut whole = true;
    let mut name = parent.to_string();
    for edit in edits {
        name.push(':');
        name.push_str(&spelled(&part(edit.change()), &mut whole));
    }
    if whole && let Ok(name) = SessionName::new(&name) {
        return name;
    }
    let mut digest = blake3::Hasher::new();
    for Change { path, value } in edits.iter().map(Edit::change) {
        // Nothing that can be typed has a zero byte.
        digest.update(path.as_bytes()).update(&[0]).update(value.as_deref().unwrap_or("\0").as_bytes()).update(&[0]);
    }
    let digits: String = digest.finalize().to_hex().chars().take(DIGITS).collect();
    let kept: String = name.chars().take(NAME_MAX - DIGITS - 1).collect();
    let short = SessionName::new(&format!("{}:{digits}", kept.trim_end_matches([':', '-', '_', '.'])));
    // Only what may stand in a name is left, and not too much of it.
    short.unwrap_or_else(|_| parent.clone())
}

/// What of one change a name shows: the last field, before it what was picked by its own name, behind it the value.
fn part(Change { path, value }: &Change) -> String {
    let field = path.rsplit('.').next().unwrap_or(path);
    let picks = path.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(pick, _)| pick);
    let symbols = path.split('.').filter(|field| field.contains('/') && !field.contains('['));
    let named: Vec<&str> = picks.filter(|pick| *pick != "*").chain(symbols).collect();
    let named = named.iter().flat_map(|name| [name, "."]).collect::<String>();
    match value {
        Some(value) => format!("{named}{field}-{}", value.trim_matches('"')),
        None => format!("no-{named}{field}"),
    }
}

/// `text` with what may not stand in a name replaced; `whole` stays only where nothing had to be.
fn spelled(text: &str, whole: &mut bool) -> String {
    let mut spell = |c: char| match c {
        // A symbol stays legible, and nothing else of a change has a slash.
        '/' => '_',
        c if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') => c,
        _ => {
            *whole = false;
            '_'
        }
    };
    text.chars().map(&mut spell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_was_changed() {
        let parent = SessionName::new("sample").unwrap();
        let name = |edits: &[&str]| {
            let edits: Vec<Edit> = edits.iter().map(|edit| Edit::set(edit).unwrap()).collect();
            of(&parent, &edits).to_string()
        };
        assert_eq!(name(&["venue.latency_ms=250"]), "sample:latency_ms-250");
        let stop = "directives[*].exit_directive.stop_loss_tolerance=\"0.02\"";
        assert_eq!(name(&[stop]), "sample:stop_loss_tolerance-0.02");
        let fees = ["venue.fees.maker=-0.0001", "venue.fees.taker=0.001"];
        assert_eq!(name(&fees), "sample:maker--0.0001:taker-0.001");
        assert_eq!(name(&["directives[DIP_1].execution_directive.slices=8"]), "sample:DIP_1.slices-8");
        assert_eq!(name(&["instruments.BTC/USDT.lot=0.1"]), "sample:BTC_USDT.lot-0.1");
        assert_eq!(of(&parent, &[Edit::unset("risk").unwrap()]).to_string(), "sample:no-risk");
    }

    #[test]
    fn what_a_name_cannot_say_is_told_apart_by_digits() {
        let parent = SessionName::new(&"p".repeat(NAME_MAX)).unwrap();
        let name = |parent: &SessionName, edit: &str| of(parent, &[Edit::set(edit).unwrap()]).to_string();
        let sample = SessionName::new("sample").unwrap();
        let fees = ["venue.fees={maker: 0, taker: 0.001}", "venue.fees={maker: 0, taker: 0.002}"];
        let [one, other] = fees.map(|edit| name(&sample, edit));
        assert!(one != other && one.starts_with("sample:fees-"), "{one} {other}");
        let [one, other] = ["venue.latency_ms=1", "venue.latency_ms=2"].map(|edit| name(&parent, edit));
        assert!(one != other && one.len() <= NAME_MAX, "{one} {other}");
        assert_eq!(name(&parent, "venue.latency_ms=1"), one);
    }
}
