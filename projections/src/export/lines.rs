//! The three kinds of line: as they are written, and what of them is read. All that can be made again is not read.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use retrace_core::content::{Content, ContentRef, Salt};
use retrace_core::event::{Head, SessionContinued};
use retrace_core::ids::{Seq, SessionName, SessionUid, StrategyInstanceId};
use retrace_core::instrument::Instrument;
use retrace_core::manifest::{Account, Change, Identity, Mode, Provenance, WhatIf};
use retrace_core::policy::ExecutionPolicy;
use retrace_core::store::Checkpoint;
use retrace_core::time::Timestamp;
use retrace_core::venue::{FeeAsset, FillPath, VenueProfile, VenueSettings};
use rust_decimal::Decimal;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};

use super::difference::shortened;
use super::fault::ExportFault;
use crate::event_view::EventView;

/// How each kind of line begins.
pub(super) const MANIFEST: &str = r#"{"retrace_export":"#;
pub(super) const STEP: &str = r#"{"seq":"#;
pub(super) const END: &str = r#"{"end":"#;

/// The first line.
#[derive(Serialize)]
pub(super) struct ManifestLine<'a> {
    pub(super) retrace_export: u32,
    pub(super) session: &'a SessionName,
    pub(super) uid: SessionUid,
    #[serde(serialize_with = "base64_text")]
    pub(super) identity: &'a [u8],
    pub(super) identity_view: IdentityView<'a>,
    pub(super) provenance: ProvenanceView<'a>,
    pub(super) checkpoints: Vec<CheckpointView<'a>>,
}

/// One Step.
#[derive(Serialize)]
pub(super) struct StepLine<'a> {
    pub(super) seq: Seq,
    #[serde(serialize_with = "base64_text")]
    pub(super) frame: &'a [u8],
    pub(super) events: Vec<EventView>,
    pub(super) texts: Vec<TextView<'a>>,
}

/// The last line.
#[derive(Serialize)]
pub(super) struct EndLine<'a> {
    pub(super) end: &'a EndView,
}

/// What a session comes to: what the last line of an export says of all lines before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EndView {
    /// The last event; 0 for none.
    pub events: Seq,
    /// How many Steps there are.
    pub steps: u64,
    /// The head over all of them.
    pub head: Head,
    /// The version of the fold that gives the ledger; see [`crate::ledger::PROJECTION_VERSION`].
    pub ledger_version: u32,
    /// The digest of the final ledger, as that version of the fold has it.
    pub ledger_digest: Head,
    /// Whether the session had come to its end: a checkpoint says so.
    pub finished: bool,
}

/// Where and by what a session was made.
#[derive(Serialize)]
pub(super) struct ProvenanceView<'a> {
    build: &'a str,
    sources: &'a [String],
    config: &'a str,
    created_at: Option<Timestamp>,
    /// Absent where it is no what-if, as in exports from before there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    what_if: Option<&'a WhatIf>,
}

/// An identity that people can read.
#[derive(Serialize)]
pub(super) struct IdentityView<'a> {
    name: &'a SessionName,
    mode: Mode,
    instance: &'a StrategyInstanceId,
    strategy_digest: Head,
    tape: TapeView,
    instruments: &'a [Instrument],
    account: &'a Account,
    venue: VenueView<'a>,
    /// Absent where it is the default, as in exports from before there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a ExecutionPolicy>,
    seed: u64,
    decision_version: u32,
    nonce: Option<String>,
    continues: Option<SessionContinued>,
}

#[derive(Serialize)]
struct TapeView {
    digest: Head,
    rows: u64,
}

#[derive(Serialize)]
struct VenueView<'a> {
    profile: ProfileView<'a>,
    maker_fee: Decimal,
    taker_fee: Decimal,
    fee_asset: FeeAsset,
    path: FillPath,
    slippage_bps: Decimal,
    latency_ns: u64,
    max_volume_share: Decimal,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of the profile itself")]
