//! The documents that show commands are run: each ```console block is typed into a shell, and what it prints must be
//! what the page says. `RETRACE_WRITE_PAGES=1` writes the pages anew from what is printed.
//!
//! A block whose fence names a file (```yaml session.yaml) is that file. All blocks of a page share one folder, in
//! order. A line `...` stands for any lines; a time such as `0.032 s` is not compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a page is made of.
enum Part {
    /// Lines that are only read.
    Prose(String),
    /// A file: its name and what is in it.
    File(String, String),
    /// Commands, each with the output that the page shows.
    Console(Vec<Shown>),
}

/// A command and the output that the page shows for it.
struct Shown {
    command: String,
    output: Vec<String>,
}

const FENCE: &str = "```";

fn parts(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = page.lines();
    let mut prose = String::new();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix(FENCE) else {
            prose.push_str(line);
            prose.push('\n');
            continue;
        };
        let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != FENCE).collect();
        let block =
            || format!("{line}\n{}{FENCE}\n", inside.iter().map(|line| format!("{line}\n")).collect::<String>());
        match info.split_once(' ') {
            None if info == "console" => {
                parts.push(Part::Prose(std::mem::take(&mut prose)));
                parts.push(Part::Console(commands(&inside)));
            }
            Some((_, name)) => {
                prose.push_str(&block());
                parts.push(Part::Prose(std::mem::take(&mut prose)));
                parts.push(Part::File(name.to_owned(), inside.iter().map(|line| format!("{line}\n")).collect()));
            }
            None => prose.push_str(&block()),
        }
    }
    parts.push(Part::Prose(prose));
    parts
}

fn commands(lines: &[&str]) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    for line in lines {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push(Shown { command: command.to_owned(), output: Vec::new() }),
            // A command goes on where its last line ends in a backslash.
            (None, Some(last)) if last.output.is_empty() && last.command.ends_with('\\') => {
                last.command.push('\n');
                last.command.push_str(line);
            }
            (None, Some(last)) => last.output.push((*line).to_owned()),
            (None, None) => panic!("a console block begins with a command, not with {line:?}"),
        }
    }
    commands
}

/// What the shell prints for `command` in `folder`, both streams, without the empty lines at either end.
fn typed(command: &str, folder: &Path) -> Vec<String> {
    let binary = Path::new(env!("CARGO_BIN_EXE_retrace")).parent().unwrap().to_owned();
    let path = std::env::join_paths(
        std::iter::once(binary).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(folder)
        .env("PATH", path.unwrap())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
    trimmed(&lines)
}

fn trimmed(lines: &[String]) -> Vec<String> {
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !line.is_empty()).map_or(first, |last| last + 1);
    lines[first..last].to_vec()
}

/// Whether `printed` is what the page shows: equal but for elapsed times, `...` for any lines.
fn agrees(shown: &[String], printed: &[String]) -> bool {
    match (shown, printed) {
        ([], []) => true,
        ([], _) => false,
        ([first, rest @ ..], _) if first.trim() == "..." => {
            (0..=printed.len()).any(|skipped| agrees(rest, &printed[skipped..]))
        }
        ([first, rest @ ..], [line, more @ ..]) => untimed(first) == untimed(line) && agrees(rest, more),
        ([_, ..], []) => false,
    }
}

fn untimed(line: &str) -> String {
    let mut words: Vec<&str> = line.trim_end().split(' ').collect();
    for at in 1..words.len() {
        if words[at] == "s" && words[at - 1].parse::<f64>().is_ok() {
            words[at - 1] = "0.000";
        }
    }
    words.join(" ")
}

/// Runs a page; answers it as it should read, and what differs.
fn run(page: &str) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let mut differences = Vec::new();
    let mut written = String::new();
    for part in parts(page) {
        match part {
            Part::Prose(text) => written.push_str(&text),
            Part::File(name, text) => {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Part::Console(commands) => {
                written.push_str("```console\n");
                for (at, Shown { command, output }) in commands.iter().enumerate() {
                    let printed = typed(command, folder.path());
                    let same = agrees(&trimmed(output), &printed);
                    if !same {
                        differences.push(format!("$ {command}\n{}", printed.join("\n")));
                    }
                    let kept = if same { trimmed(output) } else { printed };
                    let between = if at == 0 { "" } else { "\n" };
                    written.push_str(&format!("{between}$ {command}\n"));
                    for line in kept {
                        written.push_str(&line);
                        written.push('\n');
                    }
                }
                written.push_str("```\n");
            }
        }
    }
    (written, differences)
}

fn check(name: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    let page = fs::read_to_string(&path).unwrap();
    let (written, differences) = run(&page);
    if std::env::var_os("RETRACE_WRITE_PAGES").is_some() {
        fs::write(&path, written).unwrap();
        return;
    }
    assert!(
        differences.is_empty(),
        "{name} shows what is no longer printed (RETRACE_WRITE_PAGES=1 writes it anew):\n\n{}",
        differences.join("\n\n")
    );
}

#[test]
fn the_page_on_continuing_shows_what_is_printed() {
    check("docs/continuing.md");
}

#[test]
fn the_guide_shows_what_is_printed() {
    check("docs/guide.md");
}

#[test]
fn the_page_on_snapshots_shows_what_is_printed() {
    check("docs/snapshots.md");
}

#[test]
fn the_page_on_directives_shows_what_is_printed() {
    check("docs/directives.md");
}

#[test]
fn the_page_on_what_ifs_shows_what_is_printed() {
    check("docs/what-if.md");
}

#[test]
fn the_page_on_comparing_shows_what_is_printed() {
    check("docs/comparing.md");
}

#[test]
fn the_readme_shows_what_is_printed() {
    check("README.md");
}

#[test]
fn a_page_that_shows_something_else_is_told() {
    let page = "text\n```txt a/b.txt\none\ntwo\n```\n```console\n$ cat a/b.txt\none\n...\n$ echo 3.25 s; cat a/none || true\n1.00 s\n```\nend\n";
    let (written, differences) = run(page);
    assert_eq!(differences.len(), 1);
    assert!(differences[0].starts_with("$ echo 3.25 s") && differences[0].contains("No such file"), "{differences:?}");
    assert!(written.contains("$ cat a/b.txt\none\n...\n") && written.ends_with("```\nend\n"), "{written}");
    assert!(run(&written).1.is_empty(), "what was written anew agrees");
}
