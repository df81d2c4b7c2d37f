//! The lines of a directive file with changes made in them.

use retrace_core::manifest::{Change, Provenance};

use super::WhatIfError;
use super::edit::{Edit, Target};
use super::path::{Reach, Segment, Tally, get};
use crate::input::tree::Tree;

/// The lines of the directive file that a session was first run on, as they are with all that its provenance says was
/// changed since; and that. The session file in a provenance has its changes already.
///
/// # Errors
/// [`WhatIfError::Edit`] if what the provenance says is no change.
pub(crate) fn as_changed(bytes: &[u8], provenance: &Provenance) -> Result<(Vec<Vec<u8>>, Vec<Change>), WhatIfError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines: Vec<Vec<u8>> = bytes.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    let changes = provenance.what_if.iter().flat_map(|what_if| what_if.before.iter().chain(&what_if.changes));
    let changes: Vec<Change> = changes.cloned().collect();
    let stored = changes.iter().map(Edit::stored).collect::<Result<Vec<_>, _>>().map_err(WhatIfError::Edit)?;
    for edit in &stored {
        // What finds no place finds none because the file is another: its digest tells.
        let _ = change_directives(&mut lines, edit, edit.reach());
    }
    Ok((lines, changes))
}

/// A line of a directive file; `None` where it says nothing, or is none.
pub(super) fn read_line(bytes: &[u8]) -> Option<Tree> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if text.is_empty() { None } else { Tree::from_json(text).ok() }
}

/// Under which name a line holds its directive: in the usual form, in the aggregated one.
const ROOTS: [&str; 2] = ["directive", "execution_directive"];

/// The directive of a line, in either form; the operator's lines have none.
pub(super) fn root_of(line: &Tree) -> Option<&Tree> {
    ROOTS.iter().find_map(|name| line.member(name))
}

pub(super) fn is_picked(root: &Tree, pick: &str) -> bool {
    pick == "*" || root.member("directive_id").and_then(Tree::text) == Some(pick)
}

/// The time at which a directive is given stands beside it.
pub(super) fn is_time(way: &[Segment]) -> bool {
    matches!(way, [Segment::Field(name)] if name == "at")
}

/// Makes `edit`, which is about directives, in those lines that it picks; answers what was changed, and in which lines.
pub(super) fn change_directives(
    lines: &mut [Vec<u8>],
    edit: &Edit,
    reach: Reach,
) -> Result<(Tally, Vec<u32>), WhatIfError> {
    let Target::Directives { pick, way } = &edit.target else { return Ok((Tally::default(), Vec::new())) };
    let (mut whole, mut touched, mut known) = (Tally::default(), Vec::new(), Vec::new());
    let mut is_known = pick == "*";
    for (number, bytes) in (1_u32..).zip(lines.iter_mut()) {
        let Some(mut tree) = read_line(bytes) else { continue };
        let Some(root) = root_of(&tree) else { continue };
        known.extend(root.member("directive_id").and_then(Tree::text).map(str::to_owned));
        if !is_picked(root, pick) {
            continue;
        }
        is_known = true;
        let tally = make_in_line(&mut tree, edit, way, reach)?;
        if tally.changed > 0 {
            *bytes = tree.to_json().into_bytes();
        }
        if tally != Tally::default() {
            touched.push(number);
        }
        whole = [whole, tally].into_iter().sum();
    }
    if is_known {
        return Ok((whole, touched));
    }
    known.dedup();
    Err(WhatIfError::NoDirective { edit: edit.to_string(), id: pick.clone(), known })
}

fn make_in_line(line: &mut Tree, edit: &Edit, way: &[Segment], reach: Reach) -> Result<Tally, WhatIfError> {
    let fault = |fault| WhatIfError::Path { edit: edit.to_string(), fault };
    if is_time(way) {
        return edit.make(line, way, reach).map_err(fault);
    }
    let Some(root) = ROOTS.into_iter().find(|name| line.member(name).is_some()) else { return Ok(Tally::default()) };
    let within: Vec<Segment> = std::iter::once(Segment::Field(root.to_owned())).chain(way.iter().cloned()).collect();
    edit.make(line, &within, reach).map_err(fault)
}

/// Makes `edit` in the one line where it would most likely belong: where there is something around it, or else in the
/// first; answers in which.
pub(super) fn ask_by_one(lines: &mut [Vec<u8>], edit: &Edit) -> Option<u32> {
    let Target::Directives { pick, way } = &edit.target else { return None };
    let around = way.split_last().map_or(way.as_slice(), |(_, around)| around);
    let mut best: Option<(bool, u32)> = None;
    for (number, bytes) in (1_u32..).zip(lines.iter()) {
        let Some(tree) = read_line(bytes) else { continue };
        let Some(root) = root_of(&tree).filter(|root| is_picked(root, pick)) else { continue };
        let mut found = Vec::new();
        get(root, around, &mut found);
        let is_better = best.is_none_or(|(given, _)| !given && !found.is_empty());
        if is_better {
            best = Some((!found.is_empty(), number));
        }
    }
    let (_, number) = best?;
    let bytes = lines.get_mut(usize::try_from(number).ok()?.checked_sub(1)?)?;
    let mut line = read_line(bytes)?;
    make_in_line(&mut line, edit, way, Reach::Anywhere).ok()?;
    *bytes = line.to_json().into_bytes();
    Some(number)
}