struct ProfileView<'a> {
    name: &'a str,
    shorting: bool,
    reduce_only: bool,
    amend_up: bool,
    amend_down: bool,
    native_oco: bool,
    native_trailing: bool,
    native_iceberg: bool,
    stop_locks_holding: bool,
    size_free_stop: bool,
    max_stops: Option<u16>,
}

/// A digest of a projection, kept beside the chain.
#[derive(Serialize)]
pub(super) struct CheckpointView<'a> {
    seq: Seq,
    projection: &'a str,
    version: u32,
    digest: Head,
    finished: bool,
}

/// A text that stands beside the log.
#[derive(Serialize)]
pub(super) struct TextView<'a> {
    reference: ContentRef,
    salt: String,
    text: &'a str,
}

/// The view of an identity. Written field by field, so that a new one is not forgotten.
pub(super) fn identity_view(identity: &Identity) -> IdentityView<'_> {
    let Identity {
        name,
        mode,
        instance,
        strategy_digest,
        tape,
        instruments,
        account,
        venue,
        policy,
        seed,
        decision_version,
        nonce,
        continues,
    } = identity;
    IdentityView {
        name,
        mode: *mode,
        instance,
        strategy_digest: Head(*strategy_digest),
        tape: TapeView { digest: Head(tape.digest), rows: tape.rows },
        instruments,
        account,
        venue: venue_view(venue),
        policy: Some(policy).filter(|policy| **policy != ExecutionPolicy::default()),
        seed: *seed,
        decision_version: *decision_version,
        nonce: nonce.as_ref().map(|nonce| hex(nonce)),
        continues: *continues,
    }
}

/// An identity field by field, as an export shows it; the policy always, where an export leaves out the default one.
pub fn identity_fields(identity: &Identity) -> serde_json::Value {
    let view = IdentityView { policy: Some(&identity.policy), ..identity_view(identity) };
    // Plain structs of texts and numbers can always be written.
    serde_json::to_value(view).unwrap_or_default()
}

fn venue_view(venue: &VenueSettings) -> VenueView<'_> {
    let VenueSettings { profile, maker_fee, taker_fee, fee_asset, path, slippage_bps, latency, max_volume_share } =
        venue;
    VenueView {
        profile: profile_view(profile),
        maker_fee: *maker_fee,
        taker_fee: *taker_fee,
        fee_asset: *fee_asset,
        path: *path,
        slippage_bps: *slippage_bps,
        latency_ns: latency.nanos(),
        max_volume_share: *max_volume_share,
    }
}

fn profile_view(profile: &VenueProfile) -> ProfileView<'_> {
    let VenueProfile {
        name,
        shorting,
        reduce_only,
        amend_up,
        amend_down,
        native_oco,
        native_trailing,
        native_iceberg,
        stop_locks_holding,
        size_free_stop,
        max_stops,
    } = profile;
    ProfileView {
        name,
        shorting: *shorting,
        reduce_only: *reduce_only,
        amend_up: *amend_up,
        amend_down: *amend_down,
        native_oco: *native_oco,
        native_trailing: *native_trailing,
        native_iceberg: *native_iceberg,
        stop_locks_holding: *stop_locks_holding,
        size_free_stop: *size_free_stop,
        max_stops: *max_stops,
    }
}

pub(super) fn provenance_view(provenance: &Provenance) -> ProvenanceView<'_> {
    let Provenance { build, sources, config, created_at, what_if } = provenance;
    ProvenanceView { build, sources, config, created_at: *created_at, what_if: what_if.as_ref() }
}

pub(super) fn checkpoint_view(checkpoint: &Checkpoint) -> CheckpointView<'_> {
    let Checkpoint { seq, projection, version, digest, finished } = checkpoint;
    CheckpointView { seq: *seq, projection, version: *version, digest: Head(*digest), finished: *finished }
}

pub(super) fn text_view(text: &(ContentRef, Content)) -> TextView<'_> {
    let (reference, Content { salt, text }) = text;
    TextView { reference: *reference, salt: hex(&salt.0), text }
}

/// The version alone: what comes after it may be unknown here.
#[derive(Deserialize)]
pub(super) struct GivenVersion {
    pub(super) retrace_export: u64,
}

