//! The pages of the documentation show what the commands say: every ```` ```console ```` block is run, in order, in one
//! folder, and its output must be the one on the page. A line of three dots stands for any lines.

use std::path::Path;
use std::process::Command;

/// Runs a page.
pub(crate) fn check(page: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(page)).unwrap();
    let place = tempfile::tempdir().unwrap();
    let folder = Path::new(env!("CARGO_BIN_EXE_retrace")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut run = 0;
    for (command, expected) in commands(&text) {
        let output =
            Command::new("sh").args(["-c", &command]).current_dir(place.path()).env("PATH", &path).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        let said: Vec<&str> = said.lines().collect();
        assert!(
            matches(&expected, &said),
            "{page}: $ {command}\nsays\n{}\nnot\n{}",
            said.join("\n"),
            expected.join("\n")
        );
        run += 1;
    }
    assert!(run > 0, "{page} shows no command");
}

/// The commands of a page, each with the lines that it is to print.
fn commands(text: &str) -> Vec<(String, Vec<&str>)> {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            found.push((command.to_owned(), Vec::new()));
        } else if inside {
            found.last_mut().expect("a block begins with a command").1.push(line);
        }
    }
    found
}

fn matches(expected: &[&str], said: &[&str]) -> bool {
    match expected.split_first() {
        None => said.is_empty(),
        Some((&"...", rest)) => (0..=said.len()).any(|from| matches(rest, &said[from..])),
        Some((line, rest)) => said.split_first().is_some_and(|(first, said)| first == line && matches(rest, said)),
    }
}

#[test]
fn snapshots_shows_what_the_commands_say() {
    check("docs/snapshots.md");
}

#[test]
fn another_output_is_found() {
    let said = ["a", "b", "c"];
    assert!(matches(&["a", "...", "c"], &said) && matches(&["..."], &said) && matches(&said, &said));
    assert!(!matches(&["a", "..."], &[]) && !matches(&["a", "c"], &said) && !matches(&["...", "b"], &said));
}
