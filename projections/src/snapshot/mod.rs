//! Snapshots of a session's projections: canonical text that is the same on every machine, made to be compared.

mod assert;
mod session;

use std::fmt::Write as _;

use retrace_core::chain::genesis;
use retrace_core::content::ContentRef;
use retrace_core::ids::{SESSION_DIGITS, Seq, SessionUid};
use retrace_core::manifest::Identity;
use retrace_core::step::Step;

use crate::ledger::BrokenHistory;
use crate::lineage::Origin;
use crate::projection::{AnyError, Driver, Ended, Fold, Kind, Projections, RegistryError};

pub use session::{ReadError, RecordedSession};

/// The first line of every snapshot: what tells it from other files.
pub const FIRST_LINE: &str = "# A snapshot by retrace: review its changes, do not edit it.";

/// The fields of the heading that may be left out.
const HEADING: [&str; 3] = ["session", "projection", "version"];

/// What a snapshot shall hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// The fields to leave out, by the names that they have in the text. An empty list leaves out nothing.
    pub without: Vec<String>,
}

/// One projection of one session as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectionSnapshot {
    /// The projection's name.
    pub name: &'static str,
    /// Its canonical view under a heading; lines end with `\n`, the last one too.
    pub text: String,
}

/// A snapshot cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The projections cannot be used.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A field to leave out that none of the projections has.
    #[error("no projection has a field {field}")]
    UnknownField {
        /// The field as given.
        field: String,
        /// Every field that there is, in the order of the alphabet.
        known: Vec<&'static str>,
    },
    /// The log cannot be folded.
    #[error(transparent)]
    History(#[from] BrokenHistory),
    /// A projection cannot fold an event.
    #[error("projection {projection}, event {seq}: {source}")]
    Fold {
        /// Which projection.
        projection: &'static str,
        /// Which event.
        seq: Seq,
        /// Why.
        source: AnyError,
    },
    /// A projection cannot show what it holds.
    #[error("projection {projection}: {source}")]
    View {
        /// Which projection.
        projection: &'static str,
        /// Why.
        source: AnyError,
    },
    /// A projection shows a field that it does not announce.
    #[error("projection {projection} shows a field {field} that is not in its FIELDS")]
    UnannouncedField {
        /// Which projection.
        projection: &'static str,
        /// Which field.
        field: &'static str,
    },
}

/// A snapshot of each projection of a session. Pure: no store is needed, and none is linked.
///
/// `text` finds the texts that stand beside the log, such as comments; one that it does not find is left out.
///
/// # Errors
/// [`SnapshotError`] if the projections or options cannot be used, or the log cannot be folded.
pub fn snapshot<'a>(
    identity: &Identity,
    steps: impl IntoIterator<Item = &'a Step>,
    text: &dyn Fn(ContentRef) -> Option<String>,
    projections: &Projections,
    options: &SnapshotOptions,
) -> Result<Vec<ProjectionSnapshot>, SnapshotError> {
    let mut snapshots = Snapshots::begin(identity, projections, options)?;
    for step in steps {
        snapshots.fold(step)?;
    }
    snapshots.finish(text)
}

/// The same, Step by Step, for a log that is read while it is folded.
pub struct Snapshots {
    identity: Identity,
    /// This one, and those that it continues: what the ids in it may hang on.
    sessions: Vec<SessionUid>,
    without: Vec<String>,
    driver: Driver,
    projections: Vec<(Kind, Box<dyn Fold>)>,
}

impl Snapshots {
    /// Before the first Step of a session that continues none.
    ///
    /// # Errors
    /// [`SnapshotError::Registry`] and [`SnapshotError::UnknownField`].
    pub fn begin(
        identity: &Identity,
        projections: &Projections,
        options: &SnapshotOptions,
    ) -> Result<Self, SnapshotError> {
        Self::beginning(identity, Origin::fresh(identity), projections, options)
    }