/// What is read of a first line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenManifest<'a> {
    #[serde(rename = "retrace_export")]
    _version: IgnoredAny,
    #[serde(borrow)]
    pub(super) session: Cow<'a, str>,
    #[serde(rename = "uid")]
    _uid: IgnoredAny,
    #[serde(borrow)]
    pub(super) identity: Cow<'a, str>,
    #[serde(rename = "identity_view")]
    _identity_view: IgnoredAny,
    pub(super) provenance: GivenProvenance,
    pub(super) checkpoints: Vec<GivenCheckpoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenProvenance {
    build: String,
    sources: Vec<String>,
    config: String,
    created_at: Option<String>,
    what_if: Option<GivenWhatIf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenWhatIf {
    parent: String,
    uid: String,
    head: String,
    before: Vec<GivenChange>,
    changes: Vec<GivenChange>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenChange {
    path: String,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenCheckpoint {
    seq: u64,
    projection: String,
    version: u32,
    digest: String,
    finished: bool,
}

/// What is read of a Step's line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenStep<'a> {
    #[serde(rename = "seq")]
    _seq: IgnoredAny,
    #[serde(borrow)]
    pub(super) frame: Cow<'a, str>,
    #[serde(rename = "events")]
    _events: IgnoredAny,
    pub(super) texts: Vec<GivenText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenText {
    reference: String,
    salt: String,
    text: String,
}

/// What is read of the last line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenEndLine {
    pub(super) end: GivenEnd,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenEnd {
    #[serde(rename = "events")]
    _events: IgnoredAny,
    #[serde(rename = "steps")]
    _steps: IgnoredAny,
    #[serde(rename = "head")]
    _head: IgnoredAny,
    pub(super) ledger_version: u32,
    pub(super) ledger_digest: String,
    #[serde(rename = "finished")]
    _finished: IgnoredAny,
}

impl GivenProvenance {
    pub(super) fn read(self) -> Result<Provenance, ExportFault> {
        let Self { build, sources, config, created_at, what_if } = self;
        let time = |text: String| text.parse().map_err(|_| ExportFault::NotATime { value: shortened(&text) });
        let created_at = created_at.map(time).transpose()?;
        let what_if = what_if.map(GivenWhatIf::read).transpose()?;
        Ok(Provenance { build, sources, config, created_at, what_if })
    }
}

impl GivenWhatIf {
    fn read(self) -> Result<WhatIf, ExportFault> {
        let changes = |given: Vec<GivenChange>| {
            given.into_iter().map(|GivenChange { path, value }| Change { path, value }).collect::<Vec<_>>()
        };
        Ok(WhatIf {
            parent: SessionName::new(&self.parent)?,
            // Hyphens in other places are found when the line is made again.
            uid: SessionUid(read_hex("provenance.what_if: a session id", &self.uid.replace('-', ""))?),
            head: Head(read_hex("provenance.what_if: a head", &self.head)?),
            before: changes(self.before),
            changes: changes(self.changes),
        })
    }
}

impl GivenCheckpoint {
    pub(super) fn read(self) -> Result<Checkpoint, ExportFault> {
        let Self { seq, projection, version, digest, finished } = self;
        let digest = read_hex("checkpoints: a digest", &digest)?;
        Ok(Checkpoint { seq: Seq(seq), projection, version, digest, finished })
    }
}

impl GivenText {
    pub(super) fn read(self) -> Result<(ContentRef, Content), ExportFault> {
        let reference = ContentRef(read_hex("texts: a reference", &self.reference)?);
        let salt = Salt(read_hex("texts: a salt", &self.salt)?);
        Ok((reference, Content { salt, text: self.text }))
    }
}

fn base64_text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

pub(super) fn read_base64(field: &'static str, text: &str) -> Result<Vec<u8>, ExportFault> {
    STANDARD.decode(text).map_err(|source| ExportFault::Base64 { field, source })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

/// Other spellings of a digit are found when the line is made again.
pub(super) fn read_hex<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], ExportFault> {
    let wrong = || ExportFault::NotHex { field, digits: N.saturating_mul(2) };
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return Err(wrong());
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let digits = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}
