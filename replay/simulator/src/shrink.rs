//! Makes a failing script as short as it gets: whatever it fails without is taken out.

use retrace_core::policy::BatchDefaults;

use crate::fault::Fault;
use crate::finding::Finding;
use crate::profile::Profile;
use crate::script::{Mischief, Outage, Restart, Script, Trick};
use crate::world::play;

/// The shortest script found that still breaks the same bound. Deterministic.
pub fn shrink(script: &Script, fault: Option<Fault>, finding: &Finding) -> Script {
    let fails = |script: &Script| play(script, fault).finding.is_some_and(|found| found.is_like(finding));
    let mut best = script.clone();
    loop {
        let before = best.clone();
        best = tricks(best, &fails);
        best = without(best, |script| &mut script.restarts, &fails);
        best = sooner(best, &fails);
        best = without(best, |script| &mut script.outages, &fails);
        best = without(best, |script| &mut script.acts, &fails);
        best = rules(best, &fails);
        if best == before {
            return best;
        }
    }
}

/// Fewer tricks: those that are not needed are not played.
fn tricks(mut best: Script, fails: &impl Fn(&Script) -> bool) -> Script {
    let mut fair = best.clone();
    fair.mischief = Mischief::default();
    if fair != best && fails(&fair) {
        return fair;
    }
    for trick in Trick::ALL {
        if best.mischief.odds(trick) > 0 {
            let mut without = best.clone();
            without.mischief.set(trick, 0);
            if fails(&without) {
                best = without;
            }
        }
    }
    best
}

/// Restarts as soon as can be: what comes before them is then not needed.
fn sooner(mut best: Script, fails: &impl Fn(&Script) -> bool) -> Script {
    for place in 0..best.restarts.len() {
        let after = best.restarts.get(place).map_or(0, |restart| restart.after);
        let mut step = after / 2;
        while step > 0 {
            let mut tried = best.clone();
            if let Some(restart) = tried.restarts.get_mut(place) {
                restart.after = restart.after.saturating_sub(step);
            }
            if tried != best && fails(&tried) {
                best = tried;
            } else {
                step /= 2;
            }
        }
    }
    best
}

/// Plainer rules.
fn rules(mut best: Script, fails: &impl Fn(&Script) -> bool) -> Script {
    let plainer: [fn(&mut Script); 19] = [
        |script| script.limits.order = None,
        |script| script.limits.position = None,
        |script| script.limits.notional = None,
        |script| script.limits.account = None,
        |script| script.limits.collar = None,
        |script| script.limits.per_minute = None,
        |script| script.limits.open = None,
        |script| script.batches = BatchDefaults::default(),
        |script| script.limits.cash = None,
        |script| script.rules.min_notional = 0,
        |script| script.rules.fee_in_base = false,
        |script| script.rules.profile = Profile::backtest(),
        |script| script.rules.profile.amend_down = true,
        |script| script.rules.profile.amend_up = true,
        |script| script.rules.profile.max_stops = None,
        |script| script.rules.profile.native_oco = true,
        |script| script.rules.profile.stop_locks_holding = false,
        |script| script.rules.profile.reduce_only |= !script.rules.profile.stop_locks_holding,
        |script| script.rules.profile.shorting |= !script.rules.profile.stop_locks_holding,
    ];
    for make_plainer in plainer {
        let mut tried = best.clone();
        make_plainer(&mut tried);
        if tried != best && fails(&tried) {
            best = tried;
        }
    }
    best
}

/// A list of a script that may be shortened.
trait Part: Clone + PartialEq {}
impl Part for Restart {}
impl Part for Outage {}
impl Part for crate::script::Act {}

/// Takes ever smaller runs out of a list.
fn without<T: Part>(
    mut best: Script,
    list: fn(&mut Script) -> &mut Vec<T>,
    fails: &impl Fn(&Script) -> bool,
) -> Script {
    let mut run = list(&mut best).len();
    while run > 0 {
        let mut from = 0;
        while from < list(&mut best).len() {
            let mut tried = best.clone();
            let part = list(&mut tried);
            let to = part.len().min(from + run);
            part.drain(from..to);
            if fails(&tried) {
                best = tried;
            } else {
                from += run;
            }
        }
        run /= 2;
    }
    best
}
