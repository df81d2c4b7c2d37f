//! Why a session that is there cannot be gone on with.

use std::path::PathBuf;

use retrace_core::manifest::Mode;

/// Why a session cannot be resumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotResumable {
    /// It was imported.
    #[error("it is an import, which is recorded whole or not at all")]
    Import,
    /// Its venue stood outside.
    #[error("it is a {} session, which goes on from its venue, and this version connects to none", .0.as_str())]
    NoConnector(Mode),
    /// Another version of the engine decided it.
    #[error("it was decided by other code: it has decision version {recorded}, this build {this}")]
    OtherCode {
        /// The version that it was decided by.
        recorded: u32,
        /// This build's.
        this: u32,
        /// The build that recorded it.
        build: String,
    },
    /// The market files are not what they were.
    #[error("the market data is not what it was begun with: {difference}, in {}", listed(files))]
    OtherMarket {
        /// What the difference is.
        difference: String,
        /// The market files that were read.
        files: Vec<PathBuf>,
    },
    /// The directives are not what they were.
    #[error("the directives are not those that it was begun with, in {}", file.display())]
    OtherDirectives {
        /// The file that was read.
        file: PathBuf,
    },
}

fn listed(files: &[PathBuf]) -> String {
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    files.join(", ")
}

impl NotResumable {
    /// What to do about it.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Import => "import it again; `retrace verify` says whether it is whole".to_owned(),
            Self::NoConnector(_) => "what it recorded can be read: `retrace replay`, `retrace audit`".to_owned(),
            Self::OtherCode { build, .. } => format!(
                "resume it with the version that recorded it, {build}, or run it anew under another name with \
                 `retrace run FILE.yaml --session NAME`"
            ),
            Self::OtherMarket { .. } => {
                "put the files back as they were; --market-dir DIR looks for them in another folder".to_owned()
            }
            Self::OtherDirectives { .. } => {
                "put the file back as it was; what is new belongs to a new session".to_owned()
            }
        }
    }
}
