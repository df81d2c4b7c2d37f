//! A session's identity and provenance as bytes.

use super::encode::{continued as continued_form, word};
use super::fields::{Fields, continued};
use super::policy::{PolicyV1, policy_form};
use super::v1::{IdentityV1, InstrumentV1, ProfileV1, ProvenanceV1, VenueV1, WhatIfV1};
use super::{CodecError, decode_manifest_form, encode_form};
use crate::event::Head;
use crate::ids::{SessionName, SessionUid, StrategyInstanceId};
use crate::instrument::{Asset, Instrument};
use crate::manifest::{Account, AccountCheck, Change, Identity, Provenance, TapeIdentity, WhatIf};
use crate::policy::ExecutionPolicy;
use crate::time::{Span, Timestamp};
use crate::venue::{VenueProfile, VenueSettings};

/// What errors call the identity, which is no event and has no kind of its own.
const IDENTITY: u16 = 0;

/// How an identity with an execution policy of its own begins: an empty name, which none has, then the form's version.
/// Without one it is stored as it always was, so that the id of an older session stays what it is.
const EXTENDED: [u8; 2] = [0, 2];

/// The same for an identity whose account is checked, whatever its policy.
const CHECKED: [u8; 2] = [0, 3];

/// How the provenance of a what-if begins: a byte that begins no length, then the form's version. Without one it is stored
/// as it always was.
const WHAT_IF: [u8; 2] = [0xff, 2];

#[derive(bincode::Encode, bincode::Decode)]
struct ProvenanceV2 {
    what_if: WhatIfV1,
    rest: ProvenanceV1,
}

#[derive(bincode::Encode, bincode::Decode)]
struct IdentityV2 {
    policy: PolicyV1,
    rest: IdentityV1,
}

#[derive(bincode::Encode, bincode::Decode)]
struct IdentityV3 {
    check: u8,
    policy: PolicyV1,
    rest: IdentityV1,
}

/// The bytes that are hashed into the session's id and the start of its chain.
pub fn encode_identity(identity: &Identity) -> Vec<u8> {
    let rest = identity_form(identity);
    let policy = policy_form(&identity.policy);
    match identity.account.check {
        AccountCheck::Unchecked if identity.policy == ExecutionPolicy::default() => encode_form(&rest),
        AccountCheck::Unchecked => begun_by(EXTENDED, encode_form(&IdentityV2 { policy, rest })),
        check @ AccountCheck::Cash => begun_by(CHECKED, encode_form(&IdentityV3 { check: word(check), policy, rest })),
    }
}

fn begun_by(version: [u8; 2], form: Vec<u8>) -> Vec<u8> {
    let mut bytes = version.to_vec();
    bytes.extend(form);
    bytes
}

fn identity_form(identity: &Identity) -> IdentityV1 {
    let venue = &identity.venue;
    let profile = &venue.profile;
    IdentityV1 {
        name: identity.name.to_string(),
        mode: word(identity.mode),
        instance: identity.instance.to_string(),
        strategy_digest: identity.strategy_digest,
        tape_digest: identity.tape.digest,
        tape_rows: identity.tape.rows,
        instruments: identity.instruments.iter().map(instrument_form).collect(),
        account_quote: identity.account.quote.to_string(),
        account_balance: identity.account.balance.value().into(),
        venue: VenueV1 {
            profile: ProfileV1 {
                name: profile.name.clone(),
                shorting: profile.shorting,
                reduce_only: profile.reduce_only,
                amend_up: profile.amend_up,
                amend_down: profile.amend_down,
                native_oco: profile.native_oco,
                native_trailing: profile.native_trailing,
                native_iceberg: profile.native_iceberg,
                stop_locks_holding: profile.stop_locks_holding,
                size_free_stop: profile.size_free_stop,
                max_stops: profile.max_stops,
            },
            maker_fee: venue.maker_fee.into(),
            taker_fee: venue.taker_fee.into(),
            fee_asset: word(venue.fee_asset),
            path: word(venue.path),
            slippage_bps: venue.slippage_bps.into(),
            latency_ns: venue.latency.nanos(),
            max_volume_share: venue.max_volume_share.into(),
        },
        seed: identity.seed,
        decision_version: identity.decision_version,
        nonce: identity.nonce,
        continues: identity.continues.as_ref().map(continued_form),
    }
}

