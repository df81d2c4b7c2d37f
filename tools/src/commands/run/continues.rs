//! `retrace run FILE.yaml --continues SESSION`: a session that begins with the last ledger of another one.

use std::path::Path;

use retrace_core::amount::Money;
use retrace_core::ids::{Seq, SessionName};
use retrace_core::instrument::Asset;
use retrace_projections::ledger::Ledger;
use retrace_projections::lineage::Origin;
use retrace_replay::continuing::can_continue;
use serde::Serialize;

use crate::commands::stored::{StoredSession, open_store};
use crate::error::CliError;
use crate::input::directives::Known;
use crate::output::text::{counted, signed_money};
use crate::session::{self, LoadedSession};

/// What a session may go on from.
#[derive(Debug, clap::Args)]
pub(super) struct ContinuesArgs {
    /// Session of the store to go on from: its open plans, orders and timers, where its log ends
    #[arg(long = "continues", value_name = "SESSION", requires = "file", conflicts_with_all = ["from", "resume"])]
    parent: Option<String>,
}

/// What was taken over from the session that is continued, for the summary.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CarriedOver {
    /// That session.
    session: SessionName,
    /// Its last event.
    events: Seq,
    /// How many plans were open.
    plans: u64,
    /// What those had brought by then, before fees: a part of what the summary says of them now.
    realized_pnl: Money,
    /// The same after fees.
    net_pnl: Money,
    #[serde(skip)]
    quote: Asset,
}

impl ContinuesArgs {
    /// The session of that file and name, or one that goes on from another of the store in `dir`. Nothing is written.
    pub(super) fn load(
        &self,
        file: &Path,
        name: Option<&SessionName>,
        dir: &Path,
    ) -> Result<(LoadedSession, Option<CarriedOver>), CliError> {
        let named = |loaded: LoadedSession| match name {
            Some(name) => loaded.named(name.clone()),
            None => loaded,
        };
        let Some(parent) = &self.parent else { return Ok((named(session::load(file)?), None)) };
        let reader = open_store(dir)?;
        let parent = StoredSession::find(&reader, parent)?;
        let origin = Origin::at_the_end_of(&reader, parent.uid)
            .map_err(|source| CliError::Lineage { session: parent.name.clone(), source: Box::new(source) })?;
        let loaded = named(session::load_after(file, Known::of(&origin.book))?);
        let (Some(ancestor), Some((begins, _))) = (origin.ancestors.last(), loaded.tape.span()) else {
            // Never so: the parent is an ancestor, and a session without a bar is not loaded.
            return Ok((loaded, None));
        };
        can_continue(&loaded.identity, begins, ancestor, origin.book.ledger())
            .map_err(|source| CliError::NotContinued { file: file.to_owned(), source: Box::new(source) })?;
        let carried =
            CarriedOver::of(&parent.name, ancestor.events, origin.book.ledger(), &loaded.identity.account.quote);
        Ok((loaded.continuing(origin), Some(carried)))
    }
}

impl CarriedOver {
    fn of(session: &SessionName, events: Seq, ledger: &Ledger, quote: &Asset) -> Self {
        let quoted =
            || ledger.plans().filter(|plan| plan.symbol().quote() == quote).map(|plan| plan.accounting.totals());
        Self {
            session: session.clone(),
            events,
            plans: ledger.plans().count() as u64,
            realized_pnl: sum(quoted().map(|totals| totals.realized)),
            net_pnl: sum(quoted().map(|totals| totals.net().unwrap_or_default())),
            quote: quote.clone(),
        }
    }

    /// For people: from where, and what of `net_pnl`, what all plans come to now, was brought before.
    pub(super) fn line(&self, net_pnl: Money) -> String {
        let Self { session, events, plans, quote, .. } = self;
        let open = counted(*plans, "open plan");
        let own = net_pnl.minus(self.net_pnl).unwrap_or_default();
        let (before, own) = (signed_money(self.net_pnl), signed_money(own));
        format!("goes on from {session}, event {events}, with {open}: net {before} {quote} before, {own} {quote} since")
    }
}

fn sum(mut amounts: impl Iterator<Item = Money>) -> Money {
    amounts.try_fold(Money::ZERO, Money::plus).unwrap_or_default()
}
