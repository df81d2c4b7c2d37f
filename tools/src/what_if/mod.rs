//! A recorded session with something changed: what is changed and where (`path`, `edit`), the session that it is changed
//! of (`base`, and `lines` for its directives), what the result is called (`name`), many of them at once (`grid`), and what each came to (`figures`).
//!
//! Everything that is changed goes through the readers of session and directive files, so that a what-if is refused where
//! a file that said the same would be.

mod base;
mod edit;
mod error;
mod figures;
mod grid;
mod lines;
mod name;
mod path;

pub(crate) use base::{Base, Effect, Elsewhere, Parent, Variant};
pub use edit::{BadEdit, Edit};
pub use error::WhatIfError;
pub(crate) use figures::Figures;
pub use grid::Axis;
pub(crate) use grid::{Grid, GridError, Point};
pub(crate) use lines::as_changed;