fn instrument_form(instrument: &Instrument) -> InstrumentV1 {
    InstrumentV1 {
        symbol: instrument.symbol.to_string(),
        tick: instrument.tick.value().into(),
        lot: instrument.lot.value().into(),
        min_notional: instrument.min_notional.value().into(),
    }
}

/// The identity that `bytes` hold.
///
/// # Errors
/// [`CodecError`] if they hold none.
pub fn decode_identity(bytes: &[u8]) -> Result<Identity, CodecError> {
    let read = Fields { kind: IDENTITY };
    let unchecked = AccountCheck::Unchecked;
    let (form, policy, check): (IdentityV1, _, _) = if let Some(bytes) = bytes.strip_prefix(&CHECKED) {
        let IdentityV3 { check, policy, rest } = decode_manifest_form(IDENTITY, bytes)?;
        (rest, read.policy(&policy)?, read.word("check", check)?)
    } else if let Some(bytes) = bytes.strip_prefix(&EXTENDED) {
        let IdentityV2 { policy, rest } = decode_manifest_form(IDENTITY, bytes)?;
        (rest, read.policy(&policy)?, unchecked)
    } else {
        (decode_manifest_form(IDENTITY, bytes)?, ExecutionPolicy::default(), unchecked)
    };
    let profile = form.venue.profile;
    let instruments = form.instruments.iter().map(|i| {
        Ok(Instrument {
            symbol: read.symbol(&i.symbol)?,
            tick: read.price("tick", i.tick)?,
            lot: read.quantity("lot", i.lot)?,
            min_notional: read.money("min_notional", i.min_notional)?,
        })
    });
    Ok(Identity {
        name: read.text("name", &form.name, SessionName::new)?,
        mode: read.word("mode", form.mode)?,
        instance: read.text("instance", &form.instance, StrategyInstanceId::new)?,
        strategy_digest: form.strategy_digest,
        tape: TapeIdentity { digest: form.tape_digest, rows: form.tape_rows },
        instruments: instruments.collect::<Result<_, CodecError>>()?,
        account: Account {
            quote: read.text("account_quote", &form.account_quote, Asset::new)?,
            balance: read.money("account_balance", form.account_balance)?,
            check,
        },
        venue: VenueSettings {
            profile: VenueProfile {
                name: profile.name,
                shorting: profile.shorting,
                reduce_only: profile.reduce_only,
                amend_up: profile.amend_up,
                amend_down: profile.amend_down,
                native_oco: profile.native_oco,
                native_trailing: profile.native_trailing,
                native_iceberg: profile.native_iceberg,
                stop_locks_holding: profile.stop_locks_holding,
                size_free_stop: profile.size_free_stop,
                max_stops: profile.max_stops,
            },
            maker_fee: read.number("maker_fee", form.venue.maker_fee)?,
            taker_fee: read.number("taker_fee", form.venue.taker_fee)?,
            fee_asset: read.word("fee_asset", form.venue.fee_asset)?,
            path: read.word("path", form.venue.path)?,
            slippage_bps: read.number("slippage_bps", form.venue.slippage_bps)?,
            latency: Span::from_nanos(form.venue.latency_ns),
            max_volume_share: read.number("max_volume_share", form.venue.max_volume_share)?,
        },
        policy,
        seed: form.seed,
        decision_version: form.decision_version,
        nonce: form.nonce,
        continues: form.continues.as_ref().map(continued),
    })
}

/// The bytes of a provenance, which nothing hashes.
pub fn encode_provenance(provenance: &Provenance) -> Vec<u8> {
    let rest = ProvenanceV1 {
        build: provenance.build.clone(),
        sources: provenance.sources.clone(),
        config: provenance.config.clone(),
        created_at_ns: provenance.created_at.map(Timestamp::nanos),
    };
    match &provenance.what_if {
        None => encode_form(&rest),
        Some(what_if) => begun_by(WHAT_IF, encode_form(&ProvenanceV2 { what_if: what_if_form(what_if), rest })),
    }
}