    /// Before the first Step of a session that begins with `origin`.
    ///
    /// # Errors
    /// As [`Snapshots::begin`].
    pub fn beginning(
        identity: &Identity,
        origin: Origin,
        projections: &Projections,
        options: &SnapshotOptions,
    ) -> Result<Self, SnapshotError> {
        let kinds = projections.kinds()?;
        let mut known: Vec<&str> = kinds.iter().flat_map(|kind| kind.fields).copied().chain(HEADING).collect();
        known.sort_unstable();
        known.dedup();
        if let Some(field) = options.without.iter().find(|field| !known.contains(&field.as_str())) {
            return Err(SnapshotError::UnknownField { field: field.clone(), known });
        }
        let mut without = options.without.clone();
        without.sort_unstable();
        without.dedup();
        Ok(Self {
            identity: identity.clone(),
            sessions: origin.ancestors.iter().map(|ancestor| ancestor.uid).chain([genesis(identity).0]).collect(),
            without,
            driver: Driver::new(origin.book),
            projections: kinds.iter().map(|kind| (*kind, (kind.begin)(identity))).collect(),
        })
    }

    /// Folds the next Step.
    ///
    /// # Errors
    /// [`SnapshotError::History`] and [`SnapshotError::Fold`]; the fold is then of no more use.
    pub fn fold(&mut self, step: &Step) -> Result<(), SnapshotError> {
        for event in &step.events {
            let recorded = self.driver.fold(step, event)?;
            for (kind, projection) in &mut self.projections {
                let failed = |source| SnapshotError::Fold { projection: kind.name, seq: event.seq, source };
                projection.fold(&recorded).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// The snapshots, in the order of the registry.
    ///
    /// # Errors
    /// [`SnapshotError::View`] and [`SnapshotError::UnannouncedField`].
    pub fn finish(self, text: &dyn Fn(ContentRef) -> Option<String>) -> Result<Vec<ProjectionSnapshot>, SnapshotError> {
        let ended = Ended::new(&self.identity, self.driver.book(), text);
        let keep = |field: &str| self.without.iter().all(|left_out| left_out != field);
        let mut snapshots = Vec::with_capacity(self.projections.len());
        for (kind, projection) in &self.projections {
            let view =
                projection.view(&ended).map_err(|source| SnapshotError::View { projection: kind.name, source })?;
            if let Some(field) = view.stranger(kind.fields) {
                return Err(SnapshotError::UnannouncedField { projection: kind.name, field });
            }
            let mut text = self.heading(kind, &keep);
            text.push('\n');
            let shown = self.sessions.iter().fold(view.text(&keep), |shown, session| by_cause(&shown, *session));
            text.push_str(&shown);
            snapshots.push(ProjectionSnapshot { name: kind.name, text });
        }
        Ok(snapshots)
    }

    fn heading(&self, kind: &Kind, keep: &dyn Fn(&str) -> bool) -> String {
        let mut heading = format!("{FIRST_LINE}\n");
        let values = [self.identity.name.to_string(), kind.name.to_owned(), kind.version.to_string()];
        for (name, value) in HEADING.into_iter().zip(values).filter(|(name, _)| keep(name)) {
            // Writing into a string cannot fail.
            let _ = writeln!(heading, "{name}: {value}");
        }
        if !self.without.is_empty() {
            let _ = writeln!(heading, "without: {}", self.without.join(" "));
        }
        heading
    }
}

/// `text` with the derived ids of `session` cut to the digits that their cause gives: `TPL_..` and 20 of 32. The
/// session's own 12 change with every line of its configuration, and would change every line that holds an id.
fn by_cause(text: &str, session: SessionUid) -> String {
    const CAUSE_DIGITS: usize = 32 - SESSION_DIGITS;
    let digits: String = session.to_string().chars().filter(|c| *c != '-').take(SESSION_DIGITS).collect();
    let mut cut = String::with_capacity(text.len());
    let marked = format!("_{digits}");
    let mut parts = text.split(&marked);
    cut.extend(parts.next());
    for part in parts {
        let cause = part.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
        cut.push('_');
        cut.push_str(if cause == CAUSE_DIGITS { ".." } else { &digits });
        cut.push_str(part);
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_the_session_is_cut_to_its_cause_and_nothing_else_is() {
        let session = SessionUid([0xab; 16]);
        let (own, cause) = ("ab".repeat(6), "0123456789abcdef0123");
        let text = format!("plan TPL_{own}{cause}\norder ORD_{own}{cause}: _{own}0 TPL_{}{cause}\n", "cd".repeat(6));
        let cut = format!("plan TPL_..{cause}\norder ORD_..{cause}: _{own}0 TPL_{}{cause}\n", "cd".repeat(6));
        assert_eq!(by_cause(&text, session), cut);
    }
}
