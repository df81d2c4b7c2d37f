//! What a read model of a log is: anyone's, the built-in ones included. A pure fold of events with a canonical view.

mod registry;
mod view;

use std::error::Error;

use retrace_core::content::ContentRef;
use retrace_core::event::Event;
use retrace_core::manifest::Identity;
use retrace_core::step::Step;

use crate::ledger::{Book, BrokenHistory, Fill, Group, Order, Plan};

pub(crate) use registry::{Fold, Kind};
pub use registry::{Projections, RegistryError};
pub use view::{Section, View};

/// A read model: a pure fold of a session's events.
///
/// Pure means: what it gives follows from the session's identity and its events alone. It reads no clock, no file and no
/// environment, and walks no unordered map; sums and products of amounts go through [`retrace_core::exact`]. Then its
/// view is the same text on every machine, and a difference means that the session differs.
///
/// ```
/// use std::convert::Infallible;
///
/// use retrace_core::manifest::Identity;
/// use retrace_projections::projection::{Ended, Projection, Recorded, Section, View};
///
/// /// How often each plan was filled.
/// #[derive(Default)]
/// struct FillCount(std::collections::BTreeMap<String, u64>);
///
/// impl Projection for FillCount {
///     const NAME: &'static str = "fill_count";
///     const VERSION: u32 = 1;
///     const FIELDS: &'static [&'static str] = &["fills"];
///     type Error = Infallible;
///
///     fn begin(_: &Identity) -> Self {
///         Self::default()
///     }
///
///     fn fold(&mut self, recorded: &Recorded<'_>) -> Result<(), Infallible> {
///         if let Some(new) = recorded.fill {
///             *self.0.entry(new.plan.id.to_string()).or_default() += 1;
///         }
///         Ok(())
///     }
///
///     fn view(&self, _: &Ended<'_>) -> Result<View, Infallible> {
///         Ok(self.0.iter().map(|(plan, fills)| Section::new(format!("plan {plan}")).below("fills", fills)).collect())
///     }
/// }
/// ```
pub trait Projection: Sized + 'static {
    /// Its name, in `snake_case`: what `--projection` takes, and a part of its snapshots' file names.
    const NAME: &'static str;

    /// The version of its code. Raised whenever it gives another view of the same log on purpose.
    const VERSION: u32;

    /// The name of every field that its view may hold, in `snake_case`: what `--without` takes. A view with another
    /// field is refused, so the list cannot go stale.
    const FIELDS: &'static [&'static str];

    /// Why a fold can fail, such as [`retrace_core::exact::Inexact`]; [`std::convert::Infallible`] where it cannot.
    type Error: Error + Send + Sync + 'static;

    /// Before the session's first event.
    fn begin(identity: &Identity) -> Self;

    /// Folds one event.
    ///
    /// # Errors
    /// When the event cannot be folded; the projection is then of no more use.
    fn fold(&mut self, recorded: &Recorded<'_>) -> Result<(), Self::Error>;

    /// What it holds after the last event, in canonical form: the same for the same log, in an order that means
    /// something, and so that a change of one thing is a change of one line.
    ///
    /// # Errors
    /// When a value that is only worked out at the end does not fit.
    fn view(&self, ended: &Ended<'_>) -> Result<View, Self::Error>;
}

/// One recorded event, with what a fold may read of the session at that point.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Recorded<'a> {
    /// The event.
    pub event: &'a Event,
    /// The Step it is a part of: the input that led to it, and how far the tape was consumed.
    pub step: &'a Step,
    /// The ledger after the event, sealed plans included: public ids, orders and their states, instruments.
    pub book: &'a Book,
    /// The fill that this event added to the ledger. A fill that was reported before is booked once, so this is `None`
    /// for a repeat and for a conflict. A fill may be put right or taken back later: what all of them come to is in the
    /// book ([`Plan::standing_fills`]).
    pub fill: Option<NewFill<'a>>,
}

/// A fill that was just booked, with what it belongs to.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct NewFill<'a> {
    /// Its plan, after it.
    pub plan: &'a Plan,
    /// Its group, after it.
    pub group: &'a Group,
    /// Its order, after it.
    pub order: &'a Order,
    /// The fill itself.
    pub fill: &'a Fill,
}

/// The end of a session: what a view may read.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Ended<'a> {
    /// What decides what the session does.
    pub identity: &'a Identity,
    /// The ledger after the last event.
    pub book: &'a Book,
    text: &'a dyn Fn(ContentRef) -> Option<String>,
}

impl<'a> Ended<'a> {
    pub(crate) fn new(identity: &'a Identity, book: &'a Book, text: &'a dyn Fn(ContentRef) -> Option<String>) -> Self {
        Self { identity, book, text }
    }

    /// A text that stands beside the log, such as a comment; `None` where it was erased or is not at hand.
    pub fn text(&self, reference: ContentRef) -> Option<String> {
        (self.text)(reference)
    }
}

/// Folds events into a book and says of each what it added, for whoever drives projections.
pub(crate) struct Driver {
    book: Book,
}

impl Driver {
    pub(crate) const fn new(begin: Book) -> Self {
        Self { book: begin }
    }

    pub(crate) const fn book(&self) -> &Book {
        &self.book
    }

    /// Folds one event of `step` and answers with what a projection may read of it.
    pub(crate) fn fold<'a>(&'a mut self, step: &'a Step, event: &'a Event) -> Result<Recorded<'a>, BrokenHistory> {
        let before = fills_of(&self.book, event).map_or(0, <[Fill]>::len);
        self.book.apply(event)?;
        let book = &self.book;
        let added = fills_of(book, event).and_then(|fills| fills.get(before..)).and_then(<[Fill]>::first);
        let fill = added.filter(|fill| !fill.busted).and_then(|fill| {
            let plan = event.plan.and_then(|no| book.plan(no))?;
            let group = plan.group_of(event.order?)?;
            Some(NewFill { plan, group, order: group.orders.get(event.order?)?, fill })
        });
        Ok(Recorded { event, step, book, fill })
    }
}

fn fills_of<'a>(book: &'a Book, event: &Event) -> Option<&'a [Fill]> {
    let plan = event.plan.and_then(|no| book.plan(no))?;
    plan.order(event.order?).map(|order| order.fills.as_slice())
}

/// An error of a projection, whatever its type.
pub(crate) type AnyError = Box<dyn Error + Send + Sync>;