fn what_if_form(what_if: &WhatIf) -> WhatIfV1 {
    let forms = |changes: &[Change]| changes.iter().map(|change| (change.path.clone(), change.value.clone())).collect();
    WhatIfV1 {
        parent: what_if.parent.to_string(),
        uid: what_if.uid.0,
        head: what_if.head.0,
        before: forms(&what_if.before),
        changes: forms(&what_if.changes),
    }
}

/// The provenance that `bytes` hold.
///
/// # Errors
/// [`CodecError`] if they hold none.
pub fn decode_provenance(bytes: &[u8]) -> Result<Provenance, CodecError> {
    let (form, what_if) = if let Some(bytes) = bytes.strip_prefix(&WHAT_IF) {
        let ProvenanceV2 { what_if, rest } = decode_manifest_form(IDENTITY, bytes)?;
        (rest, Some(what_if_of(what_if)?))
    } else {
        (decode_manifest_form::<ProvenanceV1>(IDENTITY, bytes)?, None)
    };
    Ok(Provenance {
        build: form.build,
        sources: form.sources,
        config: form.config,
        created_at: form.created_at_ns.map(Timestamp::from_nanos),
        what_if,
    })
}

fn what_if_of(form: WhatIfV1) -> Result<WhatIf, CodecError> {
    let changes = |forms: Vec<(String, Option<String>)>| {
        forms.into_iter().map(|(path, value)| Change { path, value }).collect::<Vec<_>>()
    };
    Ok(WhatIf {
        parent: Fields { kind: IDENTITY }.text("parent", &form.parent, SessionName::new)?,
        uid: SessionUid(form.uid),
        head: Head(form.head),
        before: changes(form.before),
        changes: changes(form.changes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::samples;

    #[test]
    fn a_manifest_far_larger_than_an_event_reads_back() {
        let config = "x".repeat(1_000_000);
        let provenance = Provenance { config, ..Provenance::default() };
        assert_eq!(decode_provenance(&encode_provenance(&provenance)), Ok(provenance));
        let mut identity = samples::identity("large");
        identity.instruments = vec![samples::btc(); 10_000];
        assert_eq!(decode_identity(&encode_identity(&identity)), Ok(identity));
    }

    /// A session without a policy of its own is stored as it was before there were any: its id stays.
    #[test]
    fn a_policy_is_stored_where_it_is_not_the_default() {
        let plain = samples::identity("plain");
        assert_ne!(encode_identity(&plain).first(), Some(&0));
        let quantity = crate::amount::Quantity::new(5.into()).unwrap();
        let limits = crate::policy::SymbolLimits {
            symbol: samples::btc().symbol,
            max_order_quantity: Some(quantity),
            max_position: None,
        };
        let mut own = plain.clone();
        own.policy.risk.symbols.push(limits);
        own.policy.risk.price_collar = Some(rust_decimal::Decimal::new(5, 2));
        own.policy.batch_defaults.new_trade = Some(crate::policy::BatchPolicy::PARALLEL);
        own.policy.urgency.push(crate::policy::UrgencyRange {
            from: rust_decimal::Decimal::ZERO,
            algorithm: crate::directive::Algorithm::Single,
        });
        let bytes = encode_identity(&own);
        assert_eq!(bytes.get(..2), Some(&EXTENDED[..]));
        assert_eq!(decode_identity(&bytes), Ok(own));
        assert!(decode_identity(&[0, 3, 0]).is_err());
        assert!(decode_identity(&[0, 4, 0]).is_err());
    }

    /// The check of its account is stored where there is one, with or without a policy of its own.
    #[test]
    fn an_account_that_is_checked_has_a_form_of_its_own() {
        let mut checked = samples::identity("checked");
        checked.account.check = AccountCheck::Cash;
        let bytes = encode_identity(&checked);
        assert_eq!(bytes.get(..2), Some(&CHECKED[..]));
        assert_eq!(decode_identity(&bytes), Ok(checked.clone()));
        checked.policy.reject_retries = 7;
        assert_eq!(decode_identity(&encode_identity(&checked)), Ok(checked));
    }
}
